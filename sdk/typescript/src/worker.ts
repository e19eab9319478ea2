import { reconnectDelay } from "./backoff.js";
import { Connection, endpoint, messagesEndpoint } from "./connection.js";
import { JobStopped, PermanentError, type WorkerRefused } from "./errors.js";
import { Fallback } from "./fallback.js";
import { RunningJob, type Job, type Outlet } from "./job.js";
import { jsonLogger, type Logger } from "./log.js";
import {
  frames,
  type AckMessage,
  type CancelMessage,
  type HeartbeatAckMessage,
  type HelloMessage,
  type JobMessage,
  type OutcomeMessage,
  type ProgressMessage,
  type ReportMessage,
  type ServerMessage,
  type StepMessage,
  type WelcomeMessage,
  type WorkerMessage,
} from "./messages.js";
import { assertSendable, completion, failure } from "./outcome.js";
import { traced } from "./tracing.js";
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
  /** What this worker is, for people: shown by the `workers` query. */
  labels?: Record<string, string>;
  /**
   * Which jobs it takes, by the labels that `@job(routeBy:)` names: for each the values of which a job's label must have one. An
   * empty list takes only jobs without that label.
   */
  selectors?: Record<string, string[]>;
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
const WELCOME_TIMEOUT_MS = 20_000;
const FALLBACK_INTERVAL_MS = 1_000;

/** A connection that the server has welcomed. */
interface Session {
  readonly connection: Connection;
  readonly welcome: WelcomeMessage;
  /** The server stops: another connection is on its way, and this one gets no further job. */
  leaving: boolean;
  /** No job can come here any more. */
  drained: boolean;
}

type OptionalOptions = "queues" | "build" | "labels" | "selectors";

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
  readonly #options: Required<Omit<WorkerOptions, OptionalOptions>> & Pick<WorkerOptions, OptionalOptions>;
  readonly #endpoint: URL;
  readonly #handlers = new Map<string, Handler>();
  readonly #running = new Map<string, RunningJob>(); // by token: two attempts of one job may overlap
  readonly #outbox = new Map<string, ReportMessage>(); // by ref: not acknowledged yet
  readonly #lastProgress = new Map<string, ProgressMessage>(); // by ref: what goes before a report in the outbox
  readonly #steps = new Map<string, { job: RunningJob; resolve(): void; reject(error: unknown): void }>(); // by ref
  readonly #fallback: Fallback;
  readonly #outlet: Outlet;
  readonly #log: Logger;
  #session: Session | undefined;
  #candidate: Connection | undefined; // not welcomed yet
  #features: ReadonlySet<string> = new Set();
  #messageBytesMax = 1 << 20;
  #queue: WorkerMessage[] = []; // goes out at the end of this turn of the event loop
  #flushing: NodeJS.Immediate | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #reconnect: NodeJS.Timeout | undefined;
  #failures = 0;
  #nextRef = 1;
  #state: "new" | "running" | "draining" | "stopped" = "new";
  #refused: WorkerRefused | undefined;
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
    const { first, longest } = this.#options.reconnectMs;
    this.#fallback = new Fallback(
      messagesEndpoint(this.#endpoint),
      options.token,
      { interval: Math.min(FALLBACK_INTERVAL_MS, first), longest },
      {
        pending: () => (this.#outbox.size > 0 || this.#heldJobs().length > 0 ? this.#unsettled() : []),
        urgent: () => this.#outbox.size > 0,
        onMessage: (message) => this.#receiveAnswer(message),
        onFailure: (reason, retry_ms) => this.#log.warn("not connected by HTTP either", { reason, retry_ms }),
      },
    );
    this.#outlet = {
      progress: (message) => this.#send(message),
      step: (job, name, result) => this.#recordStep(job, name, result),
    };
  }

  /** Names the function that runs jobs of one type. Before run(). */
  handle<Input = any, Result = unknown>(type: string, handler: Handler<Input, Result>): this {
    if (this.#state !== "new") throw new Error("handle() comes before run()");
    if (this.#handlers.has(type)) throw new Error(`there is a handler for ${type} already`);
    this.#handlers.set(type, handler as Handler);
    return this;
  }

  /**
   * Connects and works until stop(), until an operator drains this worker, or until a signal where `handleSignals` is on. Rejects
   * with WorkerRefused when the server will not have this worker; a server that cannot be reached is tried again and again.
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
        this.#fallback.stop();
        this.#candidate?.terminate();
        process.off("SIGTERM", onSignal);
        process.off("SIGINT", onSignal);
        for (const job of this.#running.values()) job.stop("SHUTDOWN", 0);
        for (const { reject } of this.#steps.values()) reject(new JobStopped("SHUTDOWN", 0));
        this.#steps.clear();
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
      this.#send({ type: "drain" });
      await this.#whenIdle(this.#options.drainTimeoutMs);
      if (this.#running.size > 0) {
        this.#log.warn("jobs still run at the end of draining and are released", { running: this.#running.size });
        for (const job of this.#running.values()) job.stop("SHUTDOWN", STOP_GRACE_MS);
        await this.#whenIdle(STOP_GRACE_MS);
        for (const job of this.#running.values()) {
          if (!job.lost) this.#report({ type: "release", ...held(job), ref: this.#ref() });
        }
        this.#running.clear();
        await this.#whenIdle(STOP_GRACE_MS);
      }
      this.#flush();
      this.#session?.connection.close();
      this.#finish?.(this.#refused);
    }
    await this.#done?.catch(() => undefined);
  }

  #connect(): void {
    this.#reconnect = undefined;
    const connection = new Connection(this.#endpoint, this.#options.token, {
      onOpen: () => connection.send(JSON.stringify(this.#hello())),
      onMessage: (message) => this.#receive(connection, message),
      onClose: (why, refused) => this.#disconnected(connection, why, refused),
    });
    this.#candidate = connection;
    setTimeout(() => {
      if (this.#candidate === connection) connection.terminate();
    }, WELCOME_TIMEOUT_MS).unref();
  }

  #hello(): HelloMessage {
    const { slots, queues, name, build, labels, selectors } = this.#options;
    return {
      type: "hello",
      types: [...this.#handlers.keys()],
      slots,
      name,
      sdk: `errand-worker-ts/${VERSION}`,
      ...(queues && queues.length > 0 ? { queues } : {}),
      ...(build ? { build } : {}),
      ...(labels ? { labels } : {}),
      ...(selectors ? { selectors } : {}),
    };
  }

  #disconnected(connection: Connection, why: string, refused: WorkerRefused | undefined): void {
    const wasCandidate = connection === this.#candidate;
    if (wasCandidate) {
      this.#candidate = undefined;
    } else if (connection === this.#session?.connection) {
      this.#session = undefined;
      this.#queue = [];
      clearInterval(this.#heartbeat);
    } else {
      return; // it had been replaced
    }
    if (this.#state === "stopped") return;
    if (refused) {
      this.#log.error("the server refused this worker", { reason: refused.message, code: refused.code });
      this.#refused = refused;
      if (wasCandidate && this.#session) {
        void this.stop(); // what runs may still end over the old connection
        return;
      }
    }
    if (this.#refused) {
      this.#finish?.(this.#refused);
      return;
    }
    this.#checkIdle();
    if (this.#state === "draining" && this.#isIdle()) return;
    if (!this.#session) this.#fallback.start();
    if (this.#candidate || this.#reconnect) return; // the next one is on its way already
    this.#failures += 1;
    const { first, longest } = this.#options.reconnectMs;
    const delay = reconnectDelay(this.#failures, Math.random(), first, longest);
    const sentence = this.#session ? "not connected anew yet" : "not connected";
    this.#log.warn(sentence, { reason: why, retry_ms: delay, running: this.#running.size });
    this.#reconnect = setTimeout(() => this.#connect(), delay);
  }

  #receive(connection: Connection, message: ServerMessage): void {
    if (message.type === "error") {
      this.#log.error("the server reports a protocol error", { code: message.code, reason: message.message });
      return;
    }
    if (connection === this.#candidate) {
      if (message.type === "welcome") this.#onWelcome(connection, message);
      return;
    }
    const session = this.#session;
    if (connection !== session?.connection) return; // replaced: what counts is said again on the new one
    switch (message.type) {
      case "job":
        return this.#onJob(message);
      case "draining":
        session.drained = true;
        this.#checkIdle();
        return;
      case "drain":
        return this.#onDrain(session, message.reason, message.graceMs);
      default:
        return this.#receiveAnswer(message);
    }
  }

  /** What may come by HTTP as well. */
  #receiveAnswer(message: ServerMessage): void {
    switch (message.type) {
      case "heartbeat_ack":
        return this.#onHeartbeatAck(message);
      case "cancel":
        return this.#onCancel(message);
      case "ack":
        return this.#onAck(message);
      default:
        return; // a later version's message
    }
  }

  #onWelcome(connection: Connection, welcome: WelcomeMessage): void {
    const old = this.#session;
    this.#candidate = undefined;
    this.#session = { connection, welcome, leaving: false, drained: false };
    this.#failures = 0;
    this.#features = new Set(welcome.features);
    this.#messageBytesMax = welcome.messageBytesMax;
    this.#fallback.stop();
    this.#fallback.heartbeatMs = welcome.heartbeatMs;
    this.#fallback.messageBytesMax = welcome.messageBytesMax;
    this.#log.info("connected", { server: welcome.server, worker_id: welcome.workerId, url: this.#endpoint.origin });
    if (welcome.unknownTypes.length > 0) {
      this.#log.warn("the server's schema does not have some of the types", { types: welcome.unknownTypes });
    }
    if (!this.#features.has("steps")) this.#forgetSteps();
    this.#queue = [];
    this.#send(...this.#unsettled());
    const free = this.#options.slots - this.#running.size;
    if (this.#state === "draining") this.#send({ type: "drain" });
    else if (free > 0) this.#send({ type: "credits", add: free });
    this.#flush();
    old?.connection.close();
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(() => this.#beat(), welcome.heartbeatMs);
  }

  #onDrain(session: Session, reason: string, graceMs: number): void {
    if (reason === "REQUESTED") {
      this.#log.info("an operator drains this worker", { running: this.#running.size });
      session.drained = true;
      void this.stop();
      return;
    }
    this.#log.info("the server is stopping", { reason, grace_ms: graceMs });
    session.leaving = true;
    session.drained = true;
    this.#checkIdle();
    if (this.#state !== "running" || this.#candidate || this.#reconnect) return;
    // At once, but not in the same moment as every other worker.
    this.#reconnect = setTimeout(() => this.#connect(), (Math.random() * this.#options.reconnectMs.first) / 10);
  }

  #beat(): void {
    const session = this.#session;
    if (!session) return;
    // Each heartbeat is answered, so that silence means a connection that is dead without saying so.
    if (session.connection.silence > 2.5 * session.welcome.heartbeatMs) {
      session.connection.terminate();
      return;
    }
    this.#send({ type: "heartbeat", jobs: this.#heldJobs() });
  }

  #heldJobs(): { jobId: string; token: string }[] {
    return [...this.#running.values()].filter((job) => !job.lost).map(held);
  }

  /** What the server has to hear again when the connection broke: it may have swallowed any of it. */
  #unsettled(): WorkerMessage[] {
    const messages: WorkerMessage[] = [{ type: "heartbeat", jobs: this.#heldJobs() }];
    for (const job of this.#running.values()) {
      if (job.lastProgress !== undefined && !job.lost) messages.push(job.lastProgress);
    }
    for (const report of this.#outbox.values()) {
      const progress = this.#lastProgress.get(report.ref);
      messages.push(...(progress ? [progress, report] : [report]));
    }
    return messages;
  }

  #onJob(message: JobMessage): void {
    if (this.#running.has(message.token)) return; // this very attempt
    const handler = this.#handlers.get(message.jobType);
    if (!handler || this.#state !== "running" || this.#running.size >= this.#options.slots) {
      this.#report({ type: "release", jobId: message.jobId, token: message.token, ref: this.#ref() });
      return;
    }
    const job = new RunningJob(message, this.#outlet);
    this.#running.set(job.token, job);
    void this.#execute(job, handler);
  }

  async #execute(job: RunningJob, handler: Handler): Promise<void> {
    const began = performance.now();
    const about = { job_id: job.id, type: job.type, attempt: job.attempt, correlation_id: job.correlationId };
    this.#log.info("job started", about);
    const reported = { ...held(job), ref: this.#ref() };
    let report: OutcomeMessage;
    try {
      const result = await traced(job, () => handler(job));
      report = completion(reported, result, this.#messageBytesMax, job.stopped);
    } catch (error) {
      report = failure(reported, error, this.#messageBytesMax, job.stopped);
    }
    job.end();
    const known = this.#running.delete(job.token);
    const duration_ms = Math.round(performance.now() - began);
    if (job.lost || !known) {
      this.#log.warn("job ended after its lease", { ...about, duration_ms });
    } else {
      if (report.type === "fail") {
        this.#log.warn("job attempt failed", { ...about, duration_ms, kind: report.error.kind, reason: report.error.message });
      } else {
        this.#log.info("job attempt ended", { ...about, duration_ms, outcome: report.type });
      }
      if (job.lastProgress !== undefined) this.#lastProgress.set(report.ref, job.lastProgress);
      this.#report(report);
    }
    if (this.#state === "running" && !this.#session?.leaving) this.#send({ type: "credits", add: 1 });
    this.#checkIdle();
  }

  #recordStep(job: RunningJob, name: string, result: unknown): Promise<void> {
    if (!this.#features.has("steps")) return Promise.resolve();
    if (job.lost) return Promise.reject(job.signal.reason as Error);
    const message: StepMessage = { type: "step", ...held(job), ref: this.#ref(), name, result };
    assertSendable(message, this.#messageBytesMax, `the result of the step ${JSON.stringify(name)}`);
    return new Promise((resolve, reject) => {
      this.#steps.set(message.ref, { job, resolve, reject });
      this.#report(message);
    });
  }

  /** The server that is there now records no steps, unlike the one before it: they count as done. */
  #forgetSteps(): void {
    for (const [ref, { resolve }] of this.#steps) {
      this.#outbox.delete(ref);
      resolve();
    }
    this.#steps.clear();
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
        if (this.#outbox.has(report.ref)) this.#send(report);
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
    }
    const code = message.error?.code;
    if (code === "LEASE_LOST" || code === "JOB_ENDED") {
      // Of a step, or of a progress, which has no ref. Of a job that does not run any more it was only sent again, for safety.
      this.#running.get(message.token)?.stop(code, 0);
    }
    if (message.ref !== undefined) this.#settleStep(message.ref, message);
    this.#checkIdle();
  }

  #settleStep(ref: string, { status, error }: AckMessage): void {
    const step = this.#steps.get(ref);
    if (!step) return;
    this.#steps.delete(ref);
    if (status === "OK") step.resolve();
    else if (step.job.lost) step.reject(step.job.signal.reason);
    else step.reject(new PermanentError(error?.message ?? "the step was refused", error ? { code: error.code } : {}));
  }

  #report(report: ReportMessage): void {
    this.#outbox.set(report.ref, report);
    this.#send(report);
    this.#fallback.wake();
  }

  /**
   * Sends if there is a connection; otherwise #onWelcome sends what still counts then. What comes up in one turn of the event
   * loop shares a frame, and so, at the server, a transaction.
   */
  #send(...messages: WorkerMessage[]): void {
    if (!this.#session) return;
    this.#queue.push(...messages);
    this.#flushing ??= setImmediate(() => this.#flush());
  }

  #flush(): void {
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    const queue = this.#queue;
    this.#queue = [];
    if (!this.#session || queue.length === 0) return;
    for (const frame of frames(withOneCredits(queue), this.#messageBytesMax)) this.#session.connection.send(frame);
  }

  #ref(): string {
    return String(this.#nextRef++);
  }

  /** Whether nothing runs, all is acknowledged, and no job can be on its way here. */
  #isIdle(): boolean {
    return this.#running.size === 0 && this.#outbox.size === 0 && (this.#session?.drained ?? true);
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

/** All credits in one message, in the place of the last: behind the reports that freed the slots. */
function withOneCredits(messages: WorkerMessage[]): WorkerMessage[] {
  const all = messages.filter((message) => message.type === "credits");
  if (all.length < 2) return messages;
  const add = all.reduce((sum, message) => sum + message.add, 0);
  const last = all.at(-1);
  return messages
    .filter((message) => message.type !== "credits" || message === last)
    .map((message) => (message === last ? { ...last, add } : message));
}
