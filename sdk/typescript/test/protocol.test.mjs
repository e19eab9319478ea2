// The golden frames, which the server's own tests read as well, against the schemas.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseServerMessages } from "../dist/messages.js";
import { frames, schemaErrors } from "./fake-server.mjs";

for (const [name, message] of Object.entries(frames.worker)) {
  test(`the schemas accept the worker's ${name}`, () => assert.equal(schemaErrors("worker-to-server", message), ""));
}
for (const [name, message] of Object.entries(frames.server)) {
  test(`the schemas and the SDK accept the server's ${name}`, () => {
    assert.equal(schemaErrors("server-to-worker", message), "");
    assert.equal(parseServerMessages(JSON.stringify(message)).length, 1);
  });
}
for (const [name, { message }] of Object.entries(frames.invalid)) {
  test(`the schemas refuse ${name}`, () => assert.notEqual(schemaErrors("worker-to-server", message), ""));
}

test("the bodies of the long poll have schemas too", () => {
  assert.equal(schemaErrors("poll-request", { types: ["greet"], slots: 1 }), "");
  assert.notEqual(schemaErrors("poll-request", { types: ["greet"], slots: 1, waitMs: 60001 }), "");
  assert.equal(schemaErrors("messages-request", { messages: [frames.worker.complete, frames.worker.heartbeat] }), "");
  assert.notEqual(schemaErrors("messages-request", { messages: [frames.worker.credits] }), "");
  assert.equal(schemaErrors("messages-response", { messages: [frames.server.ack, frames.server.job] }), "");
});
