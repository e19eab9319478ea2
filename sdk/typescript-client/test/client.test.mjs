// The client beside a server that breaks in the ways that a real one, and what lies between, may.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { createClient, ErrandError, JobExpired, JobFailed, NetworkError, RequestError } from "../dist/index.js";
import { readEvents } from "../dist/sse.js";
import { event, FakeServer, ID, state } from "./fake-server.mjs";

let server;
let errand;

beforeEach(async () => {
  server = await FakeServer.start();
  errand = client();
});

afterEach(() => server.stop());

function client(options = {}) {
  return createClient({ url: server.url, token: "t", retry: { first: 1, longest: 5 }, ...options });
}

const render = "mutation { render { result { url } } }";
const accepted = { data: { render: { __typename: "RenderJob", id: ID, type: "render", status: "PENDING", result: null } } };

test("a submit is repeated with its key until there is an answer", async () => {
  const answers = [
    undefined, // the connection breaks
    { status: 503, headers: { "retry-after": "0" }, body: "<html>busy</html>" },
    { errors: [{ message: "stopping", extensions: { code: "UNAVAILABLE" } }] },
    accepted,
  ];
  server.answer = () => answers.shift();
  const handle = await errand.submit(render);
  assert.equal(handle.id, ID);
  assert.equal(server.requests.length, 4);
  assert.deepEqual(new Set(server.requests.map(({ headers }) => headers["idempotency-key"])), new Set([handle.idempotencyKey]));
  server.answer = () => accepted;
  assert.notEqual((await errand.submit(render)).idempotencyKey, handle.idempotencyKey, "each submit has a key of its own");
  await errand.submit(render, { options: { idempotencyKey: "mine" } });
  assert.equal(server.requests.at(-1).headers["idempotency-key"], "mine");
});

test("a submit that was given up names its key", async () => {
  server.answer = () => undefined;
  await assert.rejects(client({ retry: { attempts: 3, first: 1 } }).submit(render, {}, { idempotencyKey: "k" }), (error) => {
    assert.ok(error instanceof NetworkError && error instanceof ErrandError);
    return error.code === "NETWORK" && error.idempotencyKey === "k" && error.retryable;
  });
  assert.equal(server.requests.length, 3);
});

test("what the server refuses is not repeated", async () => {
  server.answer = () => ({ data: null, errors: [{ message: "too many", path: ["render"], extensions: { code: "QUEUE_FULL" } }] });
  await assert.rejects(errand.submit(render), (error) => error instanceof RequestError && error.code === "QUEUE_FULL" && error.errors[0].path[0] === "render");
  server.answer = () => ({ status: 404, headers: {}, body: "nothing here" });
  await assert.rejects(errand.submit(render), (error) => error instanceof NetworkError && error.code === "HTTP_404" && !error.retryable);
  server.answer = () => ({ data: { render: null } });
  await assert.rejects(errand.submit(render), { code: "NO_JOB" });
  assert.equal(server.requests.length, 3);
});

test("an error below a job that was made does not lose the job", async () => {
  server.answer = () => ({ ...accepted, errors: [{ message: "no estimate", path: ["render", "estimate"] }] });
  assert.equal((await errand.submit(render)).id, ID);
});

test("tokens and headers may be asked for anew", async () => {
  let number = 0;
  errand = client({ token: async () => `t${++number}`, headers: () => ({ "x-tenant": "acme" }) });
  server.answer = () => accepted;
  await errand.submit(render);
  await errand.submit(render);
  assert.deepEqual(server.requests.map(({ headers }) => [headers.authorization, headers["x-tenant"]]), [["Bearer t1", "acme"], ["Bearer t2", "acme"]]);
  assert.equal(server.requests[0].path, "/graphql");
  assert.throws(() => createClient({ url: "not a url" }));
});

test("watching goes on after its cursor, and each event comes once", async () => {
  const seen = [];
  const watching = (async () => {
    for await (const { sequence } of errand.watch(ID)) seen.push(sequence);
  })();
  const first = await server.stream(0);
  assert.deepEqual(first.operation.variables, { id: ID, after: null });
  first.next({ jobEvents: event(1, "enqueued") });
  first.next({ jobEvents: event(2, "started") });
  // Half an event is none.
  first.write(`event: next\ndata: {"data":{"jobEvents":${JSON.stringify(event(3, "progressed"))}}}`);
  while (seen.length < 2) await new Promise(setImmediate);
  first.cut();
  const second = await server.stream(1);
  assert.equal(second.operation.variables.after, "c2");
  second.next({ jobEvents: event(2, "started") }); // a server that repeats itself
  second.next({ jobEvents: event(3, "progressed") });
  second.response.end(); // without complete: it broke off
  const third = await server.stream(2);
  assert.equal(third.operation.variables.after, "c3");
  third.next({ errors: [{ message: "stopping", extensions: { code: "UNAVAILABLE" } }] });
  third.complete();
  const fourth = await server.stream(3);
  fourth.next({ jobEvents: event(4, "succeeded") });
  fourth.complete();
  await watching;
  assert.deepEqual(seen, [1, 2, 3, 4]);
});

test("a stream that is silent for too long counts as broken", async () => {
  errand = client({ silenceMs: 30 });
  const next = errand.watch(ID).next();
  await (await server.stream(0)).closed;
  // On a busy machine the second may be silent for too long as well.
  void (async () => {
    for (let number = 1; ; number += 1) (await server.stream(number)).next({ jobEvents: event(1, "enqueued") });
  })();
  assert.equal((await next).value.sequence, 1);
});

test("a cursor that has expired is an error to act on", async () => {
  const next = errand.watch(ID, { after: "old" }).next();
  const stream = await server.stream(0);
  assert.equal(stream.operation.variables.after, "old");
  stream.next({ data: null, errors: [{ message: "gone", extensions: { code: "CURSOR_EXPIRED" } }] });
  await assert.rejects(next, { code: "CURSOR_EXPIRED" });
});

test("who stops reading closes the connection, and so does a signal", async () => {
  const reading = (async () => {
    for await (const { sequence } of errand.watch(ID)) if (sequence === 1) break;
  })();
  const stream = await server.stream(0);
  stream.next({ jobEvents: event(1, "enqueued") });
  await reading;
  await stream.closed;
  const controller = new AbortController();
  const next = errand.watch(ID, { signal: controller.signal }).next();
  const other = await server.stream(1);
  controller.abort(new Error("left the page"));
  await assert.rejects(next, /left the page/);
  await other.closed;
});

test("waiting looks at the present state first after each break, and tells how it ended", async () => {
  server.answer = () => ({ data: { job: { __typename: "RenderJob" } } });
  const waiting = errand.wait(ID, { result: "{ url }" });
  const first = await server.stream(0);
  assert.match(first.operation.query, /\.\.\. on RenderJob \{ result \{ url \} \}/);
  first.next({ job: state("RUNNING") });
  first.cut();
  const second = await server.stream(1);
  second.next({ job: state("SUCCEEDED", { result: { url: "u" } }) });
  second.complete();
  assert.deepEqual((await waiting).result, { url: "u" });

  const error = { code: "LATE", message: "too late", details: null, retryable: false, remediation: null, attempt: null };
  for (const [status, type] of [["FAILED", JobFailed], ["EXPIRED", JobExpired]]) {
    const ending = assert.rejects(errand.wait(ID, { result: "{ url }" }), (thrown) => thrown instanceof type && thrown.code === "LATE" && thrown.job.id === ID);
    const stream = await server.stream(server.streams.length);
    stream.next({ job: state(status, { error }) });
    stream.complete();
    await ending;
  }
});

test("a job that is deleted meanwhile is not found", async () => {
  server.answer = () => ({ data: { job: { __typename: "RenderJob" } } });
  const waiting = assert.rejects(errand.wait(ID, { result: "" }), { code: "NOT_FOUND" });
  const stream = await server.stream(0);
  stream.next({ job: state("RUNNING") });
  stream.complete();
  await waiting;
});

test("a proxy that does not let streams through is named", async () => {
  server.refuseStreams = true;
  server.answer = () => ({ status: 200, headers: { "content-type": "text/html" }, body: "<html></html>" });
  await assert.rejects(errand.watch(ID).next(), { code: "HTTP_200" });
  server.answer = () => ({ errors: [{ message: "who are you", extensions: { code: "UNAUTHENTICATED" } }] });
  await assert.rejects(errand.watch(ID).next(), { code: "UNAUTHENTICATED" });
});

test("where introspection is off, what to do instead is said", async () => {
  server.answer = ({ query }) =>
    query.includes("__") && !query.includes("JobType")
      ? { errors: [{ message: "introspection is off", extensions: { code: "GRAPHQL_VALIDATION_FAILED" } }] }
      : { data: { job: { __typename: "RenderJob", ...state("SUCCEEDED", { result: { url: "u" } }) } } };
  for (const ask of [() => errand.submit("render", {}), () => errand.job(ID)]) {
    await assert.rejects(ask, (error) => /introspection is off.*by a document, or pass `result`/.test(error.message) && error.code === "GRAPHQL_VALIDATION_FAILED");
  }
});

test("event streams are read however they are cut", async () => {
  const text = ": hello\r\nevent: next\r\ndata: {\"a\":\ndata: \"é\"}\n\nevent:complete\rdata\r\rdata: lost";
  const bytes = new TextEncoder().encode(text);
  for (const size of [1, 2, 3, 7, bytes.length]) {
    const body = new ReadableStream({
      start(controller) {
        for (let i = 0; i < bytes.length; i += size) controller.enqueue(bytes.slice(i, i + size));
        controller.close();
      },
    });
    const events = [];
    for await (const one of readEvents(body, () => {})) events.push(one);
    assert.deepEqual(events, [{ event: "next", data: '{"a":\n"é"}' }, { event: "complete", data: "" }], `in pieces of ${size}`);
  }
});

test("keys are drawn where there is no crypto either", async () => {
  server.answer = () => accepted;
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, "crypto");
  Object.defineProperty(globalThis, "crypto", { value: undefined, configurable: true });
  try {
    assert.match((await errand.submit(render)).idempotencyKey, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  } finally {
    if (descriptor) Object.defineProperty(globalThis, "crypto", descriptor);
    else delete globalThis.crypto;
  }
});
