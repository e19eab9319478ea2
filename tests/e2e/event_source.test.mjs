// An EventSource, as browsers have it, follows the log over a restart of the server.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { EventSource } from "eventsource";
import { data, poll } from "./support/clients.mjs";
import { Server } from "./support/server.mjs";

let server;
let token;

before(async () => {
  server = await Server.start();
  token = server.tokens.acme.client;
});

after(async () => {
  assert.deepEqual(await server.stop(), { code: 0, signal: null }, "SIGTERM ends the server well");
});

const submit = async () => (await data(server, token, 'mutation { ignored(text: "x") { id } }')).ignored.id;

test("an EventSource that connects again goes on where it was, with nothing lost and nothing twice", async () => {
  const query = "subscription { jobEvents { cursor jobId sequence type } }";
  const connections = [];
  const source = new EventSource(`${server.url}/graphql/stream?query=${encodeURIComponent(query)}`, {
    fetch: (url, init) => {
      connections.push(new Headers(init.headers).get("last-event-id"));
      return fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });
    },
  });
  const seen = [];
  const enqueued = () => seen.filter((event) => event.type === "dev.errand.job.enqueued").map((event) => event.jobId);
  source.addEventListener("next", (event) => {
    const response = JSON.parse(event.data);
    assert.equal(response.errors, undefined, event.data);
    assert.equal(event.lastEventId, response.data.jobEvents.cursor);
    seen.push(response.data.jobEvents);
  });
  await new Promise((resolve) => source.addEventListener("open", resolve, { once: true }));

  const ids = [await submit(), await submit()];
  await poll(() => enqueued().length, (count) => count === ids.length);
  const port = Number(new URL(server.url).port);
  server.child.kill("SIGTERM");
  await server.exited;
  await server.run(port);
  ids.push(await submit(), await submit()); // before the client is back, or about then
  await poll(() => connections.length, (count) => count >= 2);
  ids.push(await submit());

  await poll(() => enqueued().length, (count) => count >= ids.length);
  source.close();
  assert.deepEqual(enqueued(), ids, "each job once, in order");
  assert.equal(new Set(seen.map((event) => event.cursor)).size, seen.length, "no event twice");
  assert.equal(connections[0], null);
  assert.ok(connections.at(-1), "the browser's own header carried the cursor");
});
