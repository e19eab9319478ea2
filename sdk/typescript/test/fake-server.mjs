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

export class FakeServer {
  received = [];
  problems = [];
  sockets = [];
  heartbeatMs = 10_000;
  messageBytesMax = 1 << 20;
  /** Answers reports and heartbeats by itself. */
  answering = true;
  /** HTTP status for the next handshakes; 0 lets them in. */
  refuseWith = 0;
  #waiters = [];

  static async start(port = 0) {
    const server = new FakeServer();
    server.http = createServer((request, response) => response.writeHead(404).end());
    server.ws = new WebSocketServer({ noServer: true, handleProtocols: (offered) => offered.has("errand.worker.v1") && "errand.worker.v1" });
    server.http.on("upgrade", (request, socket, head) => {
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
      for (const message of Array.isArray(value) ? value : [value]) this.#take(ws, message);
    });
    this.#wake();
  }

  #take(ws, message) {
    const wrong = schemaErrors("worker-to-server", message);
    if (wrong) this.problems.push(`${JSON.stringify(message)}: ${wrong}`);
    this.received.push(message);
    if (message.type === "hello") {
      this.send({
        type: "welcome", workerId: "w-1", server: "errand/test", heartbeatMs: this.heartbeatMs, leaseMs: 30000,
        messageBytesMax: this.messageBytesMax, unknownTypes: [],
      });
    }
    if (this.answering) {
      if (message.type === "drain") this.send({ type: "draining" });
      if (message.type === "heartbeat") {
        this.send({ type: "heartbeat_ack", jobs: message.jobs.map((job) => ({ ...job, state: "RUNNING", leaseMs: 30000 })) });
      }
      if (["complete", "fail", "release", "snooze"].includes(message.type)) this.ack(message);
    }
    this.#wake();
  }

  ack({ ref, jobId, token }, error) {
    this.send({ type: "ack", ref, jobId, token, status: error ? "REFUSED" : "OK", ...(error ? { error } : {}) });
  }

  send(message) {
    const wrong = schemaErrors("server-to-worker", message);
    if (wrong) this.problems.push(`server: ${JSON.stringify(message)}: ${wrong}`);
    this.sockets.at(-1).send(JSON.stringify(message));
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

  async stop() {
    for (const socket of this.sockets) socket.terminate();
    this.http.close();
    await once(this.http, "close");
  }
}
