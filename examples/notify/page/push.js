// The page's service worker: shows what Errand pushes, also while no page is open.
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  event.waitUntil(show(event.data.json()));
});

async function show({ id, title, body, url }) {
  await self.registration.showNotification(title, { body, tag: id, data: { url } });
  // Pages that are open bring their inbox up to date, should their connection be down.
  for (const page of await self.clients.matchAll()) page.postMessage({ shown: id });
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow(event.notification.data.url ?? "/"));
});
