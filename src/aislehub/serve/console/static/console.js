// The console's own behaviour: theme, selection, the drawer, messages and where the focus goes.
"use strict";

const drawer = document.getElementById("drawer");
const toast = document.getElementById("toast");
let place = null; // which row's which button had the focus when the queue was loaded again
let clearing = 0;

document.addEventListener("click", (event) => {
  const target = event.target;
  if (target.closest("[data-theme-toggle]")) toggleTheme();
  if (target.closest("[data-close]") || target === drawer) drawer.close();
});

function toggleTheme() {
  const root = document.documentElement;
  const isDark = getComputedStyle(root).colorScheme === "dark" ||
    (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = isDark ? "light" : "dark";
  document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
  document.dispatchEvent(new Event("theme-changed"));
}

document.addEventListener("change", (event) => {
  const target = event.target;
  if (target.matches("[data-reload]")) target.form.submit();
  if (target.matches("[data-all]")) {
    for (const box of document.querySelectorAll("#selection input[name=ids]")) box.checked = target.checked;
  }
  if (target.closest("#selection")) countSelected();
});

function countSelected() {
  const count = document.querySelectorAll("#selection input[name=ids]:checked").length;
  for (const button of document.querySelectorAll("[data-needs-selection]")) button.disabled = count === 0;
  for (const label of document.querySelectorAll("[data-count]")) label.textContent = count || "";
}

// A message must be readable above an open drawer, so it lives inside it meanwhile.
document.addEventListener("htmx:beforeSwap", (event) => {
  const id = event.detail.target.id;
  if (id === "toast") (drawer.open ? drawer : document.body).append(toast);
  if (id === "queue") {
    const row = document.activeElement.closest?.("[data-row]");
    const rows = [...document.querySelectorAll("#queue [data-row]")];
    place = row && { row: rows.indexOf(row), act: document.activeElement.dataset.act };
  }
});

document.addEventListener("htmx:afterSwap", (event) => {
  const id = event.detail.target.id;
  if (id === "drawer-body" && !drawer.open) drawer.showModal();
  if (id === "toast") {
    clearTimeout(clearing);
    clearing = setTimeout(() => toast.replaceChildren(), 12000);
    if (event.detail.requestConfig.elt.matches("[data-close-after]") && event.detail.xhr.status < 400) {
      drawer.close();
      document.body.append(toast);
    }
  }
});

document.addEventListener("htmx:afterSettle", () => {
  if (!place) return;
  const rows = document.querySelectorAll("#queue [data-row]");
  const row = rows[Math.min(place.row, rows.length - 1)];
  (row?.querySelector(`[data-act="${place.act}"]`) ?? document.getElementById("main")).focus({ preventScroll: true });
  place = null;
});

drawer.addEventListener("close", () => document.body.append(toast));
