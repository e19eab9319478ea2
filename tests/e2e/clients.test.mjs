// Submit, poll, subscribe and cancel with plain curl and npm's graphql-ws client.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PermanentError, Worker } from "@errand/worker";
import { curl, data, graphql, poll, subscriber } from "./support/clients.mjs";
import { Server } from "./support/server.mjs";

let server;
let worker;
let running;
let token;
const started = new Map(); // name -> function that lets the handler go on

before(async () => {
  server = await Server.start();
  token = server.tokens.acme.client;
  worker = new Worker({ url: server.url, token: server.tokens.acme.worker, slots: 4, logger: { info() {}, warn() {}, error() {} } });
  worker.handle("greet", async (job) => {
    const { name } = job.input;
    if (name === "nobody") throw new PermanentError("there is nobody to greet", { code: "NOBODY" });
    job.progress({ completed: 1, total: 2, stage: "thinking", message: `of ${name}` });
    if (name.startsWith("wait")) {
      await new Promise((resolve, reject) => {
        started.set(name, resolve);
        job.signal.addEventListener("abort", () => reject(job.signal.reason), { once: true });
      });
    }
    return { text: `Hello, ${name}!` };
  });
  running = worker.run();
});

after(async () => {
  await worker?.stop?.();
  await running;
  const end = await server.stop();
  assert.deepEqual(end, { code: 0, signal: null }, "SIGTERM ends the server well");
});

const greet = `mutation ($input: GreetInput!, $options: JobOptions) {
  greet(input: $input, options: $options) { id type status queue attempt correlationId result { text } error { code } }
}`;
const job = `query ($id: ID!) {
  job(id: $id) { id status attempt progress { fraction stage message } error { code message retryable }
    ... on GreetJob { result { text } } events(first: 50) { nodes { sequence type } } }
}`;
const get = async (id) => (await data(server, token, job, { id })).job;
const ended = (state) => ["SUCCEEDED", "FAILED", "CANCELED", "EXPIRED"].includes(state.status);

test("curl submits a job and polls it to its typed result", async () => {
  const handle = (await data(server, token, greet, { input: { name: "Ada" } })).greet;
  assert.equal(handle.type, "greet");
  assert.equal(handle.queue, "greetings");
  const end = await poll(() => get(handle.id), ended);
  assert.equal(end.status, "SUCCEEDED");
  assert.deepEqual(end.result, { text: "Hello, Ada!" });
  assert.equal(end.error, null);
  const sequences = end.events.nodes.map((event) => event.sequence);
  assert.deepEqual(sequences, sequences.map((_, i) => i + 1), "no gap in the event log");
  assert.equal(end.events.nodes[0].type, "dev.errand.job.enqueued");
  assert.equal(end.events.nodes.at(-1).type, "dev.errand.job.succeeded");
});

test("a permanent failure is in the job, not in the response", async () => {
  const handle = (await data(server, token, greet, { input: { name: "nobody" } })).greet;
  const end = await poll(() => get(handle.id), ended);
  assert.equal(end.status, "FAILED");
  assert.equal(end.error.code, "NOBODY");
  assert.equal(end.result, null);
  assert.equal(end.attempt, 1);
});

test("bad input makes an error and no job", async () => {
  const before = await data(server, token, "{ jobs(first: 100) { nodes { id } } }");
  const { json } = await graphql(server, token, greet, { input: { name: "" } });
  assert.equal(json.data.greet, null);
  assert.equal(json.errors[0].extensions.code, "CONSTRAINT_VIOLATION");
  const afterwards = await data(server, token, "{ jobs(first: 100) { nodes { id } } }");
  assert.equal(afterwards.jobs.nodes.length, before.jobs.nodes.length);
});

test("the same idempotency key gives the same job, another input is refused", async () => {
  const headers = { "Idempotency-Key": '"order-1"' };
  const first = (await data(server, token, greet, { input: { name: "Bob" } }, headers)).greet;
  const again = (await data(server, token, greet, { input: { name: "Bob" } }, headers)).greet;
  assert.equal(again.id, first.id);
  const other = await graphql(server, token, greet, { input: { name: "Eve" } }, headers);
  assert.equal(other.json.errors[0].extensions.code, "IDEMPOTENCY_KEY_REUSED");
  assert.equal(other.json.errors[0].extensions.http.status, 422);
});

test("graphql-ws follows a job from its present state to its end", async () => {
  const client = subscriber(server, token);
  const handle = (await data(server, token, greet, { input: { name: "wait-sub" } })).greet;
  const states = [];
  for await (const { data: update } of client.iterate({
    query: "subscription ($id: ID!) { job(id: $id) { status progress { fraction stage } ... on GreetJob { result { text } } } }",
    variables: { id: handle.id },
  })) {
    states.push(update.job);
    if (update.job.progress?.stage === "thinking") started.get("wait-sub")?.();
    if (ended(update.job)) break;
  }
  await client.dispose();
  assert.equal(states.at(-1).status, "SUCCEEDED");
  assert.deepEqual(states.at(-1).result, { text: "Hello, wait-sub!" });
  assert.ok(states.some((state) => state.status === "RUNNING" && state.progress?.fraction === 0.5), JSON.stringify(states));
});

test("graphql-ws gets every event of a job, also when it comes late, and from a cursor on", async () => {
  const handle = (await data(server, token, greet, { input: { name: "Late" } })).greet;
  await poll(() => get(handle.id), ended);
  const client = subscriber(server, token);
  const read = async (after) => {
    const events = [];
    for await (const { data: update } of client.iterate({
      query: "subscription ($id: ID!, $after: String) { jobEvents(id: $id, after: $after) { sequence type cursor } }",
      variables: { id: handle.id, after },
    })) events.push(update.jobEvents);
    return events; // the stream ends by itself
  };
  const all = await read(null);
  assert.deepEqual(all.map((event) => event.sequence), all.map((_, i) => i + 1));
  assert.equal(all.at(-1).type, "dev.errand.job.succeeded");
  const rest = await read(all[1].cursor);
  assert.deepEqual(rest.map((event) => event.sequence), all.slice(2).map((event) => event.sequence));
  await client.dispose();
});

test("curl cancels a job that runs, and one that waits", async () => {
  const handle = (await data(server, token, greet, { input: { name: "wait-cancel" } })).greet;
  await poll(() => get(handle.id), (state) => state.status === "RUNNING");
  const cancel = "mutation ($id: ID!) { cancelJob(id: $id, reason: \"changed my mind\") { id status } }";
  const answer = (await data(server, token, cancel, { id: handle.id })).cancelJob;
  assert.ok(["CANCELING", "CANCELED"].includes(answer.status), answer.status);
  const end = await poll(() => get(handle.id), ended);
  assert.equal(end.status, "CANCELED");

  const waiting = (await data(server, token, 'mutation { ignored(text: "x") { id status whyWaiting { __typename } } }')).ignored;
  assert.equal(waiting.status, "PENDING");
  assert.equal((await data(server, token, cancel, { id: waiting.id })).cancelJob.status, "CANCELED");
});

test("waitFor holds the answer until a quick job is done", async () => {
  const done = (await data(server, token, greet, { input: { name: "Quick" }, options: { waitFor: "30s" } })).greet;
  assert.equal(done.status, "SUCCEEDED");
  assert.deepEqual(done.result, { text: "Hello, Quick!" });
});

test("health, readiness, metrics and the 404 tell what they should", async () => {
  assert.equal((await curl(`${server.url}/healthz`)).status, 200);
  const ready = await curl(`${server.url}/readyz`);
  assert.equal(ready.status, 200, ready.body);
  const metrics = await curl(`${server.url}/metrics`);
  assert.match(metrics.headers["content-type"], /text\/plain; version=0\.0\.4/);
  assert.match(metrics.body, /errand_jobs_enqueued_total\{[^}]*type="greet"[^}]*\} \d+/);
  const lost = await curl(`${server.url}/nowhere`);
  assert.equal(lost.status, 404);
  assert.ok(JSON.parse(lost.body).available.includes("POST /graphql"));
});
