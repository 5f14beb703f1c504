// The driver's page: what is tapped is kept on the phone first, shown at once, and sent as soon as there is a network.
"use strict";

const RETRY = 15000; // ms between tries, besides those when the network comes back
const page = document.querySelector("[data-driver]");
const { states, words } = JSON.parse(page.querySelector("script").textContent);
const halts = [...page.querySelectorAll("[data-halt]")];
const key = `tour:${page.dataset.key}`;
const known = JSON.parse(localStorage.getItem(`${key}:known`) ?? "{}"); // what the hub has, for a page that the phone kept
let sending = false;

// -- the queue: reports that the hub has not confirmed, oldest first; it outlives the page

function queue() {
  return JSON.parse(localStorage.getItem(key) ?? "[]");
}

function keep(reports) {
  localStorage.setItem(key, JSON.stringify(reports));
}

// A report holds all that is known of its stop, so the last one counts, and one that arrives twice changes nothing.
function tell(stop, changes) {
  const id = [...crypto.getRandomValues(new Uint32Array(3))].map((part) => part.toString(36)).join("");
  const { arrived_at, left_at, outcome, reason } = stateOf(stop);
  const { store, order } = placeOf(halts.find((halt) => Number(halt.dataset.halt) === stop));
  const told = { id, stop, store, order, told_at: new Date().toISOString(), arrived_at, left_at, outcome, reason };
  keep([...queue(), { ...told, ...changes }]);
  show();
  send();
}

function stateOf(stop) {
  const waiting = queue().findLast((report) => report.stop === stop);
  return waiting ?? known[stop] ?? { arrived_at: null, left_at: null, outcome: null, reason: null };
}

// Who is visited: another plan may give a stop's number to somebody else, and this page does not know of it yet.
function placeOf(halt) {
  return { store: halt.dataset.store || null, order: halt.dataset.order || null };
}

// The number that a stop of the hub has on this page; several of one place keep their own.
function numberHere(stop, state) {
  const same = halts.filter((halt) => {
    const { store, order } = placeOf(halt);
    return store === state.store && order === state.order;
  });
  return same.length === 1 ? same[0].dataset.halt : same.find((halt) => halt.dataset.halt === stop)?.dataset.halt;
}

// Of each stop what became known last: a page from the phone's shelf is older than what was sent since.
function learn(states) {
  for (const [number, state] of Object.entries(states)) {
    const stop = numberHere(number, state);
    if (stop && !(known[stop]?.known_at > state.known_at)) known[stop] = state;
  }
  localStorage.setItem(`${key}:known`, JSON.stringify(known));
}

async function send() {
  const reports = queue();
  if (sending || !reports.length) return;
  sending = true;
  try {
    const answer = await fetch(`${page.dataset.driver}/reports`, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ reports }),
    });
    if (answer.ok) {
      const { taken, refused, states: now } = await answer.json();
      keep(queue().filter((report) => !taken.includes(report.id)));
      learn(now);
      const why = Object.values(refused)[0];
      if (why) say(words.refused.replace("{why}", why));
    } else {
      say(words.refused.replace("{why}", `HTTP ${answer.status}`));
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // what fetch throws without a network: the reports stay
  } finally {
    sending = false;
  }
  show();
  if (queue().some((report) => !reports.some((sent) => sent.id === report.id))) send();
}

// What others reported of this tour, when the page comes to the front.
async function refresh() {
  try {
    const answer = await fetch(`${page.dataset.driver}/states`);
    if (answer.ok) learn((await answer.json()).states);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  show();
}

// -- showing

function say(text) {
  document.getElementById("toast").replaceChildren(Object.assign(document.createElement("p"), { textContent: text }));
}

function clock(instant) {
  return new Date(instant).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
}

function show() {
  const waiting = new Set(queue().map((report) => report.stop));
  const done = halts.filter((halt) => stateOf(Number(halt.dataset.halt)).outcome).length;
  const next = halts.find((halt) => !stateOf(Number(halt.dataset.halt)).outcome);
  for (const halt of halts) {
    const state = stateOf(Number(halt.dataset.halt));
    const isNext = halt === next;
    if (isNext !== halt.classList.contains("next")) halt.querySelector("details").open = isNext;
    halt.classList.toggle("next", isNext);
    halt.classList.toggle("done", Boolean(state.outcome));
    put(halt, "[data-outcome]", state.outcome && `${words[state.outcome]}${state.reason ? `: ${words[state.reason]}` : ""} ${clock(state.left_at)}`);
    put(halt, "[data-since]", !state.outcome && state.arrived_at && words.here_since.replace("{time}", clock(state.arrived_at)));
    halt.querySelector("[data-unsent]").hidden = !waiting.has(Number(halt.dataset.halt));
    halt.querySelector("[data-acts]").hidden = Boolean(state.outcome) || !halt.querySelector("[data-reasons]").hidden;
    halt.querySelector("[data-act=arrived]").hidden = Boolean(state.arrived_at);
    halt.querySelector("[data-act=open]").hidden = !state.outcome;
  }
  page.querySelector("progress").value = done;
  put(page, "[data-progress]", words.done.replace("{done}", done).replace("{stops}", halts.length));
  put(page, "[data-wire]", waiting.size > 0 && words.unsent.replace("{count}", queue().length));
  page.querySelector("[data-finished]").hidden = Boolean(next);
}

function put(place, selector, text) {
  const element = place.querySelector(selector);
  element.hidden = !text;
  if (text) element.textContent = text;
}

// -- tapping

page.addEventListener("click", ({ target }) => {
  const halt = target.closest("[data-halt]");
  const stop = Number(halt?.dataset.halt);
  const act = target.dataset.act;
  const reasons = halt?.querySelector("[data-reasons]");
  const now = new Date().toISOString();
  if (act === "arrived") tell(stop, { arrived_at: now });
  else if (act === "delivered") finish(stop, now, act, null);
  else if (act === "open") tell(stop, { left_at: null, outcome: null, reason: null });
  else if (act) {
    reasons.dataset.outcome = act;
    reasons.hidden = false;
    show();
  } else if (target.dataset.reason || "cancel" in target.dataset) {
    reasons.hidden = true;
    if (target.dataset.reason) finish(stop, now, reasons.dataset.outcome, target.dataset.reason);
    else show();
  }
});

function finish(stop, now, outcome, reason) {
  tell(stop, { arrived_at: stateOf(stop).arrived_at ?? now, left_at: now, outcome, reason });
  document.querySelector(".halt.next")?.scrollIntoView({ block: "start" });
}

// The worker serves the page without a network; what it needs was loaded before there was a worker.
async function stay() {
  await navigator.serviceWorker.register("/driver/worker.js");
  const parts = [...document.querySelectorAll("script[src], link[rel=stylesheet], link[rel=icon]")].map((part) => part.src || part.href);
  await (await caches.open("driver")).addAll([location.pathname, ...parts]);
}

addEventListener("online", send);
document.addEventListener("visibilitychange", () => document.hidden || refresh().then(send));
setInterval(send, RETRY);
learn(states);
show();
send();
if ("serviceWorker" in navigator && navigator.onLine) stay();
