// The scripted handler of ../README.md on the TypeScript SDK.
import { setTimeout as sleep } from "node:timers/promises";
import { PermanentError, ReleaseJob, SnoozeJob, TransientError, Worker, WorkerRefused } from "../../../sdk/typescript/dist/index.js";

const { env } = process;
const list = (text) => text?.split(",").filter(Boolean);
const object = (text) => (text ? JSON.parse(text) : undefined);
/** Only the members that are there: the SDK's options do not take undefined for missing. */
const given = (members) => Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));

const untilStopped = (job) =>
  new Promise((resolve) => {
    const stop = () => resolve(job.signal.reason.reason);
    if (job.signal.aborted) stop();
    else job.signal.addEventListener("abort", stop, { once: true });
  });

function outcome(job, stopped, text = "done") {
  return {
    text,
    attempt: job.attempt,
    stopped,
    timeLeftMs: job.timeLeft(),
    traceparent: job.traceparent ?? null,
    correlationId: job.correlationId,
    bytes: job.input.padding?.length ?? 0,
    worker: env.ERRAND_WORKER_NAME ?? null,
  };
}

const givenBack = new Set(); // jobs and what was done with them

/** Once for a job: the attempt does not count, so the same operations come again. */
function giveBack(job, operation, error) {
  const key = `${operation} ${job.id}`;
  if (givenBack.has(key)) return;
  givenBack.add(key);
  throw error;
}

async function perform(job) {
  const script = JSON.parse(job.input.script);
  let stopped = null;
  for (const { do: operation, ...its } of script[Math.min(job.attempt, script.length) - 1]) {
    const message = its.message ?? "scripted";
    switch (operation) {
      case "progress":
        job.progress(its);
        break;
      case "flood":
        for (let completed = 1; completed <= its.count; ++completed) job.progress({ completed, total: its.count });
        break;
      case "sleep":
        // The timer rejects with an AbortError of its own; the reason is what says why.
        await sleep(its.ms, undefined, { signal: job.signal }).catch(() => job.signal.throwIfAborted());
        break;
      case "stubborn":
        await sleep(its.ms);
        break;
      case "untilStopped":
        stopped = await untilStopped(job);
        break;
      case "transient":
        throw new TransientError(message, given({ code: its.code, retryAfter: its.retryAfterMs }));
      case "permanent":
        throw new PermanentError(message, given({ code: its.code, details: its.details, remediation: its.remediation }));
      case "crash":
        throw new RangeError(message);
      case "release":
        giveBack(job, operation, new ReleaseJob());
        break;
      case "snooze":
        giveBack(job, operation, new SnoozeJob(its.ms));
        break;
      case "return":
        return its.value;
      case "big":
        return outcome(job, stopped, "x".repeat(its.bytes));
      default:
        throw new PermanentError(`no operation ${operation}`, { code: "SCRIPT_INVALID" });
    }
  }
  return outcome(job, stopped);
}

const worker = new Worker({
  url: env.ERRAND_URL,
  token: env.ERRAND_TOKEN,
  slots: Number(env.ERRAND_SLOTS ?? 1),
  ...given({
    queues: list(env.ERRAND_QUEUES),
    labels: object(env.ERRAND_LABELS),
    selectors: object(env.ERRAND_SELECTORS),
    build: env.ERRAND_BUILD,
    name: env.ERRAND_WORKER_NAME,
  }),
});
for (const type of list(env.ERRAND_TYPES) ?? ["perform"]) worker.handle(type, perform);
try {
  await worker.run();
} catch (error) {
  if (!(error instanceof WorkerRefused)) throw error;
  process.stderr.write(`${JSON.stringify({ level: "error", message: "refused", reason: error.message })}\n`);
  process.exitCode = 1;
}
