import { reconnectDelay } from "./backoff.js";
import { Connection, endpoint } from "./connection.js";
import { PermanentError, ReleaseJob, SnoozeJob, TransientError, type WorkerRefused } from "./errors.js";
import { RunningJob, type Job } from "./job.js";
import { jsonLogger, type Logger } from "./log.js";
import type {
  AckMessage,
  CancelMessage,
  FailMessage,
  HeartbeatAckMessage,
  HelloMessage,
  JobMessage,
  ProgressMessage,
  ReportMessage,
  ServerMessage,
  WelcomeMessage,
  WorkerMessage,
} from "./messages.js";
import { VERSION } from "./version.js";

/** Runs one attempt of a job and returns its result, which must fit the mutation's type in the SDL. */
export type Handler<Input = any, Result = unknown> = (job: Job<Input>) => Promise<Result> | Result;

export interface WorkerOptions {
  /** The server's address, such as "http://127.0.0.1:7420". */
  url: string;
  /** A token with the scope `worker`. */
  token: string;
  /** How many jobs run at once; 1 unless given. */
  slots?: number;
  /** Queues to take jobs from; all that the token allows unless given. */
  queues?: string[];
  /** For people; the process id unless given. */
  name?: string;
  /** Which build of your code this is. */
  build?: string;
  labels?: Record<string, string>;
  /** One JSON object a line on standard error unless given. */
  logger?: Logger;
  /** How long stop() lets running jobs go on before they are released; 30 s unless given. */
  drainTimeoutMs?: number;
  /** Whether run() stops on SIGTERM and SIGINT; true unless given. */
  handleSignals?: boolean;
  /** Shortest and longest wait before connecting again; 1 s and 30 s unless given. */
  reconnectMs?: { first: number; longest: number };
}

const RETRY_REPORT_MS = 1_000;
const STOP_GRACE_MS = 5_000;
const CODE = /^[A-Z][A-Z0-9_]{0,63}$/;

/**
 * Takes jobs from an Errand server and runs their handlers.
 *
 *     const worker = new Worker({ url: "http://127.0.0.1:7420", token, slots: 4 });
 *     worker.handle("exportReport", async (job) => ({ rows: await write(job.input) }));
 *     await worker.run();
 *
 * Heartbeats, reconnecting and draining happen by themselves. Running jobs survive a broken connection and a restart of
 * the server: what they report meanwhile is sent until it is acknowledged.
 */
export class Worker {
  readonly #options: Required<Omit<WorkerOptions, "queues" | "build" | "labels">> &
    Pick<WorkerOptions, "queues" | "build" | "labels">;
  readonly #endpoint: URL;
  readonly #handlers = new Map<string, Handler>();
  readonly #running = new Map<string, RunningJob>(); // by token: two attempts of one job may overlap
  readonly #outbox = new Map<string, ReportMessage>(); // by ref: not acknowledged yet
  readonly #lastProgress = new Map<string, ProgressMessage>(); // by ref: what goes before a report in the outbox
  readonly #log: Logger;
  #connection: Connection | undefined;
  #welcome: WelcomeMessage | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #reconnect: NodeJS.Timeout | undefined;
  #failures = 0;
  #nextRef = 1;
  #state: "new" | "running" | "draining" | "stopped" = "new";
  #drained = false;
  #finish: ((refused?: WorkerRefused) => void) | undefined;
  #done: Promise<void> | undefined;
  #idleWaiters: (() => void)[] = [];

  constructor(options: WorkerOptions) {
    if (!options.token) throw new TypeError("token is missing: pass the worker token that the server printed");
    this.#endpoint = endpoint(options.url);
    const slots = options.slots ?? 1;
    if (!Number.isInteger(slots) || slots < 1 || slots > 10_000) {
      throw new RangeError("slots must be a whole number from 1 to 10000");
    }
    this.#options = {
      name: `pid ${process.pid}`,
      logger: jsonLogger,
      drainTimeoutMs: 30_000,
      handleSignals: true,
      reconnectMs: { first: 1_000, longest: 30_000 },
      ...options,
      slots,
    };
    this.#log = this.#options.logger;
  }

  /** Names the function that runs jobs of one type. Before run(). */
  handle<Input = any, Result = unknown>(type: string, handler: Handler<Input, Result>): this {
    if (this.#state !== "new") throw new Error("handle() comes before run()");
    if (this.#handlers.has(type)) throw new Error(`there is a handler for ${type} already`);
    this.#handlers.set(type, handler as Handler);
    return this;
  }

  /**
   * Connects and works until stop(), or until a signal where `handleSignals` is on. Rejects with WorkerRefused when the
   * server will not have this worker; a server that cannot be reached is tried again and again.
   */
  run(): Promise<void> {
    if (this.#state !== "new") throw new Error("run() was called already");
    if (this.#handlers.size === 0) throw new Error("there is no handler: call handle() first");
    this.#state = "running";
    const onSignal = (signal: NodeJS.Signals) => {
      this.#log.info("stopping after a signal", { signal, running: this.#running.size });
      void this.stop();
    };
    if (this.#options.handleSignals) {
      process.on("SIGTERM", onSignal);
      process.on("SIGINT", onSignal);
    }
    this.#done = new Promise<void>((resolve, reject) => {
      this.#finish = (refused) => {
        this.#finish = undefined;
        this.#state = "stopped";
        clearTimeout(this.#reconnect);
        clearInterval(this.#heartbeat);
        process.off("SIGTERM", onSignal);
        process.off("SIGINT", onSignal);
        for (const job of this.#running.values()) job.stop("SHUTDOWN", 0);
        if (refused) reject(refused);
        else resolve();
      };
    });
    this.#connect();
    return this.#done;
  }

  /** How many jobs run now. */
  get running(): number {
    return this.#running.size;
  }

  /**
   * Takes no further job, waits for running ones and their acknowledgements, then closes. Jobs that still run after
   * `drainTimeoutMs` are told to stop and released.
   */
  async stop(): Promise<void> {
    if (this.#state === "new") {
      this.#state = "stopped";
      return;
    }
    if (this.#state === "running") {
      this.#state = "draining";
      this.#send([{ type: "drain" }]);
      await this.#whenIdle(this.#options.drainTimeoutMs);
      if (this.#running.size > 0) {
        this.#log.warn("jobs still run at the end of draining and are released", { running: this.#running.size });
        for (const job of this.#running.values()) job.stop("SHUTDOWN", STOP_GRACE_MS);
        await this.#whenIdle(STOP_GRACE_MS);
        for (const job of this.#running.values()) this.#report({ type: "release", ...held(job), ref: this.#ref() });
        this.#running.clear();
        await this.#whenIdle(STOP_GRACE_MS);
      }
      this.#connection?.close();
      this.#finish?.();
    }
    await this.#done?.catch(() => undefined);
  }

  #connect(): void {
    this.#welcome = undefined;
    this.#drained = false;
    const connection = new Connection(this.#endpoint, this.#options.token, {
      onOpen: () => connection.send([this.#hello()]),
      onMessage: (message) => {
        if (connection === this.#connection) this.#receive(message);
      },
      onClose: (why, refused) => {
        if (connection === this.#connection) this.#disconnected(why, refused);
      },
    });
    this.#connection = connection;
  }

  #hello(): HelloMessage {
    const { slots, queues, name, build, labels } = this.#options;
    return {
      type: "hello",
      types: [...this.#handlers.keys()],
      slots,
      name,
      sdk: `errand-worker-ts/${VERSION}`,
      ...(queues && queues.length > 0 ? { queues } : {}),
      ...(build ? { build } : {}),
      ...(labels ? { labels } : {}),
    };
  }

  #disconnected(why: string, refused: WorkerRefused | undefined): void {
    this.#connection = undefined;
    this.#welcome = undefined;
    clearInterval(this.#heartbeat);
    if (this.#state === "stopped") return;
    if (refused) {
      this.#log.error("the server refused this worker", { reason: refused.message, code: refused.code });
      this.#finish?.(refused);
      return;
    }
    this.#checkIdle();
    if (this.#state === "draining" && this.#isIdle()) return;
    this.#failures += 1;
    const { first, longest } = this.#options.reconnectMs;
    const delay = reconnectDelay(this.#failures, Math.random(), first, longest);
    this.#log.warn("not connected", { reason: why, retry_ms: delay, running: this.#running.size });
    this.#reconnect = setTimeout(() => this.#connect(), delay);
  }

  #receive(message: ServerMessage): void {
    switch (message.type) {
      case "welcome":
        return this.#onWelcome(message);
      case "job":
        return this.#onJob(message);
      case "heartbeat_ack":
        return this.#onHeartbeatAck(message);
      case "cancel":
        return this.#onCancel(message);
      case "ack":
        return this.#onAck(message);
      case "draining":
        this.#drained = true;
        this.#checkIdle();
        return;
      case "drain":
        this.#log.info("the server is stopping", { reason: message.reason, grace_ms: message.graceMs });
        return;
      case "error":
        this.#log.error("the server reports a protocol error", { code: message.code, reason: message.message });
        return;
      default:
        return; // a later version's message
    }
  }

  #onWelcome(welcome: WelcomeMessage): void {
    this.#welcome = welcome;
    this.#failures = 0;
    this.#log.info("connected", { server: welcome.server, worker_id: welcome.workerId, url: this.#endpoint.origin });
    if (welcome.unknownTypes.length > 0) {
      this.#log.warn("the server's schema does not have some of the types", { types: welcome.unknownTypes });
    }
    const messages: WorkerMessage[] = [this.#heartbeatMessage()];
    for (const job of this.#running.values()) {
      if (job.lastProgress !== undefined && !job.lost) messages.push(job.lastProgress);
    }
    for (const report of this.#outbox.values()) {
      const progress = this.#lastProgress.get(report.ref);
      messages.push(...(progress ? [progress, report] : [report]));
    }
    const free = this.#options.slots - this.#running.size;
    if (this.#state === "draining") messages.push({ type: "drain" });
    else if (free > 0) messages.push({ type: "credits", add: free });
    this.#send(messages);
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(() => this.#beat(), welcome.heartbeatMs);
  }

  #beat(): void {
    const connection = this.#connection;
    if (!connection || !this.#welcome) return;
    // Each heartbeat is answered, so that silence means a connection that is dead without saying so.
    if (connection.silence > 2.5 * this.#welcome.heartbeatMs) {
      connection.terminate();
      return;
    }
    this.#send([this.#heartbeatMessage()]);
  }

  #heartbeatMessage(): WorkerMessage {
    const jobs = [...this.#running.values()].filter((job) => !job.lost).map(held);
    return { type: "heartbeat", jobs };
  }

  #onJob(message: JobMessage): void {
    const handler = this.#handlers.get(message.jobType);
    if (!handler || this.#state !== "running" || this.#running.size >= this.#options.slots) {
      this.#report({ type: "release", jobId: message.jobId, token: message.token, ref: this.#ref() });
      return;
    }
    const job = new RunningJob(message, (progress) => this.#send([progress]));
    this.#running.set(job.token, job);
    void this.#execute(job, handler);
  }

  async #execute(job: RunningJob, handler: Handler): Promise<void> {
    const began = performance.now();
    const about = { job_id: job.id, type: job.type, attempt: job.attempt, correlation_id: job.correlationId };
    this.#log.info("job started", about);
    let report: ReportMessage;
    try {
      const result = await handler(job);
      report = this.#completion(job, result);
    } catch (error) {
      report = this.#failure(job, error);
    }
    job.end();
    const known = this.#running.delete(job.token);
    const duration_ms = Math.round(performance.now() - began);
    if (job.lost || !known) {
      this.#log.warn("job ended after its lease", { ...about, duration_ms });
      this.#addCredit();
    } else {
      if (report.type === "fail") {
        this.#log.warn("job attempt failed", { ...about, duration_ms, kind: report.error.kind, reason: report.error.message });
      } else {
        this.#log.info("job attempt ended", { ...about, duration_ms, outcome: report.type });
      }
      if (job.lastProgress !== undefined) this.#lastProgress.set(report.ref, job.lastProgress);
      this.#report(report, this.#state === "running");
    }
    this.#checkIdle();
  }

  #completion(job: RunningJob, result: unknown): ReportMessage {
    const report: ReportMessage = { type: "complete", ...held(job), ref: this.#ref(), result: result ?? null };
    let bytes: number;
    try {
      bytes = Buffer.byteLength(JSON.stringify(report));
    } catch (error) {
      return this.#failure(
        job,
        new PermanentError(`the result cannot be written as JSON: ${(error as Error).message}`, {
          code: "RESULT_NOT_SERIALIZABLE",
        }),
      );
    }
    const most = this.#welcome?.messageBytesMax ?? 1 << 20;
    if (bytes <= most) return report;
    return this.#failure(
      job,
      new PermanentError(`the result takes ${bytes} bytes, the server reads ${most} at most`, {
        code: "RESULT_TOO_LARGE",
        remediation: "Store the result elsewhere and return a link to it.",
      }),
    );
  }

  #failure(job: RunningJob, error: unknown): ReportMessage {
    const known = { ...held(job), ref: this.#ref() };
    if (error instanceof ReleaseJob) return { type: "release", ...known };
    if (error instanceof SnoozeJob) return { type: "snooze", ...known, delayMs: Math.max(1, Math.round(error.delay)) };
    const stopped = job.signal.aborted ? job.signal.reason : undefined;
    if (stopped?.reason === "SHUTDOWN" && !(error instanceof PermanentError)) return { type: "release", ...known };
    const message = error instanceof Error ? error.message : String(error);
    const failure: FailMessage["error"] = {
      kind: error instanceof PermanentError ? "PERMANENT" : "TRANSIENT",
      message: [...message].slice(0, 4096).join(""),
    };
    if (error instanceof PermanentError || error instanceof TransientError) {
      if (error.code !== undefined && CODE.test(error.code)) failure.code = error.code;
      if (error.details !== undefined) failure.details = error.details;
      if (error.remediation !== undefined) failure.remediation = [...error.remediation].slice(0, 1024).join("");
    }
    if (error instanceof TransientError && error.retryAfter !== undefined) {
      failure.retryAfterMs = Math.max(0, Math.round(error.retryAfter));
    }
    if (stopped && failure.code === undefined) failure.code = stopped.reason === "CANCEL" ? "CANCELED" : stopped.reason;
    return { type: "fail", ...known, error: failure };
  }

  #onHeartbeatAck(message: HeartbeatAckMessage): void {
    for (const entry of message.jobs) {
      const job = this.#running.get(entry.token);
      if (!job) continue;
      if (entry.state === "CANCELING") job.stop(entry.reason ?? "CANCEL", entry.graceMs ?? 1);
      if (entry.state === "LEASE_LOST" || entry.state === "JOB_ENDED") job.stop(entry.state, 0);
    }
  }

  #onCancel(message: CancelMessage): void {
    this.#running.get(message.token)?.stop(message.reason, message.graceMs);
  }

  #onAck(message: AckMessage): void {
    const report = message.ref === undefined ? undefined : this.#outbox.get(message.ref);
    if (message.status === "REFUSED" && message.error?.retryable && report) {
      setTimeout(() => {
        if (this.#outbox.has(report.ref)) this.#send([report]);
      }, RETRY_REPORT_MS).unref();
      return;
    }
    if (message.ref !== undefined) {
      this.#outbox.delete(message.ref);
      this.#lastProgress.delete(message.ref);
    }
    if (message.status === "REFUSED" && report) {
      this.#log.warn("the server refused a report", {
        job_id: message.jobId,
        report: report.type,
        code: message.error?.code,
        reason: message.error?.message,
      });
    } else if (message.error?.code === "LEASE_LOST" || message.error?.code === "JOB_ENDED") {
      // A progress. Of a job that is not running any more it was only sent again, for safety.
      this.#running.get(message.token)?.stop(message.error.code, 0);
    }
    this.#checkIdle();
  }

  #report(report: ReportMessage, freesSlot = false): void {
    this.#outbox.set(report.ref, report);
    this.#send(freesSlot ? [report, { type: "credits", add: 1 }] : [report]);
  }

  #addCredit(): void {
    if (this.#state === "running") this.#send([{ type: "credits", add: 1 }]);
  }

  /** Sends if there is a connection; otherwise #onWelcome sends what still counts then. */
  #send(messages: WorkerMessage[]): void {
    if (this.#welcome) this.#connection?.send(messages);
  }

  #ref(): string {
    return String(this.#nextRef++);
  }

  /** Whether nothing runs, all is acknowledged, and no job can be on its way here. */
  #isIdle(): boolean {
    return this.#running.size === 0 && this.#outbox.size === 0 && (this.#drained || this.#welcome === undefined);
  }

  #checkIdle(): void {
    if (!this.#isIdle()) return;
    for (const wake of this.#idleWaiters.splice(0)) wake();
  }

  /** Resolves when idle, or after `limit` milliseconds. */
  #whenIdle(limit: number): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limit);
      this.#idleWaiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

function held(job: RunningJob): { jobId: string; token: string } {
  return { jobId: job.id, token: job.token };
}
