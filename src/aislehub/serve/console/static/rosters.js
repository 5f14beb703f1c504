// The roster of a day as bars that can be moved, stretched, given to somebody else, added and removed. Every change goes
// to the server, which says what it would mean; nothing is kept until it is saved with a reason.
"use strict";

const QUARTER = 15;
const EDGE = 10; // pixels at a bar's end that stretch it
const roster = document.getElementById("roster");
const plan = document.getElementById("roster-day");
const editor = document.getElementById("roster-editor");
const draft = document.getElementById("roster-draft");
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const words = roster && read("board-words");
let board = roster && read("board");
let day = roster?.dataset.day ?? "";
let picked = ""; // whose bar of the day is chosen
let asked = 0; // number of the latest question, so that late answers to earlier ones are not shown
const before = []; // boards to go back to

const minutes = (clock) => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3));
const clock = (minute) => `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
const today = () => board.days.find((one) => one.day === day);
const mine = (staff) => board.shifts.find((shift) => shift.staff === staff && shift.day === day);
const isOpen = () => Boolean(editor) && today()?.open;

function make(tag, name, text = "", attributes = {}) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text) element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// -- drawing --------------------------------------------------------------------------------------

function drawDay() {
  plan.replaceChildren();
  if (!day) return;
  const [first, last] = board.span;
  plan.style.setProperty("--hours", (last - first) / 4);
  plan.append(hoursLine(first, last));
  const begins = (person) => mine(person.staff)?.begins ?? "99";
  const people = [...board.people].sort((a, b) => begins(a).localeCompare(begins(b)) || a.staff.localeCompare(b.staff));
  for (const person of people) plan.append(lane(person));
  for (const { skill, name } of board.skills) plan.append(strip(skill, name, first, last));
  showEditor();
}

function hoursLine(first, last) {
  const line = make("div", "lane hours");
  const plot = make("div", "plot");
  for (let quarter = first; quarter < last; quarter += 4) {
    const mark = make("span", "", String((quarter / 4) % 24));
    mark.style.left = share(quarter - first);
    plot.append(mark);
  }
  line.append(make("span", "who"), plot);
  return line;
}

function lane(person) {
  const line = make("div", "lane", "", { "data-staff": person.staff });
  const who = make("span", "who");
  const hours = make("small", person.contract !== null && person.hours > person.contract ? "lack" : "");
  hours.textContent = `${Math.round(person.hours * 10) / 10}${person.contract === null ? "" : ` / ${person.contract}`}`;
  who.append(make("span", "", person.staff, { title: person.skills.map((skill) => named(skill)).join(", ") }), hours);
  const shift = mine(person.staff);
  if (!shift && isOpen()) {
    who.append(make("button", "quiet", "+", { type: "button", "data-add": person.staff, "aria-label": `${words.add}: ${person.staff}` }));
  }
  const plot = make("div", "plot");
  if (shift) plot.append(bar(shift));
  line.append(who, plot);
  return line;
}

function bar(shift) {
  const [first] = board.span;
  const from = minutes(shift.begins);
  const until = minutes(shift.ends);
  const said = `${shift.staff}, ${shift.begins}–${shift.ends}, ${named(shift.skill)}`;
  const faults = shift.faults.map((fault) => fault.text);
  const element = make("div", `duty tone${shift.tone}${faults.length ? " bad" : ""}`, "", {
    role: "button", tabindex: "0", "data-bar": shift.staff, "aria-pressed": String(shift.staff === picked),
    "aria-label": [said, ...faults].join(". "), title: [said, ...faults].join("\n"),
  });
  element.style.left = share(from / QUARTER - first);
  element.style.width = share((until - from) / QUARTER);
  for (const pause of shift.breaks) {
    const [since, to] = pause.split("-").map(minutes);
    const rest = make("span", "pause");
    rest.style.left = `${(100 * (since - from)) / (until - from)}%`;
    rest.style.width = `${(100 * (to - since)) / (until - from)}%`;
    element.append(rest);
  }
  element.append(make("span", "times", `${faults.length ? "⚠ " : ""}${shift.begins}–${shift.ends}`));
  return element;
}

// People there beside people needed, a column a quarter on the bars' own axis; those missing in red on top.
function strip(skill, name, first, last) {
  const needed = today().needed[skill];
  const there = today().there[skill];
  const most = Math.max(1, ...needed, ...there);
  const missing = needed.reduce((sum, count, quarter) => sum + Math.max(count - there[quarter], 0), 0) / 4;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `${first} 0 ${last - first} ${most}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${name}: ${words.missing} ${missing}`);
  const column = (quarter, bottom, top, kind) => {
    if (top <= bottom) return;
    const rect = document.createElementNS(svg.namespaceURI, "rect");
    for (const [key, value] of Object.entries({ x: quarter, y: most - top, width: 1, height: top - bottom })) rect.setAttribute(key, value);
    rect.setAttribute("class", kind);
    svg.append(rect);
  };
  for (let quarter = first; quarter < Math.min(last, needed.length); quarter++) {
    const both = Math.min(needed[quarter], there[quarter]);
    column(quarter, 0, both, "met");
    column(quarter, both, there[quarter], "spare");
    column(quarter, both, needed[quarter], "missing");
  }
  const who = make("span", "who");
  who.append(make("span", "", name), make("small", missing ? "lack" : "", missing ? `−${missing}` : `max ${most}`));
  const plot = make("div", "plot");
  plot.append(svg);
  const line = make("div", "lane strip");
  line.append(who, plot);
  return line;
}

function share(quarters) {
  const [first, last] = board.span;
  return `${(100 * quarters) / (last - first)}%`;
}

function named(skill) {
  return board.skills.find((one) => one.skill === skill)?.name ?? skill;
}

function show(which) {
  day = which;
  picked = "";
  for (const tab of roster.querySelectorAll(".days a")) {
    tab.toggleAttribute("aria-current", tab.dataset.day === day);
    if (tab.dataset.day === day) tab.setAttribute("aria-current", "true");
  }
  document.getElementById("roster-week").hidden = Boolean(day);
  plan.hidden = !day;
  const address = new URL(location);
  day ? address.searchParams.set("day", day) : address.searchParams.delete("day");
  history.replaceState(null, "", address);
  drawDay();
}

// -- changing -------------------------------------------------------------------------------------

// The shifts of the board with one changed (or added, or without it), breaks moved along.
function changed(staff, to) {
  const rest = board.shifts.filter((shift) => !(shift.staff === staff && shift.day === day));
  if (!to) return rest;
  const agreed = to.agreed === true && to.staff === staff; // nobody agrees for a colleague
  return [...rest, { day, breaks: [], faults: [], tone: 4, ...to, agreed }];
}

function moved(shift, from, until) {
  const begins = minutes(shift.begins);
  const length = minutes(shift.ends) - begins;
  const isSame = until - from === length;
  const shifted = (minute) => isSame ? minute - begins + from : from + Math.round(((minute - begins) / length) * (until - from) / QUARTER) * QUARTER;
  const breaks = shift.breaks.map((pause) => {
    const [since, to] = pause.split("-").map(minutes);
    const start = shifted(since);
    return start > from && start + to - since < until ? `${clock(start)}-${clock(start + to - since)}` : "";
  });
  return { ...shift, begins: clock(from), ends: clock(until), breaks: breaks.filter(Boolean) };
}

async function change(shifts, staff = picked) {
  before.push(board);
  board = { ...board, shifts };
  picked = staff;
  drawDay();
  focusBar();
  await ask();
}

async function ask() {
  const number = ++asked;
  const answer = await send("/rosters/check", { store: roster.dataset.store, week: roster.dataset.week, shifts: board.shifts });
  if (number !== asked) return;
  if (!answer) {
    board = before.pop() ?? board;
    drawDay();
    return;
  }
  take(answer);
}

function take(answer) {
  const hadFocus = document.activeElement?.dataset.bar;
  board = answer.board;
  document.getElementById("roster-week").innerHTML = answer.week;
  document.getElementById("roster-figures").innerHTML = answer.figures;
  for (const tab of roster.querySelectorAll(".days a[data-day]:not([data-day=''])")) {
    const lack = board.days.find((one) => one.day === tab.dataset.day).missing_hours;
    tab.querySelector(".lack")?.remove();
    if (lack) tab.append(" ", make("span", "lack", `−${lack}`));
  }
  drawDay();
  if (hadFocus) focusBar();
  showDraft();
}

async function send(address, body) {
  const answer = await fetch(address, {
    method: "POST", headers: { "Content-Type": "application/json", "HX-Request": "true" }, body: JSON.stringify(body),
  });
  if (answer.ok) return answer.json();
  if (answer.headers.get("HX-Redirect")) location.assign(answer.headers.get("HX-Redirect"));
  toast.innerHTML = await answer.text();
  return null;
}

function focusBar() {
  plan.querySelector(`[data-bar="${CSS.escape(picked)}"]`)?.focus({ preventScroll: true });
}

// -- pointer --------------------------------------------------------------------------------------

// A finger scrolls unless the bar was chosen before; a mouse or pen drags at once.
plan?.addEventListener("pointerdown", (event) => {
  const element = event.target.closest(".duty");
  if (!element || !isOpen() || event.button) return;
  const staff = element.dataset.bar;
  if (event.pointerType === "touch" && staff !== picked) return;
  const shift = mine(staff);
  const box = element.getBoundingClientRect();
  const perQuarter = box.width / ((minutes(shift.ends) - minutes(shift.begins)) / QUARTER);
  const reach = event.pointerType === "touch" ? 2 * EDGE : EDGE;
  const grip = box.width < 4 * reach ? "move" : event.clientX > box.right - reach ? "end" : event.clientX < box.left + reach ? "begin" : "move";
  let to = shift;
  let lane = staff;
  element.setPointerCapture(event.pointerId);
  const move = (now) => {
    const by = Math.round((now.clientX - event.clientX) / perQuarter) * QUARTER;
    to = stretched(shift, grip, by);
    element.style.left = share(minutes(to.begins) / QUARTER - board.span[0]);
    element.style.width = share((minutes(to.ends) - minutes(to.begins)) / QUARTER);
    element.querySelector(".times").textContent = `${to.begins}–${to.ends}`;
    if (grip !== "move") return;
    const over = document.elementsFromPoint(now.clientX, now.clientY).map((one) => one.closest?.(".lane[data-staff]")).find(Boolean);
    lane = over?.dataset.staff ?? lane;
    for (const one of plan.querySelectorAll(".lane")) one.classList.toggle("target", lane !== staff && one.dataset.staff === lane);
  };
  const end = (now) => {
    element.removeEventListener("pointermove", move);
    element.removeEventListener("pointerup", end);
    element.removeEventListener("pointercancel", end);
    if (now.type === "pointercancel" || (to.begins === shift.begins && to.ends === shift.ends && lane === staff)) {
      pick(staff);
    } else {
      change(changed(staff, { ...to, staff: lane }), lane);
    }
  };
  element.addEventListener("pointermove", move);
  element.addEventListener("pointerup", end);
  element.addEventListener("pointercancel", end);
});

function stretched(shift, grip, by) {
  const begins = minutes(shift.begins);
  const ends = minutes(shift.ends);
  if (grip === "end") return moved(shift, begins, Math.max(ends + by, begins + QUARTER));
  if (grip === "begin") return moved(shift, Math.max(0, Math.min(begins + by, ends - QUARTER)), ends);
  const shiftBy = Math.max(by, -begins);
  return moved(shift, begins + shiftBy, ends + shiftBy);
}

function pick(staff) {
  picked = staff;
  drawDay();
  focusBar();
}

roster?.addEventListener("click", (event) => {
  const tab = event.target.closest(".days a");
  const chip = event.target.closest(".chip");
  const add = event.target.closest("[data-add]");
  const element = event.target.closest(".duty");
  if (tab) {
    event.preventDefault();
    show(tab.dataset.day);
  } else if (chip) {
    show(chip.dataset.day);
    pick(chip.dataset.staff);
  } else if (add) {
    const person = board.people.find((one) => one.staff === add.dataset.add);
    const begins = Math.max(board.span[0] + 4, 0) * QUARTER;
    change(changed(person.staff, { staff: person.staff, begins: clock(begins), ends: clock(begins + 240), skill: person.skills[0] ?? "" }), person.staff);
  } else if (element && element.dataset.bar !== picked) {
    pick(element.dataset.bar);
  }
});

// -- keyboard -------------------------------------------------------------------------------------

plan?.addEventListener("keydown", (event) => {
  const element = event.target.closest(".duty");
  if (!element) return;
  const shift = mine(element.dataset.bar);
  const by = { ArrowLeft: -QUARTER, ArrowRight: QUARTER }[event.key];
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    pick(shift.staff);
    editor?.querySelector("select, input")?.focus();
  } else if (isOpen() && by && !event.altKey && !event.metaKey) {
    event.preventDefault();
    const to = stretched(shift, event.shiftKey ? "end" : event.ctrlKey ? "begin" : "move", by);
    if (to.begins !== shift.begins || to.ends !== shift.ends) change(changed(shift.staff, to), shift.staff);
  } else if (isOpen() && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    event.preventDefault();
    const free = [...plan.querySelectorAll(".lane[data-staff]")].map((one) => one.dataset.staff);
    const step = event.key === "ArrowUp" ? -1 : 1;
    let at = free.indexOf(shift.staff) + step;
    while (free[at] && mine(free[at])) at += step;
    if (free[at]) change(changed(shift.staff, { ...shift, staff: free[at] }), free[at]);
  } else if (isOpen() && (event.key === "Delete" || event.key === "Backspace")) {
    event.preventDefault();
    change(changed(shift.staff, null), "");
  }
});

// -- the chosen shift, and what is to be saved ----------------------------------------------------

function showEditor() {
  if (!editor) return;
  const shift = mine(picked);
  editor.hidden = !shift;
  if (!shift) return;
  const fields = editor.elements;
  const option = (value, text) => new Option(text, value);
  fields.staff.replaceChildren(...board.people.map((one) => option(one.staff, `${one.staff} (${one.skills.map(named).join(", ")})`)));
  fields.skill.replaceChildren(...board.skills.map((one) => option(one.skill, one.name)));
  for (const name of ["staff", "begins", "ends", "skill"]) fields[name].value = shift[name];
  fields.breaks.value = shift.breaks.join(" ");
  fields.agreed.checked = shift.agreed === true;
  fields.until.replaceChildren(...board.days.filter((one) => one.day >= day).map((one) => option(one.day, one.name)));
  for (const field of fields) field.disabled = !isOpen();
  const list = document.getElementById("roster-faults");
  const person = board.people.find((one) => one.staff === picked);
  list.replaceChildren(...[...shift.faults, ...(person?.faults ?? [])].map((fault) => {
    const line = make("li", fault.stops ? "fault" : "note", fault.link ? "" : fault.text);
    if (fault.link) line.append(make("a", "", fault.text, { href: fault.link, rel: "noreferrer" }));
    return line;
  }));
}

editor?.addEventListener("change", (event) => {
  if (event.target.name === "until" || !editor.reportValidity()) return;
  const fields = editor.elements;
  const to = {
    staff: fields.staff.value, begins: fields.begins.value, ends: fields.ends.value, skill: fields.skill.value,
    breaks: fields.breaks.value.split(/\s+/).filter(Boolean), agreed: fields.agreed.checked,
  };
  change(changed(picked, to), to.staff);
});
editor?.addEventListener("submit", (event) => event.preventDefault());
editor?.querySelector("[data-remove]").addEventListener("click", () => change(changed(picked, null), ""));

// The call is kept at once; who stands in is a draft like any other.
editor?.querySelector("[data-sick]").addEventListener("click", async () => {
  const staff = picked;
  const { store, week } = roster.dataset;
  const answer = await send("/rosters/sick", { store, week, staff, day, until: editor.elements.until.value });
  if (!answer) return;
  before.push(board);
  asked += 1;
  take(answer);
  draft.elements.why.value = `${words.sick}: ${staff}`;
});

function showDraft() {
  draft.hidden = !board.changes.length;
  document.getElementById("roster-changes").replaceChildren(...board.changes.map((text) => make("li", "", text)));
  const stops = board.faults.filter((fault) => fault.stops);
  document.getElementById("roster-stops").replaceChildren(...stops.map((fault) => make("li", "fault", `${fault.staff}: ${fault.text}`)));
  draft.querySelector("[data-save]").disabled = !board.lawful;
  for (const button of document.querySelectorAll("[data-stands]")) button.disabled = board.changes.length > 0;
}

draft?.querySelector("[data-back]").addEventListener("click", () => {
  board = before.pop() ?? board;
  ask();
});
draft?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const why = draft.elements.why.value;
  const body = { store: roster.dataset.store, week: roster.dataset.week, decision: roster.dataset.decision, shifts: board.shifts, why };
  if (await send("/rosters/save", body)) {
    before.length = 0;
    location.reload();
  }
});
addEventListener("beforeunload", (event) => {
  if (before.length && !draft?.hidden) event.preventDefault();
});
document.body.addEventListener("decisions-changed", () => roster && location.reload());

if (roster) drawDay();
