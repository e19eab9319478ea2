// What becomes of jobs, steps and reports while connections come and go.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { PermanentError, silentLogger, Worker, WorkerRefused } from "../dist/index.js";
import { messagesEndpoint } from "../dist/connection.js";
import { frames } from "../dist/messages.js";
import { FakeServer, jobMessage } from "./fake-server.mjs";

let server;
let worker;
let running;

beforeEach(async () => {
  server = await FakeServer.start();
});

afterEach(async () => {
  server.answering = true;
  server.welcoming = true;
  server.refuseWith = 0;
  await worker?.stop();
  await running?.catch(() => undefined);
  worker = undefined;
  running = undefined;
  assert.deepEqual(server.problems, [], "messages that break the schemas");
  await server.stop();
});

function create(handler, options = {}) {
  worker = new Worker({
    url: server.url, token: "ert_test", logger: silentLogger, handleSignals: false, drainTimeoutMs: 2_000,
    reconnectMs: { first: 5, longest: 20 }, ...options,
  });
  return worker.handle("work", handler);
}

function start(handler, options) {
  running = create(handler, options).run();
  return server.until((s) => s.of("credits").length > 0);
}

function gate() {
  let open;
  const promise = new Promise((resolve) => (open = resolve));
  return { promise, open };
}

/** A handler that tells when it began and ends when it is let. */
function gated(value = "done") {
  const begun = gate();
  const go = gate();
  const handler = async (job) => {
    begun.open(job);
    await go.promise;
    return value;
  };
  return { handler, begun: begun.promise, end: go.open };
}

test("hello names the labels of the jobs it takes", async () => {
  await start(() => 1, { selectors: { region: ["eu", "us"], gpu: [] }, labels: { zone: "a" } });
  assert.deepEqual(server.of("hello")[0].selectors, { region: ["eu", "us"], gpu: [] });
});

test("a server that stops is left only when another connection is welcomed", async () => {
  const { handler, begun, end } = gated();
  await start(handler, { slots: 3 });
  const [old] = server.sockets;
  server.send(jobMessage(1));
  await begun;
  server.welcoming = false;
  server.send({ type: "drain", reason: "SHUTDOWN", graceMs: 30_000 }, old);
  await server.until((s) => s.of("hello").length === 2);
  const [, next] = server.sockets;
  // The new one is open but not welcomed: what runs goes on over the old one, and gets no new credit.
  server.send({ type: "cancel", jobId: jobMessage(1).jobId, token: jobMessage(1).token, reason: "CANCEL", graceMs: 30_000 }, old);
  const job = await begun;
  await new Promise((resolve) => (job.signal.aborted ? resolve() : job.signal.addEventListener("abort", resolve)));
  job.progress({ completed: 1 });
  const progress = await server.until((s) => s.of("progress")[0]);
  assert.ok(server.cameBy(progress, old));
  assert.equal(old.closedWith, undefined);

  server.send({ type: "welcome", workerId: "w-2", server: "errand/test", heartbeatMs: 10_000, leaseMs: 30_000, messageBytesMax: 1 << 20, unknownTypes: [] }, next);
  const beat = await server.until((s) => s.of("heartbeat").find((m) => s.cameBy(m, next)));
  assert.deepEqual(beat.jobs, [{ jobId: jobMessage(1).jobId, token: jobMessage(1).token }]);
  await server.until(() => old.closedWith === 1000);
  const credits = await server.until((s) => s.of("credits").find((m) => s.cameBy(m, next)));
  assert.equal(credits.add, 2, "the free slots");
  end();
  assert.ok(server.cameBy(await server.until((s) => s.of("complete")[0]), next));
  assert.equal(server.of("hello").length, 2);
});

test("a report whose ack the old connection did not give is repeated on the new one", async () => {
  const { handler, begun, end } = gated();
  await start(handler);
  const [old] = server.sockets;
  server.send(jobMessage(1));
  await begun;
  server.answering = false;
  server.refuseWith = 503;
  const tried = new Promise((resolve) => server.http.once("upgrade", resolve));
  server.send({ type: "drain", reason: "SHUTDOWN", graceMs: 30_000 });
  await tried;
  end();
  const complete = await server.until((s) => s.of("complete")[0]);
  assert.ok(server.cameBy(complete, old));
  assert.equal(server.of("credits").length, 1, "a server that stops gets no credit");
  server.refuseWith = 0;
  const again = await server.until((s) => s.of("complete")[1]);
  assert.deepEqual(again, complete);
  assert.equal(server.cameBy(again, old), false);
  server.ack(again);
  await server.until((s) => s.of("credits").length === 2);
});

test("the old connection may close before there is a new one", async () => {
  const { handler, begun, end } = gated();
  await start(handler);
  const [old] = server.sockets;
  server.send(jobMessage(1));
  await begun;
  server.refuseWith = 503;
  server.send({ type: "drain", reason: "SHUTDOWN", graceMs: 0 });
  old.close(1001, "stopping");
  await server.until(() => old.closedWith !== undefined);
  server.refuseWith = 0;
  const beat = await server.until((s) => s.of("heartbeat").find((m) => m.jobs.length === 1 && !s.cameBy(m, old)));
  assert.equal(beat.jobs[0].token, jobMessage(1).token);
  end();
  await server.until((s) => s.of("complete")[0]);
  assert.equal(server.of("hello").length, 2, "one connection, not two");
});

test("a refusal of the second connection lets what runs end over the first", async () => {
  const { handler, begun, end } = gated();
  await start(handler);
  server.send(jobMessage(1));
  await begun;
  server.refuseWith = 403;
  server.send({ type: "drain", reason: "SHUTDOWN", graceMs: 30_000 });
  await server.until((s) => s.of("drain")[0]);
  end();
  await assert.rejects(running, (error) => error instanceof WorkerRefused && error.code === 403);
  assert.equal(server.of("complete").length, 1);
});

test("a worker that an operator drains finishes what it has, and run() resolves", async () => {
  const { handler, begun, end } = gated();
  await start(handler);
  server.send(jobMessage(1));
  await begun;
  server.send({ type: "drain", reason: "REQUESTED", graceMs: 30_000 });
  await server.until((s) => s.of("drain")[0]);
  end();
  await running;
  await server.until((s) => s.sockets[0].closedWith === 1000);
  assert.deepEqual([server.of("complete").length, server.of("hello").length, server.of("credits").length], [1, 1, 1]);
});

test("without a WebSocket, heartbeats and reports go by HTTP", async () => {
  const { handler, begun, end } = gated();
  server.heartbeatMs = 200;
  await start(handler);
  server.send(jobMessage(1));
  const job = await begun;
  server.refuseWith = 503;
  server.postStatus = 200;
  server.cut();
  const first = await server.until((s) => s.posts[0]);
  assert.equal(first.authorization, "Bearer ert_test");
  assert.deepEqual(first.messages, [{ type: "heartbeat", jobs: [{ jobId: jobMessage(1).jobId, token: jobMessage(1).token }] }]);
  await server.until((s) => s.posts.length > 1); // again after heartbeatMs
  server.heartbeatAck = ({ jobs }) => ({ type: "heartbeat_ack", jobs: jobs.map((entry) => ({ ...entry, state: "CANCELING", leaseMs: 1000, reason: "CANCEL", graceMs: 9000 })) });
  await new Promise((resolve) => job.signal.addEventListener("abort", resolve));
  assert.equal(job.signal.reason.reason, "CANCEL");
  job.progress({ completed: 3 });
  end();
  const post = await server.until((s) => s.posts.find(({ messages }) => messages.some((m) => m.type === "complete")));
  assert.deepEqual(post.messages.map((m) => m.type), ["heartbeat", "progress", "complete"]);
  server.refuseWith = 0;
  await server.until((s) => s.of("credits").length === 2);
  assert.equal(server.of("complete").length, 0, "it was acknowledged by HTTP");
});

test("a worker may stop with the last acks come by HTTP", async () => {
  const { handler, begun, end } = gated();
  await start(handler);
  server.send(jobMessage(1));
  await begun;
  server.refuseWith = 503;
  server.postStatus = 200;
  server.cut();
  const stopped = worker.stop();
  end();
  await stopped;
  await running;
  assert.equal(server.posts.at(-1).messages.at(-1).type, "complete");
});

test("a server that answers neither way is asked again", async () => {
  const { handler, begun, end } = gated();
  await start(handler);
  server.send(jobMessage(1));
  await begun;
  server.refuseWith = 503;
  server.postStatus = 500;
  server.cut();
  end();
  await server.until((s) => s.posts.length >= 2);
  server.postStatus = 200;
  await server.until((s) => s.posts.length >= 3);
  server.refuseWith = 0;
  await server.until((s) => s.of("credits").length >= 2);
});

test("nothing is posted while nothing runs and nothing waits", async () => {
  await start(() => 1);
  server.postStatus = 200;
  server.refuseWith = 503;
  server.cut();
  let handshakes = 0;
  server.http.on("upgrade", () => (handshakes += 1));
  while (handshakes < 4) await new Promise((resolve) => server.http.once("upgrade", resolve));
  assert.equal(server.posts.length, 0);
});

test("another subprotocol, or none, is refused", async () => {
  for (const [subprotocol, says] of [["errand.worker.v2", /"errand\.worker\.v2"/], ["", /no subprotocol/]]) {
    server.subprotocol = subprotocol;
    await assert.rejects(create(() => 1).run(), (error) => error instanceof WorkerRefused && error.code === 4406 && says.test(error.message));
  }
  worker = undefined;
});

test("members and messages of later versions are ignored", async () => {
  await start((job) => job.input.n);
  server.sockets[0].send(JSON.stringify([{ type: "news", jobId: 5 }, { ...jobMessage(1), urgency: "high" }]));
  assert.equal((await server.until((s) => s.of("complete")[0])).result, 1);
});

test("what comes up at once shares a frame: 100 jobs, their reports and credits", async () => {
  await start((job) => job.input.n, { slots: 100 });
  const jobs = Array.from({ length: 100 }, (_, i) => jobMessage(i, { jobId: jobMessage(0).jobId.slice(0, -4) + String(1000 + i) }));
  server.sockets[0].send(JSON.stringify(jobs));
  await server.until((s) => s.of("complete").length === 100);
  assert.equal(server.frames.filter((frame) => Array.isArray(frame) && frame.some((m) => m.type === "complete")).length, 1);
  await server.until((s) => s.of("credits").length === 2);
  assert.equal(server.of("credits")[1].add, 100);
  assert.deepEqual(server.of("complete").map((m) => m.result), jobs.map((_, i) => i));
});

test("a frame keeps within the server's bounds", () => {
  const beat = { type: "heartbeat", jobs: [] };
  assert.deepEqual(frames([beat], 1000), [JSON.stringify(beat)]);
  assert.deepEqual(frames(Array(2500).fill(beat), 1 << 20).map((frame) => JSON.parse(frame).length), [1000, 1000, 500]);
  const long = { type: "progress", jobId: "j", token: "t", message: "é".repeat(100) };
  const size = Buffer.byteLength(JSON.stringify([long, long]));
  assert.deepEqual(frames([long, long, long], size + 1).map((frame) => Buffer.byteLength(frame) <= size + 1), [true, true]);
  assert.equal(frames([long, long], 10).length, 2);
  assert.deepEqual(frames([], 10), []);
});

test("messages are posted beside the endpoint of the WebSocket", () => {
  assert.equal(messagesEndpoint(new URL("wss://h/base/worker")).href, "https://h/base/worker/v1/messages");
  assert.equal(messagesEndpoint(new URL("ws://h:1/worker")).href, "http://h:1/worker/v1/messages");
});

test("step() records what it did before it resolves, and a later attempt gets that", async () => {
  server.features = ["steps"];
  server.answering = false;
  let ran = 0;
  await start(async (job) => {
    const charge = await job.step("charge", () => ({ id: ++ran }));
    const mail = await job.step("mail", async () => undefined);
    return { charge, mail: mail ?? null };
  });
  server.send(jobMessage(1));
  const step = await server.until((s) => s.of("step")[0]);
  assert.deepEqual([step.name, step.result, step.token], ["charge", { id: 1 }, jobMessage(1).token]);
  server.cut(); // before the ack: it is sent again
  const again = await server.until((s) => s.of("step")[1]);
  assert.deepEqual(again, step);
  server.ack(again);
  const mail = await server.until((s) => s.of("step")[2]);
  assert.deepEqual([mail.name, mail.result], ["mail", null]);
  server.ack(mail);
  const complete = await server.until((s) => s.of("complete")[0]);
  assert.deepEqual(complete.result, { charge: { id: 1 }, mail: null });
  server.ack(complete);
  server.answering = true;
  server.send(jobMessage(2, { attempt: 2, steps: [{ name: "charge", result: { id: 77 } }] }));
  assert.deepEqual((await server.until((s) => s.of("complete")[1])).result, { charge: { id: 77 }, mail: null });
  assert.equal(ran, 1);
});

test("step() just runs where the server records none", async () => {
  await start((job) => job.step("a", () => 5));
  server.send(jobMessage(1));
  assert.equal((await server.until((s) => s.of("complete")[0])).result, 5);
  assert.equal(server.of("step").length, 0);
});

test("mistakes with steps end the attempt for good", async () => {
  server.features = ["steps"];
  server.messageBytesMax = 2_000;
  const wrong = [
    async (job) => { await job.step("a", () => 1); await job.step("a", () => 2); },
    (job) => job.step("", () => 1),
    (job) => job.step("x".repeat(129), () => 1),
    (job) => job.step("long", () => "x".repeat(3_000)),
  ];
  await start((job) => wrong[job.input.n](job));
  for (const n of wrong.keys()) {
    server.send(jobMessage(n));
    await server.until((s) => s.of("credits").length === n + 2);
  }
  assert.deepEqual(server.of("fail").map(({ error }) => [error.kind, error.code]), [
    ["PERMANENT", "STEP_INVALID"], ["PERMANENT", "STEP_INVALID"], ["PERMANENT", "STEP_INVALID"], ["PERMANENT", "RESULT_TOO_LARGE"],
  ]);
});

test("a step that is refused because the lease is lost stops the handler", async () => {
  server.features = ["steps"];
  server.answering = false;
  const ended = gate();
  await start((job) => job.step("a", () => 1).catch((error) => ended.open(error)));
  server.send(jobMessage(1));
  server.ack(await server.until((s) => s.of("step")[0]), { code: "LEASE_LOST", message: "lost", retryable: false });
  assert.equal((await ended.promise).reason, "LEASE_LOST");
  await server.until((s) => s.of("credits").length === 2);
  assert.equal(server.of("complete").length, 0);
});

test("a step that is refused for what it is fails the job", async () => {
  server.features = ["steps"];
  server.answering = false;
  await start((job) => job.step("a", () => 1));
  server.send(jobMessage(1));
  server.ack(await server.until((s) => s.of("step")[0]), { code: "INVALID_ARGUMENT", message: "too many steps", retryable: false });
  const fail = await server.until((s) => s.of("fail")[0]);
  assert.deepEqual(fail.error, { kind: "PERMANENT", code: "INVALID_ARGUMENT", message: "too many steps" });
  server.ack(fail);
});

test("an error whose details are no JSON is reported without them", async () => {
  await start(() => {
    throw new PermanentError("odd", { details: { big: 1n } });
  });
  server.send(jobMessage(1));
  assert.deepEqual((await server.until((s) => s.of("fail")[0])).error, { kind: "PERMANENT", message: "odd" });
});
