// The example as it is shown, with its page in Chromium. Of Web Push all takes part but the push service of a browser's maker:
// a service here stands in for it, and hands what it got, decrypted as a browser does, to the page's service worker.
import assert from "node:assert/strict";
import { createECDH, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import ece from "http_ece";
import { Example } from "../example.mjs";
import { Browser } from "./browser.mjs";

const errand = process.env.ERRAND_BINARY;
delete process.env.ERRAND_BINARY; // the program refuses variables of its prefix that it does not know
let out;
let service;
let example;
let browser;
const pushed = []; // what the push service got
const keys = createECDH("prime256v1");
keys.generateKeys();
const secret = randomBytes(16);

async function until(ask, done = Boolean) {
  for (let end = Date.now() + 60_000, value; ; await sleep(50)) {
    value = await ask();
    if (done(value)) return value;
    if (Date.now() > end) assert.fail(`did not come; there was ${JSON.stringify(value)}`);
  }
}

before(async () => {
  out = mkdtempSync(join(tmpdir(), "errand-notify-"));
  service = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    pushed.push(Buffer.concat(chunks));
    response.writeHead(201).end();
  }).listen(0, "127.0.0.1");
  await once(service, "listening");
  example = await Example.start({ errand, out, ports: [service.address().port] });
  browser = await Browser.start();
  const subscription = {
    endpoint: `http://127.0.0.1:${service.address().port}/push/1`,
    keys: { p256dh: keys.getPublicKey("base64url"), auth: secret.toString("base64url") },
  };
  await browser.open(example.page, `PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
    window.askedWith = applicationServerKey;
    return { toJSON: () => (${JSON.stringify(subscription)}) };
  };`);
});

after(async () => {
  await browser?.stop();
  await example?.stop();
  service.closeAllConnections();
  service.close();
  rmSync(out, { recursive: true });
});

const text = (selector) => browser.run(`document.querySelector(${JSON.stringify(selector)}).textContent`);
const click = (selector) => browser.run(`document.querySelector(${JSON.stringify(selector)}).click()`);
const shot = async (name) => {
  if (process.env.SCREENSHOTS) writeFileSync(join(process.env.SCREENSHOTS, `${name}.png`), await browser.screenshot());
};

test("a browser is subscribed with the server's key", async () => {
  await until(() => browser.run('document.querySelector("#empty").checkVisibility()'));
  assert.equal(await browser.run("location.hash"), "", "the token does not stay in the address");
  await click("#subscribe");
  await until(() => text("#state"), (state) => state.startsWith("This device is told"));
  const { webPushPublicKey, webPushSubscriptions } = await example.graphql("{ webPushPublicKey webPushSubscriptions { id } }");
  assert.equal(await browser.run("window.askedWith"), webPushPublicKey);
  assert.equal(webPushSubscriptions.length, 1);
});

test("the end of an export comes to the page, to the device, by mail and by webhook", async () => {
  await click("#export button");
  await until(() => text("#state"), (state) => /^Job \S+ is (pending|running)/.test(state));
  const [, job] = /Job (\S+) is/.exec(await text("#state"));

  // The page, live.
  await until(() => text("#inbox"), (inbox) => inbox.includes("exportInventory is done"));
  assert.equal(await text("#unread"), "1");
  await shot("unread");

  // The device.
  await until(() => pushed.length);
  const payload = ece.decrypt(pushed[0], { version: "aes128gcm", privateKey: keys, authSecret: secret }).toString();
  assert.equal(JSON.parse(payload).title, "exportInventory is done");
  // Chromium forgets a notification that it is asked for before it is on the screen.
  await browser.run('window.shown = new Promise((resolve) => navigator.serviceWorker.addEventListener("message", ({ data }) => resolve(data.shown))); 0');
  await browser.push(example.page, payload);
  assert.equal(await browser.run("window.shown"), JSON.parse(payload).id);
  const shown = await browser.run(`navigator.serviceWorker.ready.then((all) => all.getNotifications())
    .then((list) => list.map(({ title, body, data }) => ({ title, body, url: data.url })))`);
  assert.equal(shown.length, 1);
  assert.equal(shown[0].title, "exportInventory is done");
  assert.ok(shown[0].url.endsWith(`#job=${job}`), shown[0].url);

  // The mailbox and the receiver, which refuses what is not signed.
  const mail = await until(() => example.printed(example.mailbox));
  assert.match(mail, /To: you@example\.org\nSubject: exportInventory is done\n/);
  await until(() => example.printed(example.receiver), (lines) => lines.includes(`dev.errand.job.succeeded job/${job}`));

  // Who was told what, as operators see it.
  const messages = () => example.graphql("query ($job: ID!) { jobNotifications(jobId: $job, first: 10) { nodes { channel outcome } } }", { job })
    .then(({ jobNotifications }) => jobNotifications.nodes.map(({ channel, outcome }) => `${channel} ${outcome}`).sort());
  assert.deepEqual(await until(messages, (list) => list.length === 3 && !list.join().includes("WAITING")), ["EMAIL SENT", "IN_APP SENT", "WEB_PUSH SENT"]);
});

test("an item that is read is read everywhere", async () => {
  await click("#inbox li");
  await until(() => browser.run('document.querySelectorAll("#inbox li.unread").length'), (unread) => unread === 0);
  const { notificationInbox } = await example.graphql("{ notificationInbox(first: 1) { unreadCount nodes { readAt } } }");
  assert.equal(notificationInbox.unreadCount, 0);
  assert.ok(notificationInbox.nodes[0].readAt);
  assert.equal(await browser.run('document.querySelector("#unread").checkVisibility()'), false);
  await shot("read");
});
