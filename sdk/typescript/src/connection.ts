import WebSocket from "ws";
import { WorkerRefused } from "./errors.js";
import { parseServerMessages, SUBPROTOCOL, type ServerMessage } from "./messages.js";

export interface ConnectionEvents {
  onOpen(): void;
  onMessage(message: ServerMessage): void;
  /** Once, after which nothing comes. `refused` says that connecting again would not help. */
  onClose(why: string, refused: WorkerRefused | undefined): void;
}

/** Close codes after which the same worker would be closed again. */
const FINAL_CODES = new Set([4400, 4403, 4406]);
const CONNECT_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 3_000;

/** The address of the worker endpoint below the server's: http becomes ws, https becomes wss. */
export function endpoint(url: string): URL {
  const result = new URL(url);
  if (result.protocol === "http:") result.protocol = "ws:";
  if (result.protocol === "https:") result.protocol = "wss:";
  if (result.protocol !== "ws:" && result.protocol !== "wss:") {
    throw new TypeError(`url must begin with http:, https:, ws: or wss:, not ${result.protocol}`);
  }
  if (!result.pathname.endsWith("/worker")) {
    result.pathname = result.pathname.replace(/\/*$/, "/worker");
  }
  return result;
}

/** Where messages are posted while there is no WebSocket. */
export function messagesEndpoint(url: URL): URL {
  const result = new URL(url);
  result.protocol = url.protocol === "wss:" ? "https:" : "http:";
  result.pathname = `${url.pathname}/v1/messages`;
  return result;
}

/** One WebSocket to the server, from connecting to closed. */
export class Connection {
  readonly #socket: WebSocket;
  readonly #events: ConnectionEvents;
  #closed = false;
  #lastHeardAt = performance.now();

  constructor(url: URL, token: string, events: ConnectionEvents) {
    this.#events = events;
    this.#socket = new WebSocket(url, [SUBPROTOCOL], {
      headers: { authorization: `Bearer ${token}` },
      handshakeTimeout: CONNECT_TIMEOUT_MS,
      perMessageDeflate: false,
    });
    let failure = "";
    let refused: WorkerRefused | undefined;
    this.#socket.on("upgrade", (response) => {
      // Emitted before `ws` itself refuses the handshake, with an error like any other.
      const chosen = response.headers["sec-websocket-protocol"];
      if (chosen === SUBPROTOCOL) return;
      refused = new WorkerRefused(
        `the server speaks ${chosen === undefined ? "no subprotocol" : `the subprotocol ${JSON.stringify(chosen)}`}, ` +
          `this SDK ${SUBPROTOCOL}: use versions of SDK and server that go together`,
        4406,
      );
    });
    this.#socket.on("open", () => {
      this.#heard();
      events.onOpen();
    });
    this.#socket.on("ping", () => this.#heard());
    this.#socket.on("message", (data, binary) => {
      this.#heard();
      if (binary) return;
      try {
        for (const message of parseServerMessages(data.toString())) {
          if (message.type === "error") failure = `${message.code}: ${message.message}`;
          events.onMessage(message);
        }
      } catch (error) {
        failure = (error as Error).message;
        this.#socket.close(4400, failure.slice(0, 100));
      }
    });
    this.#socket.on("unexpected-response", (request, response) => {
      const status = response.statusCode ?? 0;
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => {
        if (body.length < 2_000) body += piece;
      });
      response.on("end", () => {
        request.destroy();
        this.#finish(`HTTP ${status}`, refusal(status, body));
      });
      response.on("error", () => this.#finish(`HTTP ${status}`, refusal(status, body)));
    });
    this.#socket.on("error", (error: Error & { code?: string }) => {
      failure ||= error.message || error.code || "the connection failed";
    });
    this.#socket.on("close", (code, reason) => {
      const text = refused?.message || failure || reason.toString() || `closed with ${code}`;
      this.#finish(text, refused ?? (FINAL_CODES.has(code) ? new WorkerRefused(text, code) : undefined));
    });
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Milliseconds since the server was heard last. */
  get silence(): number {
    return performance.now() - this.#lastHeardAt;
  }

  /** Sends one frame. What cannot be sent is dropped: what still counts is sent anew after reconnecting. */
  send(frame: string): void {
    if (this.isOpen) this.#socket.send(frame);
  }

  /** Closes in an orderly way, or by force when the server does not answer. */
  close(): void {
    this.#socket.close(1000);
    setTimeout(() => this.#socket.terminate(), CLOSE_TIMEOUT_MS).unref();
  }

  /** Gives the connection up: it is dead already. */
  terminate(): void {
    this.#socket.terminate();
  }

  #heard(): void {
    this.#lastHeardAt = performance.now();
  }

  #finish(why: string, refused: WorkerRefused | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#events.onClose(why, refused);
  }
}

function refusal(status: number, body: string): WorkerRefused | undefined {
  if (status === 429 || status >= 500 || status < 400) return undefined;
  const meaning =
    status === 401
      ? "the server does not know this token"
      : status === 403
        ? "the token is not for a worker"
        : status === 404
          ? "there is no Errand server at this address"
          : "the server refused the connection";
  const text = body.trim();
  return new WorkerRefused(`${meaning} (HTTP ${status}${text ? `: ${text.slice(0, 300)}` : ""})`, status);
}
