// Keeps the driver's page on the phone: from the network where there is one, else as it was seen last.
"use strict";

const SHELF = "driver";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  // What the hub knows by now is no use from yesterday: the page keeps that itself.
  const isKept = event.request.method === "GET" && !event.request.url.endsWith("/states");
  if (isKept) event.respondWith(fresh(event.request));
});

async function fresh(request) {
  const shelf = await caches.open(SHELF);
  try {
    const answer = await fetch(request);
    if (answer.ok) await shelf.put(request, answer.clone());
    return answer;
  } catch (error) {
    const kept = await shelf.match(request);
    if (kept) return kept;
    throw error;
  }
}
