export {
  createClient,
  ErrandClient,
  JobHandle,
  type CancelOptions,
  type ClientOptions,
  type FollowOptions,
  type JobRef,
  type JobResult,
  type Operation,
  type OperationResult,
  type SubmitOptions,
  type WaitOptions,
  type WatchOptions,
} from "./client.js";
export {
  ErrandError,
  JobCanceled,
  JobEndedError,
  JobExpired,
  JobFailed,
  NetworkError,
  RequestError,
  WaitTimeout,
  type GraphQLErrorShape,
} from "./errors.js";
export { isTerminal, type JobError, type JobEvent, type JobProgress, type JobState, type JobStatus, type SucceededJob } from "./job.js";
export { type RetryOptions } from "./backoff.js";
export { type Document, type TypedDocument } from "./document.js";
