import { JobStopped, type StopReason } from "./errors.js";
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
  readonly #send: (message: ProgressMessage) => void;
  #timeout: NodeJS.Timeout | undefined;
  #progressTimer: NodeJS.Timeout | undefined;
  #latest: Progress | undefined;
  #lastSentAt = -Infinity;
  #ended = false;
  #lost = false;
  #sent: ProgressMessage | undefined;

  constructor(message: JobMessage, send: (message: ProgressMessage) => void) {
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
    this.#send = send;
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
    this.#send(message);
  }
}
