// The documents of the worker protocol, as programs read them: the AsyncAPI document, the JSON Schemas, and the golden frames, on
// which all of them agree. That they are what docs/protocol/worker.protocol.mjs says is a test of the house.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { Parser } from "@asyncapi/parser";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";

const docs = new URL("../../docs/protocol/", import.meta.url);
const read = (path) => readFileSync(new URL(path, docs), "utf8");
const frames = JSON.parse(read("frames/worker-v1.json"));

const { document, diagnostics } = await new Parser().parse(read("worker.asyncapi.json"));

// Two validators of the same messages: the JSON Schemas, and those of the AsyncAPI document, which are of an older draft.
const schemas = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true });
formats.default(schemas);
for (const file of readdirSync(new URL("schemas/worker/", docs))) schemas.addSchema(JSON.parse(read(`schemas/worker/${file}`)));
const asyncapi = new Ajv({ strict: false });
formats.default(asyncapi);
asyncapi.addSchema({ components: { schemas: JSON.parse(read("worker.asyncapi.json")).components.schemas } }, "asyncapi");

/** Whether `value` fits the schema `name`, on which both must agree. */
function fits(name, value) {
  const schema = schemas.getSchema(`https://errand.dev/protocol/worker/v1/${name}.json`);
  assert.ok(schema, name);
  const verdict = schema(value);
  if (name !== "worker-to-server") { // the union of a channel's messages is no schema there
    const other = asyncapi.getSchema(`asyncapi#/components/schemas/${name}`);
    assert.equal(other(value), verdict, `the AsyncAPI document says otherwise of ${JSON.stringify(value)}`);
  }
  return verdict;
}

/** The schema of a message by itself, rather than as one of many. */
const own = (side, { type }) => (side === "server" && type === "drain" ? "drain-server" : type);

test("the AsyncAPI document has no errors and no warnings", () => {
  // That a newer AsyncAPI exists is no fault of the document.
  const faults = diagnostics.filter(({ code }) => code !== "asyncapi-latest-version");
  assert.deepEqual(faults.map(({ message, path }) => `${path.join(".")}: ${message}`), []);
  assert.ok(document);
});

test("the AsyncAPI document has an operation for whatever a worker sends or is sent unasked", () => {
  const operations = document.operations().all();
  const messages = (action) => operations.filter((operation) => operation.action() === action)
    .flatMap((operation) => operation.messages().all().map((message) => message.name())).sort();
  assert.deepEqual(messages("send"), ["complete", "credits", "drain", "fail", "heartbeat", "hello", "messages-request", "poll-request",
    "progress", "release", "snooze", "step"]);
  assert.deepEqual(messages("receive"), ["cancel", "drain", "error", "job"]);
  const replies = operations.flatMap((operation) => operation.reply()?.messages().all().map((message) => message.name()) ?? []);
  assert.deepEqual([...new Set(replies)].sort(), ["ack", "draining", "error-response", "heartbeat_ack", "job", "messages-response", "welcome"]);
  for (const server of document.servers().all()) assert.equal(server.security().length, 1, server.id());
});

test("each message has examples, and they fit", () => {
  for (const message of document.components().messages().all()) {
    const examples = message.examples().all();
    assert.ok(examples.length > 0, message.id());
    for (const example of examples) assert.ok(fits(message.id(), example.payload()), `${message.id()}: ${example.name()}`);
  }
});

for (const [side, union] of [["worker", "worker-to-server"], ["server", "server-to-worker"]]) {
  test(`the golden frames of the ${side} fit`, () => {
    const sets = [frames[side], ...Object.values(frames.features).map((set) => set[side] ?? {})];
    for (const [name, frame] of sets.flatMap(Object.entries)) {
      assert.ok(fits(union, frame), name);
      assert.ok(fits(own(side, frame), frame), name);
    }
  });
}

test("the invalid golden frames fit nothing", () => {
  const sets = [frames.invalid, ...Object.values(frames.features).map((set) => set.invalid ?? {})];
  for (const [name, { message }] of sets.flatMap(Object.entries)) {
    assert.equal(fits("worker-to-server", message), false, name);
    if (document.components().messages().has(message.type)) assert.equal(fits(message.type, message), false, name);
  }
});

test("what a later server may send: more members fit, other types do not", () => {
  for (const [name, frame] of Object.entries(frames.later.members)) assert.ok(fits("server-to-worker", frame), name);
  for (const [name, frame] of Object.entries(frames.later.types)) assert.equal(fits("server-to-worker", frame), false, name);
});

test("each message of the golden batches fits", () => {
  for (const [side, union] of [["worker", "worker-to-server"], ["server", "server-to-worker"]]) {
    for (const [name, batch] of Object.entries(frames.batches[side])) for (const frame of batch) assert.ok(fits(union, frame), name);
  }
  for (const [name, { message }] of Object.entries(frames.batches.invalid)) {
    assert.ok(message.length === 0 || !message.every((frame) => fits("worker-to-server", frame)), name);
  }
});

test("the golden bodies of HTTP fit", () => {
  for (const [schema, bodies] of Object.entries(frames.http)) {
    for (const [name, body] of Object.entries(bodies)) assert.ok(fits(schema, body), name);
  }
  assert.equal(fits("poll-request", { types: ["a"], slots: 1, waitMs: 60_001 }), false);
  assert.equal(fits("poll-request", { types: ["a"], slots: 1, selectors: { zone: "a" } }), false);
  assert.equal(fits("messages-request", { messages: [] }), false);
  assert.equal(fits("messages-request", { messages: [frames.worker.credits] }), false);
});
