// One correlation id, and one trace, from the client's request through log line, event and worker frame.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { data, graphql, poll, RawWorker } from "./support/clients.mjs";
import { Server } from "./support/server.mjs";

let server;
before(async () => {
  server = await Server.start();
});
after(() => server.stop());

test("a correlation id and a trace can be followed everywhere, and a secret nowhere", async () => {
  const correlation = "checkout-7f3a";
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const secret = "hunter2-do-not-log";
  const { client, worker: workerToken } = server.tokens.acme;
  const answer = await graphql(
    server, client,
    "mutation ($input: GreetInput!) { greet(input: $input) { id correlationId } }",
    { input: { name: "Ada", secret } },
    { "X-Correlation-Id": correlation, "X-Request-Id": "req-1", traceparent: `00-${trace}-00f067aa0ba902b7-01` },
  );
  assert.equal(answer.headers["x-request-id"], "req-1");
  const { id, correlationId } = answer.json.data.greet;
  assert.equal(correlationId, correlation);

  // The worker's frame.
  const worker = new RawWorker(server, workerToken);
  await worker.opened;
  worker.send({ type: "hello", types: ["greet"], slots: 1 });
  worker.send({ type: "credits", add: 1 });
  const job = await worker.frame((frame) => frame.type === "job" && frame.jobId === id);
  assert.equal(job.correlationId, correlation);
  assert.equal(job.traceparent.split("-")[1], trace);
  assert.equal(job.arguments.input.secret, secret, "the worker alone gets the secret");
  worker.send({ type: "complete", ref: "1", jobId: id, token: job.token, result: { text: "Hello" } });
  assert.equal((await worker.frame((frame) => frame.type === "ack")).status, "OK");
  worker.socket.close();

  // The events.
  const { job: state } = await data(
    server, client,
    "query ($id: ID!) { job(id: $id) { correlationId events(first: 50) { nodes { type correlationId traceparent data } } } }",
    { id },
  );
  assert.equal(state.correlationId, correlation);
  const events = state.events.nodes;
  assert.ok(events.length >= 3);
  for (const event of events) {
    assert.equal(event.correlationId, correlation, event.type);
    assert.equal(event.traceparent?.split("-")[1], trace, event.type);
  }
  assert.ok(!JSON.stringify(state).includes(secret));

  // The log.
  const about = await poll(
    async () => server.records().filter((record) => record.correlation_id === correlation),
    (records) => records.some((record) => record.job_id === id) && records.some((record) => record.request_id === "req-1"),
  );
  for (const record of about) {
    if (record.trace_id) assert.equal(record.trace_id, trace);
  }
  const log = server.log.join("\n");
  assert.ok(!log.includes(secret), "a sensitive value is in the log");
  for (const token of [client, workerToken, job.token]) assert.ok(!log.includes(token), "a token is in the log");
});

test("a request without ids gets one, which the job carries", async () => {
  const answer = await graphql(server, server.tokens.acme.client, 'mutation { greet(input: { name: "x" }) { correlationId } }');
  assert.match(answer.headers["x-request-id"], /^[0-9a-f-]{36}$/);
  assert.notEqual(answer.json.data.greet.correlationId, "");
});
