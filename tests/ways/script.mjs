// What a scripted handler does, for the workers here that have no SDK: README.md lists the operations.

/** Ends the handler by a report other than `complete`. */
export class Ending extends Error {
  constructor(report) {
    super(report.type);
    this.report = report;
  }
}

const fail = (kind, { message = "scripted", ...error }) => new Ending({ type: "fail", error: { kind, message, ...error } });
const given = (members) => Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
export const canceled = () => fail("TRANSIENT", { code: "CANCELED", message: "told to stop" });

export const operationsOf = ({ arguments: { input }, attempt }) => {
  const script = JSON.parse(input.script);
  return script[Math.min(attempt, script.length) - 1];
};

export function outcomeOf(message, receivedAt, stopped, text = "done") {
  const left = Math.min(message.timeoutMs, message.deadlineMs ?? Infinity);
  return {
    text,
    attempt: message.attempt,
    stopped: stopped ?? null,
    timeLeftMs: Math.max(0, receivedAt + left - performance.now()),
    traceparent: message.traceparent ?? null,
    correlationId: message.correlationId,
    bytes: message.arguments.input.padding?.length ?? 0,
    worker: process.env.ERRAND_WORKER_NAME ?? null,
  };
}

export const failureOf = ({ do: operation, message, code, details, remediation, retryAfterMs }) => {
  if (operation === "transient") return fail("TRANSIENT", given({ message, code, retryAfterMs }));
  if (operation === "permanent") return fail("PERMANENT", given({ message, code, details, remediation }));
  if (operation === "crash") return fail("TRANSIENT", given({ code: "CRASHED", message }));
  return fail("PERMANENT", { code: "SCRIPT_INVALID", message: `no operation ${operation}` });
};

const sleep = (ms, signal) =>
  new Promise((resolve, reject) => {
    const stop = () => (clearTimeout(timer), reject(canceled()));
    const timer = setTimeout(() => (signal?.removeEventListener("abort", stop), resolve()), ms);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
  });

/**
 * Runs one attempt. `job` has the `job` message, `receivedAt`, a `signal` whose reason says why to stop, and `progress(members)`;
 * `givenBack` remembers what this process has released or snoozed before.
 * @return the report that ends it, without who it is about.
 */
export async function perform(job, givenBack) {
  const { message, signal } = job;
  let stopped;
  try {
    for (const { do: operation, ...its } of operationsOf(message)) {
      switch (operation) {
        case "progress":
          job.progress(its);
          break;
        case "flood":
          for (let completed = 1; completed <= its.count; completed += 1) job.progress({ completed, total: its.count });
          break;
        case "sleep":
          await sleep(its.ms, signal);
          break;
        case "stubborn":
          await sleep(its.ms);
          break;
        case "untilStopped":
          if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
          stopped = signal.reason;
          break;
        case "release":
        case "snooze": {
          const key = `${operation} ${message.jobId}`;
          if (givenBack.has(key)) break;
          givenBack.add(key);
          throw new Ending(operation === "release" ? { type: "release" } : { type: "snooze", delayMs: its.ms });
        }
        case "return":
          return { type: "complete", result: its.value };
        case "big":
          return { type: "complete", result: outcomeOf(message, job.receivedAt, stopped, "x".repeat(its.bytes)) };
        default:
          throw failureOf({ do: operation, ...its });
      }
    }
    return { type: "complete", result: outcomeOf(message, job.receivedAt, stopped) };
  } catch (error) {
    if (error instanceof Ending) return error.report;
    throw error;
  }
}
