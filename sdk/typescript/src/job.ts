import { JobStopped, PermanentError, type StopReason } from "./errors.js";
import type { JobMessage, ProgressMessage } from "./messages.js";

export interface Progress {
  /** Units of work done. */
  completed?: number;
  /** Units of work in all, when known; goes with `completed`. */
  total?: number;
  /** What the job does now, in a word or two. */
  stage?: string;
  /** For people. */
  message?: string;
}

/** One attempt of a job, as a handler sees it. */
export interface Job<Input = any> {
  readonly id: string;
  /** The mutation's name. */
  readonly type: string;
  /**
   * The value of the mutation's argument `input` where that is its only argument (the usual form); otherwise the same as
   * `arguments`.
   */
  readonly input: Input;
  /** The mutation's arguments by name. */
  readonly arguments: Readonly<Record<string, any>>;
  readonly queue: string;
  readonly tenant: string;
  /** From 1; counts retries by an operator. */
  readonly run: number;
  /** From 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly priority: number;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** For log lines and outgoing requests. */
  readonly correlationId: string;
  /** W3C Trace Context: parent of this attempt's span. */
  readonly traceparent: string | undefined;
  readonly createdAt: Date;
  /** Aborts when the job is to stop: cancel, deadline, timeout, lease lost, shutdown. Its `reason` is a JobStopped. */
  readonly signal: AbortSignal;
  /** Milliseconds until the attempt's timeout or the job's deadline, whichever comes first. */
  timeLeft(): number;
  /** Tells how far the job has come. Cheap: call it in every step of a loop. */
  progress(progress: Progress): void;
  /**
   * Runs `fn` and records what it returns, durably, before it resolves. A later attempt of the job gets the recorded result and
   * does not run `fn` again. A server that does not record steps yet lets `fn` run in every attempt.
   *
   * @param name 1 to 128 characters; each name once in an attempt, and the same in every attempt
   * @param fn   its result has to be JSON
   */
  step<T>(name: string, fn: () => Promise<T> | T): Promise<T>;
}

/** Where a job's progress and steps go. */
export interface Outlet {
  progress(message: ProgressMessage): void;
  /** Resolves when the step is recorded. */
  step(job: RunningJob, name: string, result: unknown): Promise<void>;
}

const PROGRESS_INTERVAL_MS = 100;
const TIMER_MAX_MS = 2 ** 31 - 1;

function inputOf(all: Record<string, unknown>): unknown {
  const names = Object.keys(all);
  return names.length === 1 && names[0] === "input" ? all["input"] : all;
}

/** The Job behind a `job` message; what the worker does with it besides is not the handler's to see. */
export class RunningJob implements Job {
  readonly id: string;
  readonly type: string;
  readonly input: any;
  readonly arguments: Readonly<Record<string, any>>;
  readonly queue: string;
  readonly tenant: string;
  readonly run: number;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly priority: number;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly correlationId: string;
  readonly traceparent: string | undefined;
  readonly createdAt: Date;
  readonly signal: AbortSignal;
  readonly #token: string;
  readonly #abort = new AbortController();
  readonly #endsAt: number;
  readonly #outlet: Outlet;
  readonly #recorded = new Map<string, unknown>(); // by name: results of earlier attempts
  readonly #steps = new Set<string>(); // names that this attempt has used
  #timeout: NodeJS.Timeout | undefined;
  #progressTimer: NodeJS.Timeout | undefined;
  #latest: Progress | undefined;
  #lastSentAt = -Infinity;
  #ended = false;
  #lost = false;
  #sent: ProgressMessage | undefined;

  constructor(message: JobMessage, outlet: Outlet) {
    this.id = message.jobId;
    this.type = message.jobType;
    this.arguments = message.arguments;
    this.input = inputOf(message.arguments);
    this.queue = message.queue;
    this.tenant = message.tenant;
    this.run = message.run;
    this.attempt = message.attempt;
    this.maxAttempts = message.maxAttempts;
    this.priority = message.priority;
    this.tags = message.tags;
    this.labels = message.labels;
    this.correlationId = message.correlationId;
    this.traceparent = message.traceparent;
    this.createdAt = new Date(message.createdAt);
    this.signal = this.#abort.signal;
    this.#token = message.token;
    this.#outlet = outlet;
    for (const { name, result } of message.steps ?? []) this.#recorded.set(name, result);
    const left = Math.min(message.timeoutMs, message.deadlineMs ?? Infinity);
    this.#endsAt = performance.now() + left;
    // The server ends the attempt by itself; this one is for the time when it cannot be reached.
    this.#timeout = setTimeout(() => this.stop("TIMEOUT", 0), Math.min(left, TIMER_MAX_MS));
    this.#timeout.unref();
  }

  get token(): string {
    return this.#token;
  }

  /** What was sent last. A connection that broke may have swallowed it: it is sent again after reconnecting. */
  get lastProgress(): ProgressMessage | undefined {
    return this.#sent;
  }

  /** Why the handler was told to stop, if it was. */
  get stopped(): JobStopped | undefined {
    return this.signal.aborted ? (this.signal.reason as JobStopped) : undefined;
  }

  /** Whether a report would be refused anyway. */
  get lost(): boolean {
    return this.#lost;
  }

  timeLeft(): number {
    return Math.max(0, this.#endsAt - performance.now());
  }

  progress(progress: Progress): void {
    if (this.#ended || this.#lost) return;
    // A later call that names only some members leaves the others as they were.
    this.#latest = { ...this.#latest, ...progress };
    if (this.#progressTimer !== undefined) return;
    const wait = this.#lastSentAt + PROGRESS_INTERVAL_MS - performance.now();
    if (wait <= 0) {
      this.#sendProgress();
    } else {
      this.#progressTimer = setTimeout(() => this.#sendProgress(), wait);
    }
  }

  async step<T>(name: string, fn: () => Promise<T> | T): Promise<T> {
    const length = [...name].length;
    if (length < 1 || length > 128) {
      throw new PermanentError("the name of a step has 1 to 128 characters", { code: "STEP_INVALID" });
    }
    if (this.#steps.has(name)) {
      // Which of the two results would a later attempt get?
      throw new PermanentError(`the step ${JSON.stringify(name)} comes twice in one attempt`, { code: "STEP_INVALID" });
    }
    this.#steps.add(name);
    if (this.#recorded.has(name)) return this.#recorded.get(name) as T;
    const result = await fn();
    await this.#outlet.step(this, name, result ?? null);
    return result;
  }

  /** Asks the handler to stop. With no grace the attempt is lost. */
  stop(reason: StopReason, grace: number): void {
    if (grace <= 0 && reason !== "SHUTDOWN") this.#lost = true;
    if (!this.signal.aborted) this.#abort.abort(new JobStopped(reason, grace));
  }

  /** The handler is done: sends the last progress that still waits, ends the timers. */
  end(): void {
    if (this.#progressTimer !== undefined && !this.#lost) this.#sendProgress();
    clearTimeout(this.#progressTimer);
    clearTimeout(this.#timeout);
    this.#ended = true;
  }

  #sendProgress(): void {
    clearTimeout(this.#progressTimer);
    this.#progressTimer = undefined;
    const latest = this.#latest;
    if (latest === undefined || this.#lost) return;
    this.#lastSentAt = performance.now();
    const message: ProgressMessage = { type: "progress", jobId: this.id, token: this.#token };
    if (latest.completed !== undefined && Number.isFinite(latest.completed)) {
      message.completed = Math.max(0, latest.completed);
      if (latest.total !== undefined && latest.total > 0 && Number.isFinite(latest.total)) {
        message.total = latest.total;
      }
    }
    if (latest.stage !== undefined) message.stage = [...latest.stage].slice(0, 128).join("");
    if (latest.message !== undefined) message.message = [...latest.message].slice(0, 1024).join("");
    if (message.completed === undefined && message.stage === undefined && message.message === undefined) return;
    this.#sent = message;
    this.#outlet.progress(message);
  }
}
