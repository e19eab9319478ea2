// The documents of events, as programs read them, and what the program writes of each kind of event (EVENT_DOCUMENTS is the program
// that prints it), held against each other. That the files are what the program says is a test of the house.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Parser } from "@asyncapi/parser";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { CloudEvent, HTTP } from "cloudevents";

const docs = new URL("../../docs/protocol/events/", import.meta.url);
const read = (path) => readFileSync(new URL(path, docs), "utf8");
const file = (path) => JSON.parse(read(path.slice("/schemas/".length)));
const index = JSON.parse(read("index.json"));
const asyncapiText = read("events.asyncapi.json");
const asyncapi = JSON.parse(asyncapiText);
const { document, diagnostics } = await new Parser().parse(asyncapiText);

const program = process.env.EVENT_DOCUMENTS ?? new URL("../../build/dev/errand_event_documents", import.meta.url).pathname;
const lines = execFileSync(program, ["events"], { encoding: "utf8", maxBuffer: 1 << 26, timeout: 60_000 }).trim().split("\n");
const events = lines.map((line) => JSON.parse(line));

const paths = index.events.flatMap(({ schemas }) => schemas.flatMap(({ data, event }) => [data, event]));
const latest = new Map(index.events.map(({ type, schemas }) => [type, schemas.at(-1)]));

/** The schema with every object closed to members that it does not list. */
function closed(schema) {
  if (schema === null || typeof schema !== "object") return schema;
  if (Array.isArray(schema)) return schema.map(closed);
  const result = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  // The value of `properties` is no schema, although one of its members may be called so.
  if (schema.type === "object" && schema.properties && !("additionalProperties" in schema)) result.additionalProperties = false;
  return result;
}

function validator(change) {
  const ajv = new Ajv2020({ strict: true, strictRequired: true, allErrors: true });
  formats.default(ajv);
  for (const path of paths) ajv.addSchema(change(file(path)));
  return ajv;
}
const open = validator((schema) => schema);
const strict = validator(closed);
const schemaId = (path) => `https://errand.dev${path}`;

test("the index names each schema, and each is where its $id says", () => {
  assert.equal(index.asyncapi, "/schemas/events.asyncapi.json");
  assert.equal(index.events.length, 23);
  for (const path of paths) assert.equal(file(path).$id, schemaId(path));
});

test("every kind of event is rendered, thin and full", () => {
  const of = (full) => new Set(events.filter(({ data }) => "job" in data === full).map(({ type }) => type));
  const types = index.events.map(({ type }) => type).sort();
  assert.deepEqual([...of(false)].sort(), types);
  assert.deepEqual([...of(true)].sort(), types);
});

test("every event fits its schemas and has no member that they do not list", () => {
  for (const event of events) {
    const { data, event: whole } = latest.get(event.type);
    for (const [ajv, path, value] of [[open, whole, event], [open, data, event.data], [strict, whole, event], [strict, data, event.data]]) {
      const fits = ajv.getSchema(schemaId(path));
      assert.ok(fits(value), `${path}: ${JSON.stringify(fits.errors)} in ${JSON.stringify(value)}`);
    }
    assert.ok(event.dataschema.endsWith(data), event.dataschema);
  }
});

test("every member of every schema is rendered by some event, and may be missing only if some event lacks it", () => {
  for (const { type, schemas } of index.events) {
    const schema = file(schemas.at(-1).data);
    const all = events.filter((event) => event.type === type).map(({ data }) => data);
    for (const name of Object.keys(schema.properties)) {
      assert.ok(all.some((data) => name in data), `${type}: ${name} is never there`);
      if (!schema.required.includes(name)) assert.ok(all.some((data) => !(name in data)), `${type}: ${name} is always there`);
    }
  }
});

test("an event without a member that must be there, or with one of another type, does not fit", () => {
  for (const { type, schemas } of index.events) {
    const fits = open.getSchema(schemaId(schemas.at(-1).event));
    const event = events.find((each) => each.type === type);
    for (const name of file(schemas.at(-1).event).required) {
      const { [name]: _, ...rest } = event;
      assert.equal(fits(rest), false, `${type} without ${name}`);
    }
    for (const name of file(schemas.at(-1).data).required) {
      const { [name]: _, ...rest } = event.data;
      assert.equal(fits({ ...event, data: rest }), false, `${type} without ${name}`);
      assert.equal(fits({ ...event, data: { ...event.data, [name]: null } }), false, `${type} with null as ${name}`);
    }
  }
});

test("npm's cloudevents reads every event, finds nothing wrong and loses nothing", () => {
  for (const [i, line] of lines.entries()) {
    const parsed = HTTP.toEvent({ headers: { "content-type": "application/cloudevents+json; charset=utf-8" }, body: line });
    assert.ok(parsed instanceof CloudEvent);
    assert.ok(parsed.validate());
    const { time, ...expected } = events[i];
    const { time: parsedTime, ...rest } = JSON.parse(JSON.stringify(parsed));
    assert.equal(new Date(parsedTime).getTime(), new Date(time).getTime());
    assert.deepEqual(rest, expected);
  }
});

test("every event is a payload of Standard Webhooks", () => {
  for (const event of events) {
    assert.match(event.type, /^[a-zA-Z0-9_]+(\.[a-zA-Z0-9_]+)*$/);
    assert.match(event.id, /^[^.]+$/); // the signed content is id.timestamp.body
    assert.equal(event.timestamp, event.time);
    assert.equal(typeof event.data, "object");
  }
});

test("the AsyncAPI document has no errors and no warnings", () => {
  const faults = diagnostics.filter(({ code }) => code !== "asyncapi-latest-version");
  assert.deepEqual(faults.map(({ message, path }) => `${path.join(".")}: ${message}`), []);
  assert.ok(document);
  assert.equal(document.version(), "3.1.0");
});

test("the AsyncAPI document sends a message for each type, whose example fits", () => {
  const operation = document.operations().all();
  assert.deepEqual(operation.map((each) => each.action()), ["send"]);
  const messages = operation[0].messages().all();
  assert.deepEqual(messages.map((message) => message.name()).sort(), index.events.map(({ type }) => type).sort());
  for (const message of messages) {
    assert.equal(message.contentType(), "application/cloudevents+json");
    const [example] = message.examples().all();
    const fits = strict.getSchema(schemaId(latest.get(message.name()).event));
    assert.ok(fits(example.payload()), `${message.name()}: ${JSON.stringify(fits.errors)}`);
  }
});

test("the schemas of the AsyncAPI document say of every event what the others say", () => {
  const ajv = new Ajv({ strict: false });
  formats.default(ajv);
  ajv.addSchema({ components: { schemas: asyncapi.components.schemas } }, "asyncapi");
  const name = new Map(Object.entries(asyncapi.components.messages).map(([key, message]) => [message.name, key]));
  for (const event of events) {
    const fits = ajv.getSchema(`asyncapi#/components/schemas/${name.get(event.type)}`);
    assert.ok(fits(event), `${event.type}: ${JSON.stringify(fits.errors)}`);
    const { jobId, ...rest } = event.data;
    assert.equal(fits({ ...event, data: rest }), false, `${event.type} without jobId`);
  }
});
