import type { JobError, JobState } from "./job.js";

/** One error of a GraphQL response. */
export interface GraphQLErrorShape {
  message: string;
  path?: readonly (string | number)[];
  locations?: readonly { line: number; column: number }[];
  extensions?: { code?: string; retryable?: boolean; [name: string]: unknown };
}

/** What everything that this package throws has in common. */
export class ErrandError extends Error {
  override name = "ErrandError";
  /** For programs: one of the server's error codes, or one that the class names. */
  readonly code: string;

  constructor(message: string, code: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** The server refused the request. `code` is `extensions.code` of the first error. */
export class RequestError extends ErrandError {
  override name = "RequestError";
  readonly errors: readonly GraphQLErrorShape[];

  constructor(errors: readonly GraphQLErrorShape[]) {
    const [first] = errors;
    super(first?.message ?? "the server refused the request", first?.extensions?.code ?? "UNKNOWN");
    this.errors = errors;
  }
}

/** There was no usable answer: `code` is NETWORK, or HTTP_ and the status. Of a submit, whether there is a job is not known. */
export class NetworkError extends ErrandError {
  override name = "NetworkError";
  /** Of a submit: submitting again with this key gives the one job, whatever became of the request. */
  idempotencyKey: string | undefined;

  constructor(
    message: string,
    code: string,
    /** Whether asking again may help. */
    readonly retryable: boolean,
    cause?: unknown,
    /** Milliseconds that the server asked to wait. */
    readonly retryAfter?: number,
  ) {
    super(message, code, cause);
  }
}

/** wait() was not told the end in time; the job goes on. `code` is WAIT_TIMEOUT. */
export class WaitTimeout extends ErrandError {
  override name = "WaitTimeout";
  constructor(
    readonly jobId: string,
    timeout: number,
  ) {
    super(`the job ${jobId} has not ended within ${timeout} ms`, "WAIT_TIMEOUT");
  }
}

/** A job that ended without a result. `code` is that of the job's error. */
export class JobEndedError extends ErrandError {
  override name = "JobEndedError";
  /** What the server says of it. */
  readonly error: JobError;

  constructor(readonly job: JobState) {
    const error = job.error ?? {
      code: job.status,
      message: `the job is ${job.status}`,
      details: null,
      retryable: false,
      remediation: null,
      attempt: null,
    };
    super(error.message, error.code);
    this.error = error;
  }
}

export class JobFailed extends JobEndedError {
  override name = "JobFailed";
}

export class JobCanceled extends JobEndedError {
  override name = "JobCanceled";
}

export class JobExpired extends JobEndedError {
  override name = "JobExpired";
}

/** The error of a job that ended without a result. */
export function endedError(job: JobState): JobEndedError {
  switch (job.status) {
    case "CANCELED":
      return new JobCanceled(job);
    case "EXPIRED":
      return new JobExpired(job);
    default:
      return new JobFailed(job);
  }
}
