// A server that speaks the protocol as a test tells it to, and holds every message against the schemas.
import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { WebSocketServer } from "ws";

const protocol = new URL("../../../docs/protocol/", import.meta.url);

export const frames = JSON.parse(readFileSync(new URL("frames/worker-v1.json", protocol)));

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
for (const file of readdirSync(new URL("schemas/worker/", protocol))) {
  ajv.addSchema(JSON.parse(readFileSync(new URL(`schemas/worker/${file}`, protocol))));
}

/** What is wrong with `message` by the schema `name`; "" for nothing. */
export function schemaErrors(name, message) {
  const validate = ajv.getSchema(`https://errand.dev/protocol/worker/v1/${name}.json`);
  return validate(message) ? "" : ajv.errorsText(validate.errors);
}

export const JOB_ID = "0193595e-7a00-7abc-8def-0123456789ab";

export function jobMessage(number, rest = {}) {
  return {
    type: "job", jobId: JOB_ID.slice(0, -2) + String(number).padStart(2, "0"), token: `${number}.AAAAAAAAAAAAAAAAAAAAAA`,
    jobType: "work", queue: "default", tenant: "acme", run: 1, attempt: 1, maxAttempts: 5, arguments: { input: { n: number } },
    leaseMs: 30000, timeoutMs: 60000, priority: 0, tags: [], labels: {}, correlationId: `c-${number}`,
    createdAt: "2026-11-23T20:15:00.000Z", ...rest,
  };
}

/** The connection that a message came by. */
const from = new WeakMap();

export class FakeServer {
  received = [];
  problems = [];
  sockets = [];
  heartbeatMs = 10_000;
  messageBytesMax = 1 << 20;
  /** Answers reports and heartbeats by itself. */
  answering = true;
  /** Answers hello by itself. */
  welcoming = true;
  /** HTTP status for the next handshakes; 0 lets them in. */
  refuseWith = 0;
  /** The subprotocol that it answers with; "" for none. */
  subprotocol = "errand.worker.v1";
  features = [];
  /** WebSocket frames as they came, and bodies of POST /worker/v1/messages. */
  frames = [];
  posts = [];
  /** HTTP status of such a POST; with 200 it is answered. */
  postStatus = 503;
  #waiters = [];

  static async start(port = 0) {
    const server = new FakeServer();
    server.http = createServer((request, response) => server.#post(request, response));
    server.ws = new WebSocketServer({ noServer: true, handleProtocols: () => server.subprotocol || false });
    server.http.on("upgrade", (request, socket, head) => {
      socket.on("error", () => {}); // a client that was refused may reset the connection
      server.authorization = request.headers.authorization;
      server.path = request.url;
      if (server.refuseWith) {
        socket.end(`HTTP/1.1 ${server.refuseWith} No\r\nContent-Length: 6\r\n\r\nreason`);
        return;
      }
      server.ws.handleUpgrade(request, socket, head, (ws) => server.#accept(ws));
    });
    server.http.listen(port, "127.0.0.1");
    await once(server.http, "listening");
    server.port = server.http.address().port;
    server.url = `http://127.0.0.1:${server.port}`;
    return server;
  }

  #accept(ws) {
    this.sockets.push(ws);
    ws.on("message", (data) => {
      const value = JSON.parse(data.toString());
      this.frames.push(value);
      for (const message of Array.isArray(value) ? value : [value]) this.#take(ws, message);
    });
    ws.on("close", (code) => {
      ws.closedWith = code;
      this.#wake();
    });
    this.#wake();
  }

  async #post(request, response) {
    let text = "";
    for await (const piece of request.setEncoding("utf8")) text += piece;
    if (request.url !== "/worker/v1/messages") return response.writeHead(404).end();
    const value = JSON.parse(text);
    const messages = value.messages ?? (Array.isArray(value) ? value : [value]);
    this.posts.push({ messages, authorization: request.headers.authorization });
    const wrong = schemaErrors("messages-request", { messages });
    if (wrong) this.problems.push(`POST ${text}: ${wrong}`);
    const answers = [];
    if (this.postStatus === 200) {
      for (const message of messages) {
        if (message.type === "heartbeat") answers.push(this.heartbeatAck(message));
        else if (message.type !== "progress") answers.push({ type: "ack", ref: message.ref, jobId: message.jobId, token: message.token, status: "OK" });
      }
    }
    response.writeHead(this.postStatus, { "content-type": "application/json" }).end(JSON.stringify({ messages: answers }));
    this.#wake();
  }

  /** What it says to a heartbeat. */
  heartbeatAck = (message) => ({ type: "heartbeat_ack", jobs: message.jobs.map((job) => ({ ...job, state: "RUNNING", leaseMs: 30000 })) });

  #take(ws, message) {
    const wrong = schemaErrors("worker-to-server", message);
    if (wrong) this.problems.push(`${JSON.stringify(message)}: ${wrong}`);
    this.received.push(message);
    from.set(message, ws);
    if (message.type === "hello" && this.welcoming) {
      this.send({
        type: "welcome", workerId: "w-1", server: "errand/test", heartbeatMs: this.heartbeatMs, leaseMs: 30000,
        messageBytesMax: this.messageBytesMax, unknownTypes: [], ...(this.features.length > 0 ? { features: this.features } : {}),
      }, ws);
    }
    if (this.answering) {
      if (message.type === "drain") this.send({ type: "draining" }, ws);
      if (message.type === "heartbeat") this.send(this.heartbeatAck(message), ws);
      if (["complete", "fail", "release", "snooze", "step"].includes(message.type)) this.ack(message);
    }
    this.#wake();
  }

  ack(message, error) {
    const { ref, jobId, token } = message;
    this.send({ type: "ack", ref, jobId, token, status: error ? "REFUSED" : "OK", ...(error ? { error } : {}) }, from.get(message));
  }

  /** Over the newest connection unless told which. */
  send(message, ws = this.sockets.at(-1)) {
    const wrong = schemaErrors("server-to-worker", message);
    if (wrong) this.problems.push(`server: ${JSON.stringify(message)}: ${wrong}`);
    ws.send(JSON.stringify(message));
  }

  /** Cuts the connection without a close frame. */
  cut() {
    this.sockets.at(-1).terminate();
  }

  of(type) {
    return this.received.filter((message) => message.type === type);
  }

  #wake() {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  /** Resolves with what `condition` returns once that is truthy. */
  async until(condition) {
    for (;;) {
      const value = condition(this);
      if (value) return value;
      await new Promise((resolve) => this.#waiters.push(resolve));
    }
  }

  /** Whether `message` came by the connection `ws`. */
  cameBy(message, ws) {
    return from.get(message) === ws;
  }

  async stop() {
    for (const socket of this.sockets) socket.terminate();
    this.http.close();
    this.http.closeAllConnections();
    await once(this.http, "close");
  }
}
