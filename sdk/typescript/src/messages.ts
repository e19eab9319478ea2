/** The messages of the protocol `errand.worker.v1`: see docs/protocol/worker.md. */

export const SUBPROTOCOL = "errand.worker.v1";

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | JsonValue[]
  | { [key: string]: JsonValue | undefined };

export interface HeldJob {
  jobId: string;
  token: string;
}

export interface HelloMessage {
  type: "hello";
  types: string[];
  slots: number;
  queues?: string[];
  name?: string;
  build?: string;
  sdk?: string;
  labels?: Record<string, string>;
  selectors?: Record<string, string[]>;
}

export interface ProgressMessage extends HeldJob {
  type: "progress";
  completed?: number;
  total?: number;
  stage?: string;
  message?: string;
}

export interface CompleteMessage extends HeldJob {
  type: "complete";
  ref: string;
  result: unknown;
}

export interface FailMessage extends HeldJob {
  type: "fail";
  ref: string;
  error: {
    kind: "TRANSIENT" | "PERMANENT";
    code?: string;
    message: string;
    details?: Record<string, JsonValue>;
    remediation?: string;
    retryAfterMs?: number;
  };
}

export interface ReleaseMessage extends HeldJob {
  type: "release";
  ref: string;
}

export interface SnoozeMessage extends HeldJob {
  type: "snooze";
  ref: string;
  delayMs: number;
}

/** Records the result of a step; only where `welcome.features` has "steps". */
export interface StepMessage extends HeldJob {
  type: "step";
  ref: string;
  name: string;
  result: unknown;
}

/** What ends an attempt. */
export type OutcomeMessage = CompleteMessage | FailMessage | ReleaseMessage | SnoozeMessage;

/** A message that the server acknowledges. */
export type ReportMessage = OutcomeMessage | StepMessage;

export type WorkerMessage =
  | HelloMessage
  | { type: "credits"; add: number }
  | { type: "heartbeat"; jobs: HeldJob[] }
  | ProgressMessage
  | ReportMessage
  | { type: "drain" };

export interface WelcomeMessage {
  type: "welcome";
  workerId: string;
  server: string;
  heartbeatMs: number;
  leaseMs: number;
  messageBytesMax: number;
  queues?: string[];
  unknownTypes: string[];
  /** What the server can do beyond the first v1. */
  features?: string[];
}

/** A step that an attempt recorded. */
export interface RecordedStep {
  name: string;
  result: unknown;
}

export interface JobMessage extends HeldJob {
  type: "job";
  jobType: string;
  queue: string;
  tenant: string;
  run: number;
  attempt: number;
  maxAttempts: number;
  arguments: Record<string, unknown>;
  leaseMs: number;
  timeoutMs: number;
  deadlineMs?: number;
  priority: number;
  tags: string[];
  labels: Record<string, string>;
  correlationId: string;
  traceparent?: string;
  createdAt: string;
  /** What earlier attempts recorded. */
  steps?: RecordedStep[];
}

export interface HeartbeatAckMessage {
  type: "heartbeat_ack";
  jobs: (HeldJob & {
    state: "RUNNING" | "CANCELING" | "LEASE_LOST" | "JOB_ENDED";
    leaseMs?: number;
    reason?: "CANCEL" | "DEADLINE";
    graceMs?: number;
  })[];
}

export interface CancelMessage extends HeldJob {
  type: "cancel";
  reason: "CANCEL" | "DEADLINE" | "KILL" | "TIMEOUT" | "LEASE_LOST";
  graceMs: number;
}

export interface AckMessage extends HeldJob {
  type: "ack";
  ref?: string;
  status: "OK" | "REFUSED";
  error?: { code: string; message: string; retryable: boolean };
}

export type ServerMessage =
  | WelcomeMessage
  | JobMessage
  | HeartbeatAckMessage
  | CancelMessage
  | AckMessage
  | { type: "draining" }
  | { type: "drain"; reason: string; graceMs: number }
  | { type: "error"; code: string; message: string };

/** Reads one WebSocket message; throws what is wrong with it. */
export function parseServerMessages(text: string): ServerMessage[] {
  return serverMessages(JSON.parse(text));
}

/** As parseServerMessages(), of what was parsed already. */
export function serverMessages(value: unknown): ServerMessage[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  for (const message of list) {
    if (typeof message !== "object" || message === null || typeof (message as { type?: unknown }).type !== "string") {
      throw new Error("the server sent a message without a type");
    }
  }
  return list as ServerMessage[];
}

const FRAME_MESSAGES_MAX = 1_000;

/** Writes messages as few frames as the server's bounds allow, in their order. One that is too long by itself goes alone. */
export function frames(messages: readonly WorkerMessage[], bytesMax: number): string[] {
  const result: string[] = [];
  let batch: string[] = [];
  let bytes = 2;
  const flush = () => {
    if (batch.length > 0) result.push(batch.length === 1 ? batch[0]! : `[${batch.join(",")}]`);
    batch = [];
    bytes = 2;
  };
  for (const message of messages) {
    const text = JSON.stringify(message);
    const size = Buffer.byteLength(text) + 1;
    if (batch.length === FRAME_MESSAGES_MAX || bytes + size > bytesMax) flush();
    batch.push(text);
    bytes += size;
  }
  flush();
  return result;
}
