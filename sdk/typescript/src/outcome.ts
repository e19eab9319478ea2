import { PermanentError, ReleaseJob, SnoozeJob, TransientError, type JobStopped } from "./errors.js";
import type { CompleteMessage, FailMessage, HeldJob, OutcomeMessage } from "./messages.js";

const CODE = /^[A-Z][A-Z0-9_]{0,63}$/;

interface Reported extends HeldJob {
  ref: string;
}

/** The report of what a handler returned; a failure where that is no JSON or takes more than `bytesMax`. */
export function completion(about: Reported, result: unknown, bytesMax: number, stopped?: JobStopped): OutcomeMessage {
  const report: CompleteMessage = { type: "complete", ...about, result: result ?? null };
  try {
    assertSendable(report, bytesMax, "the result");
    return report;
  } catch (error) {
    return failure(about, error, bytesMax, stopped);
  }
}

/**
 * The report of what a handler threw, without the error's details where those are no JSON or too long. `stopped` is the
 * reason of its signal, if that has aborted.
 */
export function failure(about: Reported, error: unknown, bytesMax: number, stopped?: JobStopped): OutcomeMessage {
  if (error instanceof ReleaseJob) return { type: "release", ...about };
  if (error instanceof SnoozeJob) return { type: "snooze", ...about, delayMs: Math.max(1, Math.round(error.delay)) };
  if (stopped?.reason === "SHUTDOWN" && !(error instanceof PermanentError)) return { type: "release", ...about };
  const message = error instanceof Error ? error.message : String(error);
  const reported: FailMessage["error"] = {
    kind: error instanceof PermanentError ? "PERMANENT" : "TRANSIENT",
    message: [...message].slice(0, 4096).join(""),
  };
  if (error instanceof PermanentError || error instanceof TransientError) {
    if (error.code !== undefined && CODE.test(error.code)) reported.code = error.code;
    if (error.details !== undefined && isSendable(error.details, bytesMax / 2)) reported.details = error.details;
    if (error.remediation !== undefined) reported.remediation = [...error.remediation].slice(0, 1024).join("");
  }
  if (error instanceof TransientError && error.retryAfter !== undefined) {
    reported.retryAfterMs = Math.max(0, Math.round(error.retryAfter));
  }
  if (stopped && reported.code === undefined) reported.code = stopped.reason === "CANCEL" ? "CANCELED" : stopped.reason;
  return { type: "fail", ...about, error: reported };
}

function isSendable(value: unknown, bytesMax: number): boolean {
  try {
    return Buffer.byteLength(JSON.stringify(value)) <= bytesMax;
  } catch {
    return false;
  }
}

/** Throws a PermanentError that calls the message's content `what` where the message cannot be sent. */
export function assertSendable(message: { result: unknown }, bytesMax: number, what: string): void {
  let bytes: number;
  try {
    bytes = Buffer.byteLength(JSON.stringify(message));
  } catch (error) {
    throw new PermanentError(`${what} cannot be written as JSON: ${(error as Error).message}`, {
      code: "RESULT_NOT_SERIALIZABLE",
    });
  }
  if (bytes > bytesMax) {
    throw new PermanentError(`${what} takes ${bytes} bytes, the server reads ${bytesMax} at most`, {
      code: "RESULT_TOO_LARGE",
      remediation: "Store the result elsewhere and return a link to it.",
    });
  }
}
