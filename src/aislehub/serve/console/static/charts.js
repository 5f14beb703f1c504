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

function draw() {
  for (const chart of drawn.splice(0)) chart.dispose();
  for (const place of document.querySelectorAll("[data-chart]")) {
    place.data ??= JSON.parse(place.querySelector("script").textContent);
    const chart = echarts.init(place, null, { renderer: "canvas" });
    chart.setOption(place.data.kind === "demand" ? demand(place.data, place.clientWidth < 600) : { animation: false, ...place.data.option });
    drawn.push(chart);
  }
}

document.addEventListener("theme-changed", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
addEventListener("resize", () => drawn.forEach((chart) => chart.resize()));
draw();
