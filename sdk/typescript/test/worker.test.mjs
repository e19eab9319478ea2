import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { PermanentError, ReleaseJob, silentLogger, SnoozeJob, TransientError, Worker, WorkerRefused } from "../dist/index.js";
import { reconnectDelay } from "../dist/backoff.js";
import { endpoint } from "../dist/connection.js";
import { FakeServer, jobMessage } from "./fake-server.mjs";

let server;
let worker;
let running;

beforeEach(async () => {
  server = await FakeServer.start();
});

afterEach(async () => {
  server.answering = true;
  await worker?.stop();
  await running?.catch(() => undefined);
  worker = undefined;
  assert.deepEqual(server.problems, [], "messages that break the schemas");
  await server.stop();
});

function start(handler, options = {}) {
  worker = new Worker({
    url: server.url, token: "ert_test", logger: silentLogger, handleSignals: false, drainTimeoutMs: 2_000,
    reconnectMs: { first: 5, longest: 20 }, ...options,
  });
  worker.handle("work", handler);
  running = worker.run();
  return server.until((s) => s.of("credits").length > 0);
}

/** A promise and its resolve, for handlers that a test lets go on. */
function gate() {
  let open;
  const promise = new Promise((resolve) => (open = resolve));
  return { promise, open };
}

function aborted(job) {
  return new Promise((resolve, reject) => {
    const stop = () => reject(job.signal.reason);
    if (job.signal.aborted) stop();
    else job.signal.addEventListener("abort", stop);
  });
}

test("says hello with its token, types and slots, then gives its free slots as credits", async () => {
  await start(() => null, { slots: 3, queues: ["a"], name: "n", build: "b", labels: { zone: "x" } });
  assert.equal(server.authorization, "Bearer ert_test");
  assert.equal(server.path, "/worker");
  const hello = server.of("hello")[0];
  assert.deepEqual(hello.types, ["work"]);
  assert.deepEqual([hello.slots, hello.queues, hello.name, hello.build, hello.labels], [3, ["a"], "n", "b", { zone: "x" }]);
  assert.deepEqual(server.of("credits"), [{ type: "credits", add: 3 }]);
});

test("runs a job, reports its result and gives the slot back", async () => {
  let seen;
  await start((job) => {
    seen = job;
    return { doubled: job.input.n * 2 };
  });
  server.send(jobMessage(21, { tags: ["x"], traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" }));
  const complete = await server.until((s) => s.of("complete")[0]);
  assert.deepEqual(complete.result, { doubled: 42 });
  assert.equal(complete.token, jobMessage(21).token);
  await server.until((s) => s.of("credits").length === 2);
  assert.equal(seen.correlationId, "c-21");
  assert.deepEqual(seen.tags, ["x"]);
  assert.ok(seen.traceparent.startsWith("00-4bf9"));
  assert.ok(seen.timeLeft() > 0 && seen.timeLeft() <= 60_000);
});

test("hands over all arguments when `input` is not the only one", async () => {
  await start((job) => [job.input, job.arguments]);
  server.send(jobMessage(1, { arguments: { input: 1, other: 2 } }));
  const all = { input: 1, other: 2 };
  assert.deepEqual((await server.until((s) => s.of("complete")[0])).result, [all, all]);
});

test("reports errors as transient, permanent, released or snoozed", async () => {
  const errors = {
    1: new Error("plain"),
    2: new TransientError("busy", { code: "BUSY", retryAfter: 1500, details: { a: 1 } }),
    3: new PermanentError("gone", { code: "GONE", remediation: "look elsewhere" }),
    4: new ReleaseJob(),
    5: new SnoozeJob(60_000),
    6: "not even an error",
    7: new PermanentError("bad code", { code: "not a code" }),
  };
  await start((job) => {
    throw errors[job.input.n];
  });
  for (const number of [1, 2, 3, 4, 5, 6, 7]) {
    server.send(jobMessage(number));
    await server.until((s) => s.of("credits").length === number + 1);
  }
  const fails = server.of("fail").map((message) => message.error);
  assert.deepEqual(fails[0], { kind: "TRANSIENT", message: "plain" });
  assert.deepEqual(fails[1], { kind: "TRANSIENT", message: "busy", code: "BUSY", retryAfterMs: 1500, details: { a: 1 } });
  assert.deepEqual(fails[2], { kind: "PERMANENT", message: "gone", code: "GONE", remediation: "look elsewhere" });
  assert.deepEqual(fails[3], { kind: "TRANSIENT", message: "not even an error" });
  assert.deepEqual(fails[4], { kind: "PERMANENT", message: "bad code" });
  assert.equal(server.of("release").length, 1);
  assert.equal(server.of("snooze")[0].delayMs, 60_000);
});

test("a result that is too large or no JSON fails for good", async () => {
  server.messageBytesMax = 500;
  const cyclic = {};
  cyclic.self = cyclic;
  await start((job) => (job.input.n === 1 ? "x".repeat(1000) : cyclic));
  server.send(jobMessage(1));
  await server.until((s) => s.of("fail").length === 1);
  server.send(jobMessage(2));
  await server.until((s) => s.of("fail").length === 2);
  assert.deepEqual(server.of("fail").map((m) => m.error.code), ["RESULT_TOO_LARGE", "RESULT_NOT_SERIALIZABLE"]);
  assert.ok(server.of("fail").every((m) => m.error.kind === "PERMANENT"));
});

test("coalesces progress and never loses the last one", async () => {
  await start(async (job) => {
    for (let i = 1; i <= 1000; ++i) job.progress({ completed: i, total: 1000, stage: "counting" });
    job.progress({ message: "all counted" });
    job.progress({ completed: NaN });
    return null;
  });
  server.send(jobMessage(1));
  await server.until((s) => s.of("complete")[0]);
  const progress = server.of("progress");
  assert.ok(progress.length >= 2 && progress.length < 10, `${progress.length} messages`);
  assert.deepEqual([progress[0].completed, progress[0].total, progress[0].stage], [1, 1000, "counting"]);
  assert.equal(progress.at(-1).message, "all counted");
  assert.ok(server.received.indexOf(progress.at(-1)) < server.received.indexOf(server.of("complete")[0]));
});

test("a cancel aborts the signal; the error that follows is reported as CANCELED", async () => {
  const begun = gate();
  await start((job) => {
    begun.open();
    return aborted(job);
  });
  server.send(jobMessage(1));
  await begun.promise;
  server.send({ type: "cancel", jobId: jobMessage(1).jobId, token: jobMessage(1).token, reason: "CANCEL", graceMs: 30000 });
  assert.equal((await server.until((s) => s.of("fail")[0])).error.code, "CANCELED");
});

test("a cancel in the heartbeat's answer aborts as well", async () => {
  server.heartbeatMs = 200;
  server.answering = false;
  await start(aborted);
  server.send(jobMessage(1));
  const beat = await server.until((s) => s.of("heartbeat").find((m) => m.jobs.length === 1));
  server.send({ type: "heartbeat_ack", jobs: [{ ...beat.jobs[0], state: "CANCELING", leaseMs: 30000, reason: "DEADLINE", graceMs: 9000 }] });
  assert.equal((await server.until((s) => s.of("fail")[0])).error.code, "DEADLINE");
});

test("a lost lease aborts, and nothing is reported", async () => {
  server.heartbeatMs = 200;
  server.answering = false;
  const stopped = gate();
  await start((job) => aborted(job).catch((reason) => (stopped.open(reason), "too late")));
  server.send(jobMessage(1));
  const beat = await server.until((s) => s.of("heartbeat").find((m) => m.jobs.length === 1));
  server.send({ type: "heartbeat_ack", jobs: [{ ...beat.jobs[0], state: "LEASE_LOST" }] });
  assert.equal((await stopped.promise).reason, "LEASE_LOST");
  await server.until((s) => s.of("credits").length === 2);
  assert.equal(server.of("complete").length + server.of("fail").length, 0);
});

test("the attempt's time ends here too", async () => {
  const stopped = gate();
  await start((job) => aborted(job).catch((reason) => stopped.open(reason)));
  server.send(jobMessage(1, { timeoutMs: 60_000, deadlineMs: 30 }));
  assert.equal((await stopped.promise).reason, "TIMEOUT");
});

test("a running job survives a broken connection, and its report is sent until it is acknowledged", async () => {
  const first = gate();
  const begun = gate();
  await start(async (job) => {
    begun.open();
    await first.promise;
    return job.input.n;
  });
  server.send(jobMessage(7));
  await begun.promise;
  server.answering = false;
  server.cut();
  await server.until((s) => s.of("heartbeat").some((m) => m.jobs[0]?.token === jobMessage(7).token));
  assert.equal(server.of("credits").length, 1, "the only slot is taken: no credit after reconnecting");
  first.open();
  const complete = await server.until((s) => s.of("complete")[0]);
  server.cut(); // before the ack
  const again = await server.until((s) => s.of("complete")[1]);
  assert.deepEqual(again, complete);
  server.ack(again);
  await server.until((s) => s.of("credits").length >= 2);
});

test("progress that a broken connection swallowed is sent again, before the report", async () => {
  const begun = gate();
  const go = gate();
  await start(async (job) => {
    begun.open();
    await go.promise;
    job.progress({ completed: 9, total: 10 });
    return 1;
  });
  server.send(jobMessage(1));
  await begun.promise;
  server.answering = false;
  server.refuseWith = 503;
  server.cut();
  go.open();
  setTimeout(() => (server.refuseWith = 0), 30);
  const complete = await server.until((s) => s.of("complete")[0]);
  const progress = server.of("progress").at(-1);
  assert.deepEqual([progress.completed, progress.total], [9, 10]);
  assert.ok(server.received.lastIndexOf(progress) < server.received.lastIndexOf(complete));
  server.ack(complete);
});

test("a report that the server cannot take now is sent again", async () => {
  server.answering = false;
  await start(() => 1);
  server.send(jobMessage(1));
  const complete = await server.until((s) => s.of("complete")[0]);
  server.ack(complete, { code: "UNAVAILABLE", message: "busy", retryable: true });
  assert.deepEqual(await server.until((s) => s.of("complete")[1]), complete);
  server.ack(complete);
});

test("a refused report is not repeated", async () => {
  server.answering = false;
  await start(() => 1);
  server.send(jobMessage(1));
  const complete = await server.until((s) => s.of("complete")[0]);
  server.ack(complete, { code: "RESULT_INVALID", message: "result: expected Report!", retryable: false });
  server.send(jobMessage(2));
  await server.until((s) => s.of("complete").length === 2);
  server.cut();
  await server.until((s) => s.of("hello").length === 2);
  const resent = await server.until((s) => s.of("complete")[2]);
  assert.equal(resent.token, jobMessage(2).token);
  server.ack(resent);
});

test("stop() takes nothing new, waits for what runs and its ack, then closes", async () => {
  const go = gate();
  const begun = gate();
  await start(async () => {
    begun.open();
    await go.promise;
    return "done";
  });
  server.send(jobMessage(1));
  await begun.promise;
  const stopped = worker.stop();
  await server.until((s) => s.of("drain")[0]);
  server.send(jobMessage(2)); // was on its way
  await server.until((s) => s.of("release")[0]);
  go.open();
  await stopped;
  await running;
  assert.equal(server.of("complete").length, 1);
  assert.equal(server.of("release")[0].token, jobMessage(2).token);
});

test("what does not end in time is told to stop and released", async () => {
  const begun = gate();
  await start((job) => (begun.open(), aborted(job)), { drainTimeoutMs: 20 });
  server.send(jobMessage(1));
  await begun.promise;
  await worker.stop();
  assert.equal(server.of("release")[0].token, jobMessage(1).token);
});

test("a server that is not there yet is tried again", async () => {
  const { port } = server;
  await server.stop();
  worker = new Worker({ url: `http://127.0.0.1:${port}`, token: "t", logger: silentLogger, handleSignals: false, reconnectMs: { first: 5, longest: 20 } });
  worker.handle("work", () => 1);
  running = worker.run();
  server = await FakeServer.start(port);
  await server.until((s) => s.of("credits")[0]);
});

test("run() rejects when the token is wrong or the protocol was broken", async () => {
  for (const status of [401, 403, 404]) {
    server.refuseWith = status;
    worker = new Worker({ url: server.url, token: "t", logger: silentLogger, handleSignals: false }).handle("work", () => 1);
    await assert.rejects(worker.run(), (error) => error instanceof WorkerRefused && error.code === status && /reason/.test(error.message));
  }
  server.refuseWith = 0;
  await start(() => 1);
  server.send({ type: "error", code: "FORBIDDEN", message: "queue \"x\" is not allowed" });
  server.sockets.at(-1).close(4403, "forbidden");
  await assert.rejects(running, (error) => error instanceof WorkerRefused && error.code === 4403 && /queue "x"/.test(error.message));
});

test("an overloaded server is tried again", async () => {
  server.refuseWith = 503;
  worker = new Worker({ url: server.url, token: "t", logger: silentLogger, handleSignals: false, reconnectMs: { first: 5, longest: 20 } });
  worker.handle("work", () => 1);
  running = worker.run();
  setTimeout(() => (server.refuseWith = 0), 30);
  await server.until((s) => s.of("credits")[0]);
});

test("mistakes in the options are named at once", () => {
  assert.throws(() => new Worker({ url: "http://x", token: "" }), /token is missing/);
  assert.throws(() => new Worker({ url: "ftp://x", token: "t" }), /url must begin/);
  assert.throws(() => new Worker({ url: "http://x", token: "t", slots: 0 }), /slots/);
  assert.throws(() => new Worker({ url: "http://x", token: "t" }).run(), /no handler/);
  assert.throws(() => new Worker({ url: "http://x", token: "t" }).handle("a", () => 1).handle("a", () => 1), /already/);
  worker = undefined;
});

test("the endpoint stands below the server's address", () => {
  assert.equal(endpoint("http://h:1").href, "ws://h:1/worker");
  assert.equal(endpoint("https://h/base/").href, "wss://h/base/worker");
  assert.equal(endpoint("ws://h/worker").href, "ws://h/worker");
});

test("the wait before reconnecting doubles up to 30 s, with jitter", () => {
  assert.equal(reconnectDelay(1, 1), 1_000);
  assert.equal(reconnectDelay(4, 1), 8_000);
  assert.equal(reconnectDelay(100, 1), 30_000);
  assert.equal(reconnectDelay(3, 0), 400);
});
