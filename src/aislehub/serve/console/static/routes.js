// The map of a day's tours: our own SVG in web-mercator, without tiles, moved by mouse, wheel, touch and keyboard.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const HUES = 7; // colours that colour-blind people tell apart too; from the eighth tour on lines are dashed
const EARTH = 40075016.686; // metres around the equator, by which web-mercator draws
const STEP = 60; // px that an arrow key moves
const isBeside = matchMedia("(min-width: 56.01rem)"); // as in the style sheet

for (const place of document.querySelectorAll("[data-map]")) show(place);

function show(place) {
  const data = JSON.parse(place.querySelector("script").textContent);
  const map = build(place, data);
  new ResizeObserver(() => fit(map)).observe(place);
  listen(map);
}

// -- projection

function project({ lat, lon }) {
  return [lon / 360 + 0.5, 0.5 - Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) / (2 * Math.PI)];
}

function onScreen(map, [x, y]) {
  return [map.k * x + map.x, map.k * y + map.y];
}

// -- building: every shape once, without a place yet

function make(name, attributes, parent) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent?.append(element);
  return element;
}

function build(place, data) {
  const svg = make("svg", { "aria-hidden": "false" });
  const layers = Object.fromEntries(["fixed", "lines", "stops"].map((name) => [name, make("g", { class: name }, svg)]));
  const map = { place, data, svg, k: 1, x: 0, y: 0, chosen: -1, legs: [], stops: [], tours: [] };
  const most = Math.max(1, ...data.tours.flatMap((tour) => tour.stops.map((stop) => stop.kg)));
  for (const tour of data.fixed) addLine(map, layers.fixed, tour, "fixed");
  data.tours.forEach((tour, n) => {
    const dashes = ["", "7 5", "2 4"][Math.floor(n / HUES) % 3];
    map.tours.push(addLine(map, layers.lines, tour, `tour hue${n % HUES}`, dashes, true));
    const group = make("g", { class: `hue${n % HUES}` }, layers.stops);
    tour.stops.forEach((stop, at) => addStop(map, group, stop, n, at, 7 + 5 * Math.sqrt(stop.kg / most)));
  });
  for (const one of data.left) addMark(map, layers.stops, one, "left", "M-6 -6L6 6M6 -6L-6 6", `${data.words.left_out}: ${one.stop}`);
  addMark(map, layers.stops, data.depot, "depot", "M-9 8V-2L0 -9L9 -2V8Z", `${data.words.depot}: ${data.depot.name}`);
  map.scale = make("g", { class: "scale" }, svg);
  map.bar = make("path", {}, map.scale);
  map.length = make("text", {}, map.scale);
  map.tip = Object.assign(document.createElement("div"), { className: "map-tip", hidden: true });
  const buttons = Object.assign(document.createElement("div"), { className: "map-buttons" });
  for (const [name, sign] of [["zoom_in", "+"], ["zoom_out", "−"], ["fit", "⤢"]]) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: sign, title: data.words[name], ariaLabel: data.words[name] });
    button.addEventListener("click", () => ({ zoom_in: () => zoom(map, 1.5), zoom_out: () => zoom(map, 1 / 1.5), fit: () => fit(map) })[name]());
    buttons.append(button);
  }
  place.append(svg, map.tip, buttons);
  map.stops[0]?.group.setAttribute("tabindex", "0");
  return map;
}

function addLine(map, parent, tour, name, dashes = "", hasArrows = false) {
  const depot = project(map.data.depot);
  const points = [];
  tour.stops.forEach((stop, at) => {
    if (at === 0 || stop.trip !== tour.stops[at - 1].trip) points.push(depot);
    points.push(project(stop));
  });
  points.push(depot);
  const group = make("g", { class: name }, parent);
  const line = make("polyline", dashes ? { "stroke-dasharray": dashes } : {}, group);
  const arrows = hasArrows ? points.slice(1).map(() => make("path", { d: "M-4 -4.5L5 0L-4 4.5Z" }, group)) : [];
  map.legs.push({ points, line, arrows });
  return group;
}

function addStop(map, parent, stop, tour, at, radius) {
  const told = map.data.words.tour_stop.replace("{tour}", tour + 1).replace("{stop}", at + 1);
  const lines = [stop.name, `${told} · ${map.data.tours[tour].vehicle}`, stop.told];
  const group = make("g", { class: stop.done ? "stop done" : "stop", role: "img", tabindex: "-1", "aria-label": lines.join(", ") }, parent);
  make("circle", { class: "hit", r: Math.max(13, radius + 3) }, group);
  make("circle", { class: "dot", r: radius }, group);
  const number = make("text", { y: 3.5 }, group);
  number.textContent = tour + 1;
  map.stops.push({ point: project(stop), group, tour, at, lines, radius, number });
}

function addMark(map, parent, place, name, path, label) {
  const group = make("g", { class: `stop ${name}`, role: "img", "aria-label": label, tabindex: "-1" }, parent);
  make("circle", { class: "hit", r: 13 }, group);
  make("path", { d: path }, group);
  map.stops.push({ point: project(place), group, tour: -1, at: 0, lines: [label], radius: 9 });
}

// -- placing: after every move

function draw(map) {
  for (const { points, line, arrows } of map.legs) {
    const here = points.map((point) => onScreen(map, point));
    line.setAttribute("points", here.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "));
    arrows.forEach((arrow, n) => placeArrow(arrow, here[n], here[n + 1]));
  }
  for (const stop of map.stops) {
    const [x, y] = onScreen(map, stop.point);
    stop.group.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
  }
  drawScale(map);
  if (map.pointed) point(map, map.pointed);
}

function placeArrow(arrow, [x0, y0], [x1, y1]) {
  const isShort = Math.hypot(x1 - x0, y1 - y0) < 34;
  arrow.setAttribute("visibility", isShort ? "hidden" : "inherit");
  const turn = (Math.atan2(y1 - y0, x1 - x0) * 180) / Math.PI;
  arrow.setAttribute("transform", `translate(${(x0 + x1) / 2} ${(y0 + y1) / 2}) rotate(${turn.toFixed(1)})`);
}

// The longest of 1, 2, 5 × 10ⁿ metres that takes at most 120 px at the middle of the map.
function drawScale(map) {
  const { clientWidth: width, clientHeight: height } = map.place;
  const latitude = Math.atan(Math.sinh(Math.PI * (1 - (2 * (height / 2 - map.y)) / map.k)));
  const metres = (EARTH * Math.cos(latitude)) / map.k; // of one px
  const power = 10 ** Math.floor(Math.log10(120 * metres));
  const length = [5, 2, 1].map((n) => n * power).find((n) => n <= 120 * metres);
  const words = map.data.words;
  map.bar.setAttribute("d", `M0 -5V0H${(length / metres).toFixed(1)}V-5`);
  map.length.textContent = length >= 1000 ? words.scale_km.replace("{km}", length / 1000) : words.scale_m.replace("{m}", length);
  map.length.setAttribute("y", "-8");
  map.scale.setAttribute("transform", `translate(12 ${height - 12})`);
}

function fit(map) {
  const { clientWidth: width, clientHeight: height } = map.place;
  const points = [...map.stops.map((stop) => stop.point), ...map.legs.flatMap((leg) => leg.points)];
  const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const room = [width - 64, height - 80];
  map.k = Math.min(room[0] / Math.max(right - left, 1e-6), room[1] / Math.max(bottom - top, 1e-6));
  map.fitted = map.k;
  map.x = width / 2 - (map.k * (left + right)) / 2;
  map.y = height / 2 - (map.k * (top + bottom)) / 2;
  map.place.classList.remove("zoomed");
  draw(map);
}

function zoom(map, factor, x = map.place.clientWidth / 2, y = map.place.clientHeight / 2) {
  const k = Math.min(Math.max(map.k * factor, map.fitted / 2), map.fitted * 200);
  map.x = x - ((x - map.x) * k) / map.k;
  map.y = y - ((y - map.y) * k) / map.k;
  map.k = k;
  map.place.classList.toggle("zoomed", k > map.fitted * 1.01);
  draw(map);
}

function pan(map, x, y) {
  map.x += x;
  map.y += y;
  draw(map);
}

// -- pointing at a stop, choosing a tour

function point(map, stop) {
  for (const one of map.stops) one.group.classList.toggle("pointed", one === stop);
  map.pointed = stop;
  map.tip.hidden = !stop;
  if (!stop) return;
  map.tip.replaceChildren(...stop.lines.map((line, n) => Object.assign(document.createElement(n ? "span" : "strong"), { textContent: line })));
  const [x, y] = onScreen(map, stop.point);
  const { clientWidth: width } = map.place;
  const half = map.tip.offsetWidth / 2;
  const isLow = y < map.tip.offsetHeight + 24;
  map.tip.style.left = `${Math.min(Math.max(x, half + 4), width - half - 4)}px`;
  map.tip.style.top = `${isLow ? y + stop.radius + 8 : y - stop.radius - 8 - map.tip.offsetHeight}px`;
}

function choose(map, tour) {
  map.chosen = tour;
  map.place.classList.toggle("has-chosen", tour >= 0);
  map.tours.forEach((group, n) => group.classList.toggle("chosen", n === tour));
  map.tours[tour]?.parentNode.append(map.tours[tour]);
  for (const stop of map.stops) {
    const isMine = stop.tour === tour && tour >= 0;
    stop.group.classList.toggle("chosen", isMine);
    if (isMine) stop.group.parentNode.parentNode.append(stop.group.parentNode); // above those of other tours
    if (stop.number) stop.number.textContent = isMine ? stop.at + 1 : stop.tour + 1;
  }
}

function openTour(stop) {
  const list = document.querySelector(`[data-tour="${stop.tour}"]`);
  if (!list) return;
  list.open = true;
  for (const row of document.querySelectorAll("tr[data-stop]")) row.classList.toggle("here", row.dataset.stop === `${stop.tour}-${stop.at}`);
  // Where the list stands below the map, that would take the map away from under the finger.
  if (isBeside.matches) list.querySelector("tr.here")?.scrollIntoView({ block: "nearest" });
}

// -- listening

function listen(map) {
  const { place } = map;
  const stopOf = (target) => map.stops.find((stop) => stop.group === target.closest?.("g.stop"));
  const rowStop = (target) => map.stops.find((stop) => `${stop.tour}-${stop.at}` === target.closest?.("[data-stop]")?.dataset.stop);
  place.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = place.getBoundingClientRect();
    zoom(map, Math.exp(-event.deltaY * 0.0015), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  drag(map, (target) => {
    const stop = stopOf(target);
    if (stop) openTour(stop);
    point(map, stop);
  });
  place.addEventListener("pointerover", (event) => event.pointerType === "mouse" && point(map, stopOf(event.target)));
  place.addEventListener("focusin", (event) => point(map, stopOf(event.target)));
  place.addEventListener("focusout", () => point(map, undefined));
  place.addEventListener("keydown", (event) => {
    if (pressed(map, event.key, stopOf(event.target))) event.preventDefault();
  });
  const list = document.querySelector(".tours");
  list.addEventListener("toggle", () => choose(map, Number(list.querySelector("details[open]")?.dataset.tour ?? -1)), true);
  for (const kind of ["pointerover", "focusin"]) list.addEventListener(kind, (event) => point(map, rowStop(event.target)));
  list.addEventListener("pointerleave", () => point(map, undefined));
  document.querySelector("[data-fixed]")?.addEventListener("change", (event) => place.classList.toggle("has-fixed", event.target.checked));
}

// One finger or the mouse moves the map, two fingers zoom it; what did not move was a tap.
function drag(map, tapped) {
  const { place } = map;
  const held = new Map();
  let moved = 0;
  place.addEventListener("pointerdown", (event) => {
    if (event.target.closest("button")) return;
    held.set(event.pointerId, event);
    moved = held.size > 1 ? Infinity : 0;
  });
  place.addEventListener("pointermove", (event) => {
    const before = held.get(event.pointerId);
    if (!before) return;
    const [x, y] = [event.clientX - before.clientX, event.clientY - before.clientY];
    moved += Math.hypot(x, y);
    if (moved > 4) place.setPointerCapture(event.pointerId);
    const other = [...held.values()].find((one) => one.pointerId !== event.pointerId);
    if (other) pinch(map, before, event, other);
    else if (moved > 4) pan(map, x, y);
    held.set(event.pointerId, event);
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    place.addEventListener(kind, (event) => {
      if (held.delete(event.pointerId) && kind === "pointerup" && moved <= 4) tapped(event.target);
    });
  }
}

function pinch(map, before, now, other) {
  const box = map.place.getBoundingClientRect();
  const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
  pan(map, (now.clientX - before.clientX) / 2, (now.clientY - before.clientY) / 2);
  zoom(map, apart(now) / Math.max(apart(before), 1), (now.clientX + other.clientX) / 2 - box.left, (now.clientY + other.clientY) / 2 - box.top);
}

// On the map arrows move it; on a stop they lead along its tour and to the other tours. Whether the key meant anything.
function pressed(map, key, stop) {
  const moves = { ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] };
  if (key === "+" || key === "=") zoom(map, 1.5);
  else if (key === "-") zoom(map, 1 / 1.5);
  else if (key === "0") fit(map);
  else if (key === "Enter" && stop) openTour(stop);
  else if (!(key in moves)) return false;
  else if (stop) step(map, stop, key);
  else pan(map, ...moves[key]);
  return true;
}

function step(map, stop, key) {
  const place = map.stops.indexOf(stop);
  const isAlong = key === "ArrowLeft" || key === "ArrowRight";
  const by = key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1;
  const tours = [...new Set(map.stops.map((one) => one.tour))];
  const tour = tours[(tours.indexOf(stop.tour) + by + tours.length) % tours.length];
  const next = isAlong ? map.stops[(place + by + map.stops.length) % map.stops.length] : map.stops.find((one) => one.tour === tour);
  stop.group.setAttribute("tabindex", "-1");
  next.group.setAttribute("tabindex", "0");
  next.group.focus();
}
