// Draws every [data-chart] from the JSON inside it, in the page's colours, again when the theme changes.
"use strict";

const drawn = [];

function colour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

function axisStyle() {
  const line = { lineStyle: { color: colour("line") } };
  return { axisLine: line, axisTick: line, splitLine: line, axisLabel: { color: colour("muted") } };
}

function demand(data, isNarrow) {
  const words = data.words;
  const spread = data.high.map((high, n) => (high === null ? null : high - data.low[n]));
  const promoted = new Set(data.promoted);
  const out = new Set(data.out);
  const marks = data.days.map((day, n) => (promoted.has(day) ? [day, data.sold[n] ?? 0] : null)).filter(Boolean);
  const band = { type: "line", stack: "band", symbol: "none", lineStyle: { opacity: 0 }, silent: true };
  return {
    animation: false,
    textStyle: { fontFamily: "inherit" },
    grid: { left: 44, right: 12, top: isNarrow ? 84 : 48, bottom: 30 },
    legend: { top: 4, textStyle: { color: colour("ink") }, data: [words.sold, words.mean, words.band, words.promoted, words.out] },
    tooltip: { trigger: "axis", renderMode: "richText" },
    xAxis: { type: "category", data: data.days, boundaryGap: true, ...axisStyle(), splitLine: { show: false } },
    yAxis: [
      { type: "value", name: words.units, nameTextStyle: { color: colour("muted") }, ...axisStyle() },
      { type: "value", max: 1, show: false },
    ],
    series: [
      { name: words.out, type: "bar", yAxisIndex: 1, barWidth: "100%", barGap: "-100%", silent: true, z: 1,
        data: data.days.map((day) => (out.has(day) ? 1 : null)), itemStyle: { color: colour("warn"), opacity: 0.28 } },
      { name: words.sold, type: "bar", barWidth: "55%", data: data.sold, itemStyle: { color: colour("soft") } },
      { ...band, data: data.low },
      { ...band, name: words.band, data: spread, areaStyle: { color: colour("accent"), opacity: 0.25 }, itemStyle: { color: colour("accent"), opacity: 0.4 } },
      { name: words.mean, type: "line", data: data.mean, symbol: "circle", symbolSize: 4, lineStyle: { width: 2, color: colour("accent") }, itemStyle: { color: colour("accent") } },
      { name: words.promoted, type: "scatter", data: marks, symbol: "triangle", symbolSize: 9, itemStyle: { color: colour("gold") } },
    ],
  };
}

const PARTS = {
  base: "soft", season: "#5b8fc7", trend: "#9280d6", price: "#d1843f", promotion: "gold", event: "warn", model: "edge",
  adjustment: "muted",
};
const partColour = (part) => (PARTS[part].startsWith("#") ? PARTS[part] : colour(PARTS[part]));

function frame(data, top) {
  return {
    animation: false,
    textStyle: { fontFamily: "inherit" },
    grid: { left: 44, right: 12, top, bottom: 30 },
    tooltip: { trigger: "axis", renderMode: "richText" },
    yAxis: { type: "value", name: data.words.units, nameTextStyle: { color: colour("muted") }, ...axisStyle() },
  };
}

function waterfall(data, isNarrow, isTight) {
  let level = 0;
  const steps = data.values.map((value) => ({ from: level, to: (level += value) }));
  steps.push({ from: 0, to: level });
  const names = [...data.names, data.words.total];
  const shown = (n) => (n < data.values.length ? data.values[n] : level);
  const sign = (value, n) => (n > 0 && n < data.values.length && value > 0 ? "+" : "") + value.toFixed(1).replace("-", "−");
  const ends = steps.map(({ from, to }) => [Math.min(from, to), Math.max(from, to)]);
  const parts = [...data.parts, null];
  return {
    ...frame(data, 30),
    tooltip: { trigger: "item", renderMode: "richText", formatter: ({ dataIndex: n }) => `${names[n]} ${sign(shown(n), n)}` },
    xAxis: { type: "category", data: names, ...axisStyle(), axisLabel: { color: colour("muted"), interval: 0, rotate: isTight ? 35 : 0 }, splitLine: { show: false } },
    grid: { left: 44, right: 12, top: 30, bottom: isTight ? 52 : 30 },
    series: [{
      type: "custom",
      data: ends.map(([low, high], n) => [n, low, high]),
      encode: { x: 0, y: [1, 2] },
      renderItem: (params, api) => {
        const n = params.dataIndex;
        const [x, top] = api.coord([n, api.value(2)]);
        const [, bottom] = api.coord([n, api.value(1)]);
        const width = api.size([1, 0])[0] * 0.6;
        const fill = parts[n] ? partColour(parts[n]) : colour("accent");
        return {
          type: "group",
          children: [
            { type: "rect", shape: { x: x - width / 2, y: top, width, height: Math.max(bottom - top, 1.5) }, style: { fill } },
            { type: "text", style: { text: sign(shown(n), n), x, y: top - 5, align: "center", verticalAlign: "bottom", fill: colour("ink"), fontSize: 12 } },
          ],
        };
      },
    }],
  };
}

function parts(data, isNarrow) {
  const words = data.words;
  return {
    ...frame(data, isNarrow ? 84 : 56),
    legend: { top: 4, textStyle: { color: colour("ink") }, itemGap: 8 },
    xAxis: { type: "category", data: data.days, ...axisStyle(), splitLine: { show: false } },
    series: [
      ...data.parts.map(({ part, name, values }) => (
        { name, type: "bar", stack: "parts", barWidth: "70%", data: values, itemStyle: { color: partColour(part) } }
      )),
      { name: words.total, type: "line", data: data.mean, symbol: "circle", symbolSize: 4, lineStyle: { width: 2, color: colour("accent") }, itemStyle: { color: colour("accent") } },
    ],
  };
}

function whatif(data, isNarrow) {
  const words = data.words;
  const band = { type: "line", stack: "band", symbol: "none", lineStyle: { opacity: 0 }, silent: true };
  const spread = data.high.map((high, n) => high - data.low[n]);
  return {
    ...frame(data, isNarrow ? 60 : 40),
    legend: { top: 4, textStyle: { color: colour("ink") }, data: [words.before, words.after, words.band] },
    xAxis: { type: "category", data: data.days, ...axisStyle(), splitLine: { show: false } },
    series: [
      { ...band, data: data.low, tooltip: { show: false } },
      { ...band, name: words.band, data: spread, areaStyle: { color: colour("gold"), opacity: 0.25 }, itemStyle: { color: colour("gold"), opacity: 0.4 }, tooltip: { show: false } },
      { name: words.before, type: "line", data: data.before, symbol: "none", lineStyle: { width: 2, type: "dashed", color: colour("accent") }, itemStyle: { color: colour("accent") } },
      { name: words.after, type: "line", data: data.after, symbol: "circle", symbolSize: 4, lineStyle: { width: 2, color: colour("gold") }, itemStyle: { color: colour("gold") } },
    ],
  };
}

function weeks(data, isNarrow) {
  const words = data.words;
  const bands = data.low.map((low, n) => (low === null ? null : [n, low, data.high[n]])).filter(Boolean);
  const legend = [words.sold, words.mean, ...(bands.length ? [words.band] : [])];
  return {
    ...frame(data, isNarrow ? 60 : 40),
    grid: { left: 56, right: 12, top: isNarrow ? 60 : 40, bottom: 30 },
    legend: { top: 4, textStyle: { color: colour("ink") }, data: legend },
    xAxis: { type: "category", data: data.days, ...axisStyle(), splitLine: { show: false } },
    series: [
      { name: words.sold, type: "bar", barWidth: "55%", data: data.sold, itemStyle: { color: colour("soft") } },
      { name: words.band, type: "custom", z: 3, data: bands, encode: { x: 0, y: [1, 2] }, itemStyle: { color: colour("accent"), opacity: 0.5 }, tooltip: { show: false },
        renderItem: (params, api) => {
          const [x, top] = api.coord([api.value(0), api.value(2)]);
          const [, bottom] = api.coord([api.value(0), api.value(1)]);
          return { type: "rect", shape: { x: x - 5, y: top, width: 10, height: bottom - top }, style: { fill: colour("accent"), opacity: 0.5 } };
        } },
      { name: words.mean, type: "line", z: 4, data: data.mean, symbol: "circle", symbolSize: 6, lineStyle: { width: 2, color: colour("accent") }, itemStyle: { color: colour("accent") } },
    ],
  };
}

// Lines over places of one axis, each with a band between its `low` and `high` where it has them.
function lines(data, isNarrow) {
  const bands = data.lines.filter((line) => line.low);
  const drawable = (values) => values.map((value) => (data.isLog && value <= 0 ? null : value));
  return {
    ...frame(data, isNarrow ? 60 : 40),
    grid: { left: 56, right: 12, top: isNarrow ? 60 : 40, bottom: 46 },
    legend: { top: 4, textStyle: { color: colour("ink") }, data: [...data.lines.map((line) => line.name), ...bands.map((line) => line.band)] },
    xAxis: { type: "category", name: data.words.units, nameLocation: "middle", nameGap: 28, nameTextStyle: { color: colour("muted") }, data: data.at, ...axisStyle(), splitLine: { show: false } },
    yAxis: { type: data.isLog ? "log" : "value", ...axisStyle() },
    series: [
      ...bands.map((line) => ({
        name: line.band, type: "custom", z: 1, data: line.low.map((low, n) => [n, low, line.high[n]]), encode: { x: 0, y: [1, 2] },
        silent: true, tooltip: { show: false }, itemStyle: { color: colour(line.tone), opacity: 0.4 },
        renderItem: (params, api) => {
          if (params.dataIndex) return null; // one shape for the whole band
          const corners = (values) => values.map((value, n) => (data.isLog && value <= 0 ? null : api.coord([n, value]))).filter(Boolean);
          const points = [...corners(line.low), ...corners(line.high).reverse()];
          return { type: "polygon", shape: { points }, style: { fill: colour(line.tone), opacity: 0.22 } };
        },
      })),
      ...data.lines.map((line) => ({
        name: line.name, type: "line", z: 3, data: drawable(line.values), symbol: line.dots ? "circle" : "none", symbolSize: 6,
        lineStyle: { width: 2, color: colour(line.tone), type: line.dots ? "dashed" : "solid" }, itemStyle: { color: colour(line.tone) },
      })),
    ],
  };
}

// What was simulated over what is real, a dot each with its range; on the diagonal both agree.
function pairs(data) {
  const all = [...data.real, ...data.low, ...data.high];
  const ends = [Math.floor(2 * Math.min(...all)) / 2, Math.ceil(2 * Math.max(...all)) / 2];
  const axis = (name, gap) => ({ type: "value", name, nameLocation: "middle", nameGap: gap, min: ends[0], max: ends[1], nameTextStyle: { color: colour("muted") }, ...axisStyle() });
  const told = (n) => `${data.names[n]}\n${data.words.real} ${data.real[n].toFixed(2)}\n${data.words.simulated} ${data.simulated[n].toFixed(2)} (${data.low[n].toFixed(2)} … ${data.high[n].toFixed(2)})`.replaceAll("-", "−");
  return {
    animation: false,
    textStyle: { fontFamily: "inherit" },
    grid: { left: 56, right: 12, top: 16, bottom: 46 },
    tooltip: { trigger: "item", renderMode: "richText", formatter: ({ dataIndex: n }) => told(n) },
    xAxis: axis(data.words.real, 28),
    yAxis: axis(data.words.simulated, 36),
    series: [
      { type: "line", data: [[ends[0], ends[0]], [ends[1], ends[1]]], symbol: "none", silent: true, lineStyle: { type: "dashed", color: colour("edge") } },
      { type: "custom", silent: true, data: data.low.map((low, n) => [data.real[n], low, data.high[n]]), encode: { x: 0, y: [1, 2] },
        renderItem: (params, api) => {
          const [x, top] = api.coord([api.value(0), api.value(2)]);
          const [, bottom] = api.coord([api.value(0), api.value(1)]);
          return { type: "line", shape: { x1: x, y1: top, x2: x, y2: bottom }, style: { stroke: colour("accent"), opacity: 0.5, lineWidth: 2 } };
        } },
      { type: "scatter", symbolSize: 9, data: data.real.map((real, n) => [real, data.simulated[n]]), itemStyle: { color: colour("accent") } },
    ],
  };
}

const GROUPS = { cheaper: "accent", dearer: "gold", clearance: "warn" };

function moves(data, isNarrow) {
  const words = data.words;
  return {
    ...frame(data, 40),
    grid: { left: 64, right: 16, top: 40, bottom: 44 },
    legend: { top: 4, textStyle: { color: colour("ink") } },
    tooltip: { trigger: "item", renderMode: "richText", formatter: ({ data: [change, money, low, high, name] }) => `${name}\n${change}%  ${money.toFixed(2)} [${low.toFixed(2)} … ${high.toFixed(2)}]` },
    xAxis: { type: "value", name: words.axis_change, nameLocation: "middle", nameGap: 26, scale: true, nameTextStyle: { color: colour("muted") }, ...axisStyle() },
    yAxis: { type: "value", name: words.axis_money, nameLocation: "middle", nameGap: 40, nameTextStyle: { color: colour("muted") }, ...axisStyle() },
    series: Object.keys(GROUPS).map((group) => ({
      name: words[group], type: "scatter", symbolSize: isNarrow ? 11 : 9, itemStyle: { color: colour(GROUPS[group]), opacity: 0.8 },
      data: data.points.filter((point) => point.group === group).map(({ change, money, money_low, money_high, name }) => [change, money, money_low, money_high, name]),
    })).filter(({ data: points }) => points.length),
  };
}

function counts(data) {
  return {
    ...frame(data, 8),
    grid: { left: 8, right: 44, top: 8, bottom: 8, containLabel: true },
    xAxis: { type: "value", minInterval: 1, ...axisStyle() },
    yAxis: { type: "category", data: data.names, ...axisStyle(), axisLabel: { color: colour("ink") } },
    series: [{ name: data.words.value, type: "bar", barMaxWidth: 26, data: data.values, itemStyle: { color: colour("accent") }, label: { show: true, position: "right", color: colour("ink") } }],
  };
}

// Low to high of [place, low, high], with a cap at either end; `across` where the values run along the x axis.
function whisker(ink, across = false) {
  return (params, api) => {
    const point = (value) => api.coord(across ? [value, api.value(0)] : [api.value(0), value]);
    const [[x1, y1], [x2, y2]] = [point(api.value(1)), point(api.value(2))];
    const line = (a, b, c, d) => ({ type: "line", shape: { x1: a, y1: b, x2: c, y2: d }, style: { stroke: ink, lineWidth: 1.5 } });
    const caps = across
      ? [line(x1, y1 - 5, x1, y1 + 5), line(x2, y2 - 5, x2, y2 + 5)]
      : [line(x1 - 4, y1, x1 + 4, y1), line(x2 - 4, y2, x2 + 4, y2)];
    return { type: "group", children: [line(x1, y1, x2, y2), ...caps] };
  };
}

function rungs(data, isNarrow) {
  const words = data.words;
  const bar = (n) => {
    const fill = data.prices[n] === data.proposed ? "accent" : data.guards[n] ? "line" : "soft";
    return { value: data.money[n], itemStyle: { color: colour(fill), borderColor: data.guards[n] ? colour("edge") : "transparent", borderType: "dashed" } };
  };
  const span = data.prices.map((price, n) => [n, data.low[n], data.high[n]]);
  const mark = (price, name) => ({ xAxis: price, label: { formatter: name, color: colour("ink"), position: "end" } });
  return {
    ...frame(data, 44),
    grid: { left: 64, right: 16, top: 30, bottom: isNarrow ? 64 : 46 },
    tooltip: {
      trigger: "axis", renderMode: "richText",
      formatter: ([{ dataIndex: n }]) => [
        `${words.axis_price} ${data.prices[n]}`, `${words.axis_over} ${data.money[n].toFixed(2)}`,
        `${words.interval} ${data.low[n].toFixed(2)} … ${data.high[n].toFixed(2)}`, `${words.units} ${data.units[n].toFixed(1)}`,
        ...(data.guards[n] ? [`${words.barred}: ${data.guards[n]}`] : []),
      ].join("\n"),
    },
    xAxis: { type: "category", data: data.prices, name: words.axis_price, nameLocation: "middle", nameGap: isNarrow ? 44 : 28, nameTextStyle: { color: colour("muted") }, ...axisStyle(), splitLine: { show: false }, axisLabel: { color: colour("muted"), interval: 0, rotate: isNarrow ? 60 : 0 } },
    yAxis: { type: "value", name: words.axis_over, nameLocation: "middle", nameGap: 40, nameTextStyle: { color: colour("muted") }, ...axisStyle() },
    series: [
      { name: words.axis_over, type: "bar", barWidth: "62%", data: data.prices.map((price, n) => bar(n)),
        markLine: { symbol: "none", silent: true, lineStyle: { color: colour("ink"), type: "dotted" }, data: [mark(data.now, words.holds), ...(data.proposed ? [mark(data.proposed, words.proposed)] : [])] } },
      { name: words.interval, type: "custom", data: span, encode: { x: 0, y: [1, 2] }, z: 4, silent: true, renderItem: whisker(colour("ink")) },
    ],
  };
}

function forest(data, isNarrow) {
  const lines = [...data.lines].reverse();
  const words = data.words;
  return {
    ...frame(data, 12),
    grid: { left: 8, right: 24, top: 12, bottom: 40, containLabel: true },
    tooltip: { trigger: "item", renderMode: "richText", formatter: ({ dataIndex: n }) => `${lines[n].name}\n${lines[n].value} [${lines[n].low} … ${lines[n].high}]` },
    xAxis: { type: "value", name: words.axis, nameLocation: "middle", nameGap: 26, nameTextStyle: { color: colour("muted") }, ...axisStyle() },
    yAxis: { type: "category", data: lines.map(({ name }) => name), ...axisStyle(), splitLine: { show: false }, axisLabel: { color: colour("ink"), width: isNarrow ? 110 : 190, overflow: "break" } },
    series: [
      { type: "custom", data: lines.map(({ low, high }, n) => [n, low, high]), encode: { x: [1, 2], y: 0 }, silent: true, renderItem: whisker(colour("edge"), true) },
      { type: "scatter", symbolSize: 11, data: lines.map(({ value }, n) => [value, n]), itemStyle: { color: colour("accent") },
        markLine: { symbol: "none", silent: true, label: { show: false }, lineStyle: { color: colour("ink"), type: "dotted" }, data: [{ xAxis: 0 }] } },
    ],
  };
}

function prices(data, isNarrow) {
  const words = data.words;
  const step = { type: "line", step: "end", symbol: "none", connectNulls: false };
  const shades = ["#5b8fc7", "#9280d6", "#d1843f", "edge"];
  const named = (shade) => (shade.startsWith("#") ? shade : colour(shade));
  return {
    ...frame(data, isNarrow ? 84 : 60),
    grid: { left: 46, right: 46, top: isNarrow ? 84 : 60, bottom: 30 },
    legend: { top: 4, textStyle: { color: colour("ink") }, itemGap: 8 },
    xAxis: { type: "category", data: data.days, ...axisStyle(), splitLine: { show: false } },
    yAxis: [
      { type: "value", name: words.axis_price, scale: true, nameTextStyle: { color: colour("muted") }, ...axisStyle() },
      { type: "value", name: words.units, nameTextStyle: { color: colour("muted") }, ...axisStyle(), splitLine: { show: false } },
    ],
    series: [
      { name: words.weekly, type: "bar", yAxisIndex: 1, barWidth: isNarrow ? 7 : 12, data: data.units, itemStyle: { color: colour("soft"), opacity: 0.6 }, z: 1 },
      { ...step, name: words.regular, data: data.regular, lineStyle: { width: 1.5, type: "dashed", color: colour("muted") }, itemStyle: { color: colour("muted") } },
      { ...step, name: words.asked, data: data.asked, lineStyle: { width: 2, color: colour("accent") }, itemStyle: { color: colour("accent") } },
      ...data.rivals.map(({ name, values }, n) => ({ ...step, name, data: values, lineStyle: { width: 1.5, color: named(shades[n]) }, itemStyle: { color: named(shades[n]) } })),
    ],
  };
}

function scenarios(data, isNarrow) {
  const words = data.words;
  const bars = data.points.map((point) => [point.feasibility, point.low, point.high]);
  const short = (value) => Math.abs(value) >= 1e6 ? `${value / 1e6}M` : Math.abs(value) >= 1e3 ? `${value / 1e3}k` : `${value}`;
  const dots = (name, isTwin) => ({
    name, type: "scatter", z: 4, symbolSize: 22, itemStyle: { color: colour(isTwin ? "accent" : "gold") },
    data: data.points.filter((point) => (point.basis === "twin") === isTwin).map((point) => ({
      value: [point.feasibility, point.value], name: point.name,
      label: { show: true, formatter: `${point.rank}`, color: colour("on-accent"), fontWeight: 600 },
    })),
    tooltip: { formatter: ({ name, value }) => `${name}\n${words.value} ${Math.round(value[1]).toLocaleString()}\n${words.feasibility} ${value[0].toFixed(2)}` },
  });
  return {
    ...frame(data, 48),
    tooltip: { trigger: "item", renderMode: "richText" },
    legend: { top: 4, textStyle: { color: colour("ink") }, data: [words.simulated, words.measured] },
    grid: { left: isNarrow ? 52 : 64, right: 20, top: 48, bottom: 46 },
    xAxis: { type: "value", min: 0, max: 1, name: words.feasibility, nameLocation: "middle", nameGap: 28, nameTextStyle: { color: colour("muted") }, ...axisStyle() },
    yAxis: { type: "value", name: words.value, nameTextStyle: { color: colour("muted"), align: "left", padding: [0, 0, 0, -40] }, ...axisStyle(), axisLabel: { color: colour("muted"), formatter: short } },
    series: [
      { name: words.interval, type: "custom", z: 3, silent: true, data: bars, encode: { x: 0, y: [1, 2] },
        renderItem: (params, api) => {
          const [x, top] = api.coord([api.value(0), api.value(2)]);
          const [, bottom] = api.coord([api.value(0), api.value(1)]);
          return { type: "rect", shape: { x: x - 1.5, y: top, width: 3, height: bottom - top }, style: { fill: colour("soft") } };
        } },
      dots(words.simulated, true), dots(words.measured, false),
    ],
  };
}

// Bars of several series beside each other, or in one with `isStacked`; `isAcross` lays them down where names are long.
function groups(data, isNarrow) {
  const names = { type: "category", data: data.names, ...axisStyle(), splitLine: { show: false } };
  const values = { type: "value", ...axisStyle() };
  const across = {
    grid: { left: 8, right: 24, top: 40, bottom: 8, containLabel: true },
    xAxis: values,
    yAxis: { ...names, inverse: true, axisLabel: { color: colour("ink"), width: isNarrow ? 110 : 190, overflow: "truncate" } },
  };
  return {
    ...frame(data, 40),
    legend: { top: 4, textStyle: { color: colour("ink") } },
    ...(data.isAcross ? across : { xAxis: names, yAxis: values }),
    series: data.series.map(({ name, tone, values }) => ({ name, type: "bar", stack: data.isStacked ? "all" : undefined, barMaxWidth: data.isStacked ? 18 : data.isAcross ? 12 : 36, data: values, itemStyle: { color: colour(tone) } })),
  };
}

const BELIEFS = { learned: "accent", cold: "soft" };

function belief(data, isNarrow) {
  const words = data.words;
  return {
    ...frame(data, 40),
    grid: { left: 60, right: 16, top: 40, bottom: 44 },
    legend: { top: 4, textStyle: { color: colour("ink") } },
    tooltip: { trigger: "item", renderMode: "richText", formatter: ({ data: [lift, slope, learned, name] }) => `${name}\n${words.axis_lift} ${lift}\n${words.axis_slope} ${slope}\n${words.learned} ${learned}%` },
    xAxis: { type: "value", name: words.axis_lift, nameLocation: "middle", nameGap: 26, nameTextStyle: { color: colour("muted") }, ...axisStyle() },
    yAxis: { type: "value", name: words.axis_slope, nameLocation: "middle", nameGap: 36, nameTextStyle: { color: colour("muted") }, ...axisStyle() },
    series: Object.keys(BELIEFS).map((group) => ({
      name: words[group], type: "scatter", symbolSize: isNarrow ? 9 : 7, itemStyle: { color: colour(BELIEFS[group]), opacity: 0.8 },
      data: data.points.filter((point) => point.group === group).map(({ values, name }) => [...values, name]),
    })),
  };
}

const SHADES = ["accent", "#d1843f", "#9280d6", "#5b8fc7", "muted"];

// Shares of 100 by week, a line each with a dot where there is a week; weeks without one are bridged.
function shares(data, isNarrow) {
  const shade = (n) => (SHADES[n].startsWith("#") ? SHADES[n] : colour(SHADES[n]));
  const told = (points) => points.filter(({ value }) => value !== null && value !== undefined).map(({ seriesIndex: s, dataIndex: n, seriesName }) => `${seriesName} ${data.lines[s].told[n]}`);
  return {
    ...frame(data, isNarrow ? 84 : 48),
    legend: { top: 4, textStyle: { color: colour("ink") }, itemGap: 8 },
    tooltip: { trigger: "axis", renderMode: "richText", formatter: (points) => [points[0].axisValue, ...told(points)].join("\n") },
    xAxis: { type: "category", data: data.weeks, ...axisStyle(), splitLine: { show: false } },
    yAxis: { type: "value", min: 0, max: 100, ...axisStyle(), axisLabel: { color: colour("muted"), formatter: "{value} %" } },
    series: data.lines.map(({ name, values }, n) => ({
      name, type: "line", data: values, connectNulls: true, symbol: "circle", symbolSize: 7,
      lineStyle: { width: 2, color: shade(n) }, itemStyle: { color: shade(n) },
    })),
  };
}

const KINDS = { demand, waterfall, parts, whatif, weeks, lines, pairs, moves, counts, rungs, forest, prices, scenarios, groups, belief, shares };

function draw() {
  for (const chart of drawn.splice(0)) chart.dispose();
  for (const place of document.querySelectorAll("[data-chart]")) {
    place.data ??= JSON.parse(place.querySelector("script").textContent);
    const chart = echarts.init(place, null, { renderer: "canvas" });
    const kind = KINDS[place.data.kind];
    chart.setOption(kind ? kind(place.data, place.clientWidth < 600, place.clientWidth < 420) : { animation: false, ...place.data.option });
    drawn.push(chart);
  }
}

document.addEventListener("theme-changed", draw);
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.querySelector("[data-chart]")) draw();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
addEventListener("resize", () => drawn.forEach((chart) => chart.resize()));
draw();
