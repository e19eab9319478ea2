// The harness that applications test their handlers with.
import assert from "node:assert/strict";
import { test } from "node:test";
import { JobStopped, PermanentError, ReleaseJob, SnoozeJob, TransientError } from "../dist/index.js";
import { runJob } from "../dist/testing.js";

test("gives the result as clients would get it", async () => {
  const run = await runJob((job) => ({ at: new Date(0), none: undefined, twice: job.input.n * 2 }), { n: 21 });
  assert.equal(run.outcome, "SUCCEEDED");
  assert.deepEqual(run.result, { at: "1970-01-01T00:00:00.000Z", twice: 42 });
  assert.equal(run.error, undefined);
});

test("the job is the one that was asked for", async () => {
  const run = await runJob(
    (job) => [job.type, job.attempt, job.maxAttempts, job.labels, job.input, job.arguments, job.timeLeft() <= 50, job.traceparent ?? null],
    undefined,
    { type: "greet", attempt: 7, labels: { a: "b" }, arguments: { name: "Ada", loud: true }, timeoutMs: 1000, deadlineMs: 50 },
  );
  const all = { name: "Ada", loud: true };
  assert.deepEqual(run.result, ["greet", 7, 7, { a: "b" }, all, all, true, null]);
});

test("gives the error as it would be reported, and as it was thrown", async () => {
  const busy = new TransientError("busy", { code: "BUSY", retryAfter: 500 });
  const run = await runJob(() => { throw busy; }, {});
  assert.equal(run.outcome, "FAILED");
  assert.deepEqual(run.error, { kind: "TRANSIENT", message: "busy", code: "BUSY", retryAfterMs: 500 });
  assert.equal(run.thrown, busy);
  assert.equal((await runJob(() => { throw new PermanentError("no"); }, {})).error.kind, "PERMANENT");
  assert.equal((await runJob(() => 1n, {})).error.code, "RESULT_NOT_SERIALIZABLE");
  assert.equal((await runJob(() => "x".repeat(100), {}, { messageBytesMax: 90 })).error.code, "RESULT_TOO_LARGE");
});

test("tells a job that was given back", async () => {
  assert.equal((await runJob(() => { throw new ReleaseJob(); }, {})).outcome, "RELEASED");
  const run = await runJob(() => { throw new SnoozeJob(60_000); }, {});
  assert.deepEqual([run.outcome, run.snoozeMs], ["SNOOZED", 60_000]);
});

test("lists every progress", async () => {
  const run = await runJob((job) => {
    for (let i = 1; i <= 3; ++i) job.progress({ completed: i, total: 3 });
    job.progress({ stage: "writing" });
  }, {});
  assert.deepEqual(run.progress, [
    { completed: 1, total: 3 }, { completed: 2, total: 3 }, { completed: 3, total: 3 }, { completed: 3, total: 3, stage: "writing" },
  ]);
});

test("an abort is a cancel unless it says otherwise", async () => {
  const cancel = new AbortController();
  const handler = (job) => {
    job.progress({ stage: "begun" });
    return new Promise((_, reject) => job.signal.addEventListener("abort", () => reject(job.signal.reason)));
  };
  const canceled = await runJob(handler, {}, { abort: cancel.signal, onProgress: () => queueMicrotask(() => cancel.abort()) });
  assert.deepEqual([canceled.outcome, canceled.error.code, canceled.thrown.reason], ["FAILED", "CANCELED", "CANCEL"]);

  const shutdown = await runJob((job) => job.signal.throwIfAborted(), {}, { abort: AbortSignal.abort(new JobStopped("SHUTDOWN", 1000)) });
  assert.equal(shutdown.outcome, "RELEASED");
  const lost = await runJob(() => 1, {}, { abort: AbortSignal.abort(new JobStopped("LEASE_LOST", 0)) });
  assert.deepEqual([lost.outcome, lost.result], ["LOST", undefined]);
});

test("an attempt takes up the steps of the one before", async () => {
  const ran = [];
  const handler = async (job) => {
    const a = await job.step("a", () => (ran.push("a"), 1));
    const b = await job.step("b", () => {
      ran.push("b");
      if (job.attempt === 1) throw new TransientError("not yet");
      return 2;
    });
    return a + b;
  };
  const first = await runJob(handler, {});
  assert.deepEqual([first.outcome, first.steps], ["FAILED", [{ name: "a", result: 1 }]]);
  const second = await runJob(handler, {}, { attempt: 2, steps: first.steps });
  assert.deepEqual([second.result, second.steps.map(({ name }) => name), ran], [3, ["a", "b"], ["a", "b", "b"]]);
});

test("a handler does not get the test's own objects", async () => {
  const input = { list: [1] };
  await runJob((job) => job.input.list.push(2), input);
  assert.deepEqual(input, { list: [1] });
});
