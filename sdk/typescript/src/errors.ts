import type { JsonValue } from "./messages.js";

export interface JobErrorOptions {
  /** For programs, like "QUOTA_EXCEEDED": A-Z, 0-9 and _. */
  code?: string;
  /** Further facts for programs; shown to whoever may read the job. */
  details?: Record<string, JsonValue>;
  /** What a person can do about it. */
  remediation?: string;
  cause?: unknown;
}

/** Throw it when another attempt cannot succeed: the job fails at once. */
export class PermanentError extends Error {
  override name = "PermanentError";
  readonly code: string | undefined;
  readonly details: Record<string, JsonValue> | undefined;
  readonly remediation: string | undefined;

  constructor(message: string, options: JobErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = options.code;
    this.details = options.details;
    this.remediation = options.remediation;
  }
}

/** Throw it when another attempt may succeed. Every other error that is thrown counts as one too. */
export class TransientError extends Error {
  override name = "TransientError";
  readonly code: string | undefined;
  readonly details: Record<string, JsonValue> | undefined;
  readonly remediation: string | undefined;
  /** Milliseconds that the next attempt waits at least. */
  readonly retryAfter: number | undefined;

  constructor(message: string, options: JobErrorOptions & { retryAfter?: number } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = options.code;
    this.details = options.details;
    this.remediation = options.remediation;
    this.retryAfter = options.retryAfter;
  }
}

/** Throw it to give the job back for someone else to take at once. The attempt does not count. */
export class ReleaseJob extends Error {
  override name = "ReleaseJob";
}

/** Throw it to give the job back until later. The attempt does not count. */
export class SnoozeJob extends Error {
  override name = "SnoozeJob";
  /** @param delay milliseconds, at least 1 */
  constructor(readonly delay: number, message = `snoozed for ${delay} ms`) {
    super(message);
  }
}

export type StopReason =
  | "CANCEL"
  | "DEADLINE"
  | "KILL"
  | "TIMEOUT"
  | "LEASE_LOST"
  | "JOB_ENDED"
  | "SHUTDOWN";

/** `job.signal.reason`: why the job is to stop. */
export class JobStopped extends Error {
  override name = "JobStopped";
  constructor(
    readonly reason: StopReason,
    /** Milliseconds left for the handler to end; 0: whatever it returns is of no use any more. */
    readonly grace: number,
  ) {
    super(`the job is to stop: ${reason}`);
  }
}

/** `worker.run()` rejects with it: connecting again would not help. */
export class WorkerRefused extends Error {
  override name = "WorkerRefused";
  constructor(
    message: string,
    /** HTTP status of the handshake or close code of the WebSocket. */
    readonly code: number,
  ) {
    super(message);
  }
}
