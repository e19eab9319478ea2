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

/** A message that the server acknowledges. */
export type ReportMessage = CompleteMessage | FailMessage | ReleaseMessage | SnoozeMessage;

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
  const value: unknown = JSON.parse(text);
  const list: unknown[] = Array.isArray(value) ? value : [value];
  for (const message of list) {
    if (typeof message !== "object" || message === null || typeof (message as { type?: unknown }).type !== "string") {
      throw new Error("the server sent a message without a type");
    }
  }
  return list as ServerMessage[];
}
