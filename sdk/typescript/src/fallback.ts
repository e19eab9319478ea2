import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { reconnectDelay } from "./backoff.js";
import { frames, serverMessages, type ServerMessage, type WorkerMessage } from "./messages.js";

export interface FallbackEvents {
  /** What is to be told now; none when nothing is. */
  pending(): WorkerMessage[];
  /** Whether a report waits for its ack. */
  urgent(): boolean;
  onMessage(message: ServerMessage): void;
  onFailure(why: string, retryMs: number): void;
}

export interface FallbackTimes {
  /** Least time between two requests; also how long the WebSocket has been gone before the first. */
  interval: number;
  /** Longest wait after failures. */
  longest: number;
}

const REQUEST_TIMEOUT_MS = 10_000;

/**
 * Posts heartbeats and reports while there is no WebSocket, so that a proxy that does not let one through, or a server
 * that is slow to come back, costs no lease and no result.
 */
export class Fallback {
  readonly #url: URL;
  readonly #token: string;
  readonly #times: FallbackTimes;
  readonly #events: FallbackEvents;
  #active = false;
  #busy = false;
  #failures = 0;
  #lastAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  /** Known from the last welcome. */
  heartbeatMs = 10_000;
  messageBytesMax = 1 << 20;

  constructor(url: URL, token: string, times: FallbackTimes, events: FallbackEvents) {
    this.#url = url;
    this.#token = token;
    this.#times = times;
    this.#events = events;
  }

  /** The WebSocket is gone. */
  start(): void {
    if (this.#active) return;
    this.#active = true;
    this.#failures = 0;
    if (!this.#busy) this.#schedule(this.#times.interval);
  }

  /** There is one again, or the worker ends. */
  stop(): void {
    this.#active = false;
    clearTimeout(this.#timer);
  }

  /** There is a new report. */
  wake(): void {
    if (!this.#active || this.#busy || this.#failures > 0) return;
    const { interval } = this.#times;
    this.#schedule(Math.min(interval, Math.max(0, this.#lastAt + interval - performance.now())));
  }

  #schedule(delay: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#post(), delay);
  }

  async #post(): Promise<void> {
    const messages = this.#events.pending();
    if (messages.length === 0) return; // wake() comes with the next report
    this.#busy = true;
    this.#lastAt = performance.now();
    let failure: string | undefined;
    try {
      for (const body of frames(messages, this.messageBytesMax)) {
        for (const message of await this.#request(body)) this.#events.onMessage(message);
      }
    } catch (error) {
      failure = (error as Error).message;
    }
    this.#busy = false;
    if (!this.#active) return;
    const { interval, longest } = this.#times;
    if (failure === undefined) {
      this.#failures = 0;
      this.#schedule(this.#events.urgent() ? interval : this.heartbeatMs);
    } else {
      this.#failures += 1;
      const delay = Math.max(interval, reconnectDelay(this.#failures, Math.random(), interval, longest));
      this.#events.onFailure(failure, delay);
      this.#schedule(delay);
    }
  }

  async #request(body: string): Promise<ServerMessage[]> {
    const { status, text } = await post(this.#url, this.#token, body);
    if (status !== 200) throw new Error(`HTTP ${status}`);
    return serverMessages((JSON.parse(text) as { messages?: unknown }).messages);
  }
}

/**
 * Not by fetch(): in Node.js 20 the first one of a process waits for its whole timeout when the connection breaks as soon as it is made,
 * which is what happens while a server or a proxy comes back.
 */
function post(url: URL, token: string, body: string): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const headers = {
      authorization: `Bearer ${token}`, "content-type": "application/json", "content-length": Buffer.byteLength(body),
    };
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    const request = send(url, { method: "POST", headers, signal }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => (text += piece));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode, text }));
    });
    request.on("error", (error) => reject(signal.aborted ? new Error(`no answer within ${REQUEST_TIMEOUT_MS} ms`) : error));
    request.end(body);
  });
}
