// The golden frames, which the server's own tests read as well, against the schemas.
import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger, Worker } from "../dist/index.js";
import { parseServerMessages } from "../dist/messages.js";
import { FakeServer, frames, jobMessage, schemaErrors } from "./fake-server.mjs";

const features = Object.values(frames.features);
const all = (side) => Object.assign({}, frames[side], ...features.map((set) => set[side]));
const invalid = Object.assign({}, frames.invalid, ...features.map((set) => set.invalid));

for (const [name, message] of Object.entries(all("worker"))) {
  test(`the schemas accept the worker's ${name}`, () => assert.equal(schemaErrors("worker-to-server", message), ""));
}
for (const [name, message] of Object.entries(all("server"))) {
  test(`the schemas and the SDK accept the server's ${name}`, () => {
    assert.equal(schemaErrors("server-to-worker", message), "");
    assert.equal(parseServerMessages(JSON.stringify(message)).length, 1);
  });
}
for (const [name, { message }] of Object.entries(invalid)) {
  test(`the schemas refuse ${name}`, () => assert.notEqual(schemaErrors("worker-to-server", message), ""));
}

test("a worker bears every message of this server, of a later one, and batches of them", async (t) => {
  const server = await FakeServer.start();
  const worker = new Worker({ url: server.url, token: "t", slots: 100, logger: silentLogger, handleSignals: false });
  worker.handle("exportInventory", (job) => job.step("charge", () => "anew"));
  const running = worker.run();
  t.after(async () => {
    await worker.stop();
    await running;
    await server.stop();
  });
  await server.until((s) => s.of("credits")[0]);
  const [socket] = server.sockets;
  const ends = new Set(["error", "drain", "draining"]); // each has a test of its own
  const single = [...Object.values(all("server")), ...Object.values(frames.later.members), ...Object.values(frames.later.types)];
  for (const message of single) if (!ends.has(message.type)) socket.send(JSON.stringify(message));
  for (const batch of Object.values(frames.batches.server)) socket.send(JSON.stringify(batch));
  server.send(jobMessage(99, { jobType: "exportInventory", steps: frames.features.steps.server["job with steps"].steps }));
  const complete = await server.until((s) => s.of("complete").find(({ token }) => token === jobMessage(99).token));
  assert.deepEqual(complete.result, { chargeId: "ch_1" }, "what was recorded");
  assert.deepEqual([server.problems, server.sockets.length, socket.closedWith], [[], 1, undefined]);
});

for (const [body, examples] of Object.entries(frames.http)) {
  for (const [name, example] of Object.entries(examples)) {
    test(`the schema of a ${body} accepts ${name}`, () => assert.equal(schemaErrors(body, example), ""));
  }
}

test("the bodies of the long poll have schemas too", () => {
  assert.equal(schemaErrors("poll-request", { types: ["greet"], slots: 1 }), "");
  assert.notEqual(schemaErrors("poll-request", { types: ["greet"], slots: 1, waitMs: 60001 }), "");
  assert.equal(schemaErrors("messages-request", { messages: [frames.worker.complete, frames.worker.heartbeat] }), "");
  assert.notEqual(schemaErrors("messages-request", { messages: [frames.worker.credits] }), "");
  assert.equal(schemaErrors("messages-response", { messages: [frames.server.ack, frames.server.job] }), "");
});
