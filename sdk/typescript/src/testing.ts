import { randomUUID } from "node:crypto";
import { JobStopped } from "./errors.js";
import { RunningJob, type Progress } from "./job.js";
import type { FailMessage, JobMessage, RecordedStep } from "./messages.js";
import { assertSendable, completion, failure } from "./outcome.js";
import type { Handler } from "./worker.js";

export type { RecordedStep } from "./messages.js";

/** What became of an attempt. */
export type AttemptOutcome =
  /** `result` is what clients would get, if it fits the mutation's type: that is the server's to check. */
  | "SUCCEEDED"
  /** `error` is what would be reported. A TRANSIENT one makes another attempt, if there is one left. */
  | "FAILED"
  | "RELEASED"
  /** Given back for `snoozeMs`. */
  | "SNOOZED"
  /** The attempt was over before the handler was: nothing would be reported. */
  | "LOST";

export interface JobRun<Result = unknown> {
  readonly outcome: AttemptOutcome;
  /** As it comes back from JSON. */
  readonly result: Result | undefined;
  readonly error: Readonly<FailMessage["error"]> | undefined;
  /** What the handler threw. */
  readonly thrown: unknown;
  readonly snoozeMs: number | undefined;
  /** Every progress() in its order, uncoalesced, each with what the earlier ones said and it did not. */
  readonly progress: readonly Progress[];
  /** All steps that the next attempt would be given: those handed in, then those recorded in this one. */
  readonly steps: readonly RecordedStep[];
}

export interface RunJobOptions {
  /** The job's type; "test" unless given. */
  type?: string;
  /** The mutation's arguments, where they are more than `input`. */
  arguments?: Record<string, unknown>;
  id?: string;
  queue?: string;
  tenant?: string;
  run?: number;
  /** From 1; 1 unless given. */
  attempt?: number;
  maxAttempts?: number;
  priority?: number;
  tags?: string[];
  labels?: Record<string, string>;
  correlationId?: string;
  traceparent?: string;
  createdAt?: Date;
  /** What the attempt has left; 15 minutes unless given. */
  timeoutMs?: number;
  /** What the job has left. */
  deadlineMs?: number;
  /** What earlier attempts recorded, such as the `steps` of an earlier run. */
  steps?: readonly RecordedStep[];
  /**
   * Aborting it tells the handler to stop. A JobStopped as its reason is handed on, such as `new JobStopped("LEASE_LOST", 0)`;
   * otherwise it is a cancel with 30 s of grace.
   */
  abort?: AbortSignal;
  /** Called with each progress, so that a test can act in mid-job. */
  onProgress?: (progress: Progress) => void;
  /** Longest message that the server would read; 1 MiB unless given. */
  messageBytesMax?: number;
}

const CANCEL_GRACE_MS = 30_000;

/**
 * Runs one attempt of a handler in this process, without a server, and tells what a worker would report.
 *
 *     const run = await runJob(exportReport, { accountId: "7" });
 *     assert.deepEqual(run.result, { url: "https://files.example/7.pdf" });
 *
 * It never rejects for what the handler throws: that stands in `error`, and as it was in `thrown`.
 */
export async function runJob<Input = any, Result = unknown>(
  handler: Handler<Input, Result>,
  input: Input,
  options: RunJobOptions = {},
): Promise<JobRun<Awaited<Result>>> {
  const bytesMax = options.messageBytesMax ?? 1 << 20;
  const progress: Progress[] = [];
  const steps: RecordedStep[] = [...(options.steps ?? [])];
  const id = options.id ?? randomUUID();
  const message: JobMessage = {
    type: "job",
    jobId: id,
    token: "test",
    jobType: options.type ?? "test",
    queue: options.queue ?? "default",
    tenant: options.tenant ?? "default",
    run: options.run ?? 1,
    attempt: options.attempt ?? 1,
    maxAttempts: options.maxAttempts ?? Math.max(5, options.attempt ?? 1),
    // Through JSON, as it would have come: a handler must neither get nor change the test's own objects.
    arguments: throughJson(options.arguments ?? { input }) as Record<string, unknown>,
    leaseMs: 30_000,
    timeoutMs: options.timeoutMs ?? 900_000,
    ...(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs }),
    priority: options.priority ?? 0,
    tags: options.tags ?? [],
    labels: options.labels ?? {},
    correlationId: options.correlationId ?? id,
    ...(options.traceparent === undefined ? {} : { traceparent: options.traceparent }),
    createdAt: (options.createdAt ?? new Date()).toISOString(),
    steps: throughJson(steps) as RecordedStep[],
  };
  const job = new TestJob(message, {
    progress: () => undefined,
    step: async (_job, name, result) => {
      if (job.lost) throw job.signal.reason;
      assertSendable({ result }, bytesMax, `the result of the step ${JSON.stringify(name)}`);
      steps.push({ name, result: throughJson(result) });
    },
  });
  job.onProgress = (latest) => {
    progress.push(latest);
    options.onProgress?.(latest);
  };
  const { abort } = options;
  const stop = () => {
    const reason: unknown = abort?.reason;
    if (reason instanceof JobStopped) job.stop(reason.reason, reason.grace);
    else job.stop("CANCEL", CANCEL_GRACE_MS);
  };
  if (abort?.aborted) stop();
  else abort?.addEventListener("abort", stop, { once: true });

  let thrown: unknown;
  let report;
  const about = { jobId: id, token: message.token, ref: "1" };
  try {
    report = completion(about, await handler(job), bytesMax, job.stopped);
  } catch (error) {
    thrown = error;
    report = failure(about, error, bytesMax, job.stopped);
  } finally {
    abort?.removeEventListener("abort", stop);
    job.end();
  }
  const run = { result: undefined, error: undefined, thrown, snoozeMs: undefined, progress, steps };
  if (job.lost) return { ...run, outcome: "LOST" };
  switch (report.type) {
    case "complete":
      return { ...run, outcome: "SUCCEEDED", result: throughJson(report.result) as Awaited<Result> };
    case "fail":
      return { ...run, outcome: "FAILED", error: report.error };
    case "release":
      return { ...run, outcome: "RELEASED" };
    case "snooze":
      return { ...run, outcome: "SNOOZED", snoozeMs: report.delayMs };
  }
}

/** A job whose every progress is seen. */
class TestJob extends RunningJob {
  onProgress: (progress: Progress) => void = () => undefined;
  #latest: Progress = {};

  override progress(progress: Progress): void {
    if (this.lost) return;
    this.#latest = { ...this.#latest, ...progress };
    this.onProgress(this.#latest);
  }
}

function throughJson(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
