// Shows every [data-grid] as a grid that sorts and filters, from the JSON inside it.
"use strict";

for (const place of document.querySelectorAll("[data-grid]")) {
  const { columns, rows } = JSON.parse(place.querySelector("script").textContent);
  place.replaceChildren();
  const isNumber = (name) => rows.some((row) => typeof row[name] === "number");
  new Tabulator(place, {
    data: rows,
    layout: "fitDataFill",
    height: Math.min(480, 90 + rows.length * 30),
    nestedFieldSeparator: false,
    columns: columns.map(({ name, title }) => ({
      title, field: name, headerFilter: "input", formatter: "plaintext",
      hozAlign: isNumber(name) ? "right" : "left", sorter: isNumber(name) ? "number" : "string",
      headerFilterParams: { elementAttributes: { "aria-label": title } },
    })),
  });
}
