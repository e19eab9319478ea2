export { Worker, type Handler, type WorkerOptions } from "./worker.js";
export { type Job, type Progress } from "./job.js";
export {
  JobStopped,
  PermanentError,
  ReleaseJob,
  SnoozeJob,
  TransientError,
  WorkerRefused,
  type JobErrorOptions,
  type StopReason,
} from "./errors.js";
export { jsonLogger, silentLogger, type LogFields, type Logger } from "./log.js";
export { type JsonValue } from "./messages.js";
export { VERSION } from "./version.js";
