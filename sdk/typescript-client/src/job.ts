export type JobStatus =
  | "SCHEDULED"
  | "PENDING"
  | "RUNNING"
  | "WAITING"
  | "RETRYING"
  | "CANCELING"
  | "COMPENSATING"
  | "SUCCEEDED"
  | "FAILED"
  | "CANCELED"
  | "EXPIRED";

export interface JobProgress {
  completed: number;
  total: number | null;
  /** completed / total, 0 to 1, where the total is known. */
  fraction: number | null;
  stage: string | null;
  message: string | null;
}

/** Why a job did not succeed. */
export interface JobError {
  code: string;
  message: string;
  details: unknown;
  retryable: boolean;
  remediation: string | null;
  attempt: number | null;
}

/** A job as it is at one moment. */
export interface JobState<Result = unknown> {
  /** The job's type in the schema, such as "ExportReportJob". */
  __typename: string;
  id: string;
  /** The mutation that started it. */
  type: string;
  status: JobStatus;
  queue: string;
  run: number;
  attempt: number;
  maxAttempts: number;
  createdAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  estimatedCompletion: string | null;
  progress: JobProgress | null;
  /** What a person can do or expect now. */
  nextSteps: string[];
  error: JobError | null;
  /** Null until the job has SUCCEEDED. */
  result: Result | null;
}

export type SucceededJob<Result> = JobState<Result> & { status: "SUCCEEDED"; result: Result };

/** One entry of a job's history. */
export interface JobEvent {
  id: string;
  /** Place in the log: what watch() goes on after. */
  cursor: string;
  jobId: string;
  /** Number within the job, from 1 without gaps. */
  sequence: number;
  /** Such as "dev.errand.job.started". */
  type: string;
  time: string;
  /** What belongs to the type. */
  data: any;
}

const TERMINAL: ReadonlySet<JobStatus> = new Set<JobStatus>(["SUCCEEDED", "FAILED", "CANCELED", "EXPIRED"]);

/** Whether a job of this status has ended; an operator may start its next run all the same. */
export function isTerminal(status: JobStatus): boolean {
  return TERMINAL.has(status);
}

/** What is asked of every job. */
export const JOB_FIELDS = `__typename id type status queue run attempt maxAttempts createdAt startedAt finishedAt estimatedCompletion
    progress { completed total fraction stage message } nextSteps
    error { code message details retryable remediation attempt }`;

export const EVENT_FIELDS = "id cursor jobId sequence type time data";
