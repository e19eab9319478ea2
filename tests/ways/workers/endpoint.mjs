// The scripted handler of ../README.md as an endpoint that jobs are pushed to. Each request is verified by npm's standardwebhooks before it
// is looked at.
//
// What a response can say is said by responses: 200, 206 after progress, 422, 500 and 503. Scripts with operations that take more than a request
// (they need to hear of a cancel, give the job back, or report a thousand times) are accepted with 202 and finished by callback token.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { setTimeout as pause } from "node:timers/promises";
import { failureOf, operationsOf, outcomeOf, perform } from "../script.mjs";

const require = createRequire(new URL("../../e2e/package.json", import.meta.url));
const { Webhook } = require("standardwebhooks");

const BY_CALLBACK = new Set(["flood", "stubborn", "untilStopped", "release", "snooze"]);
const AGAIN_MS = 200;

export class Endpoint {
  /** What it got, by job: the number of requests. */
  requests = new Map();
  faults = [];
  #taken = new Map(); // by path: who wants the next requests for themselves
  #givenBack = new Set();

  static async listen() {
    const endpoint = new Endpoint();
    endpoint.http = createServer((request, response) => {
      endpoint.#answer(request, response).catch((error) => {
        endpoint.faults.push(error.stack);
        response.destroy();
      });
    });
    await new Promise((resolve) => endpoint.http.listen(0, "127.0.0.1", resolve));
    endpoint.port = endpoint.http.address().port;
    endpoint.url = `http://127.0.0.1:${endpoint.port}`;
    return endpoint;
  }

  /** The next request to this path is the caller's: resolves with `{message, answer(status, body), breakOff()}`. */
  take(path) {
    return new Promise((resolve) => this.#taken.set(path, [...(this.#taken.get(path) ?? []), resolve]));
  }

  close() {
    this.closed = true;
    this.http.closeAllConnections();
    this.http.close();
  }

  async #answer(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const receivedAt = performance.now();
    const answer = (status, value, headers = {}) => {
      if (response.destroyed) return;
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(value === undefined ? "" : JSON.stringify(value));
    };
    try {
      new Webhook(this.secret).verify(body, request.headers);
    } catch (error) {
      this.faults.push(`a request whose signature is not good: ${error.message}`);
      return answer(401, { message: "the signature is not good" });
    }
    const message = JSON.parse(body);
    this.requests.set(message.jobId, (this.requests.get(message.jobId) ?? 0) + 1);
    if (request.headers["idempotency-key"] !== `"${request.headers["webhook-id"]}"`) this.faults.push("the keys of a request differ");
    if ((request.headers.traceparent ?? null) !== (message.traceparent ?? null)) this.faults.push("the traceparents of a request differ");
    const wanted = this.#taken.get(request.url)?.shift();
    if (wanted) return wanted({ message, answer, breakOff: () => {
      // Within the response: a connection that ends before it looks as if it had been closed while it was idle, and then HTTP clients ask again.
      response.writeHead(200, { "content-length": 100 });
      response.write("{", () => response.destroy());
    } });

    const closed = new AbortController();
    response.on("close", () => closed.abort());
    const operations = operationsOf(message);
    if (operations.some(({ do: operation }) => BY_CALLBACK.has(operation))) {
      answer(202);
      return this.#finishLater(message, receivedAt);
    }
    for (let at = message.state?.at ?? 0; at < operations.length; at += 1) {
      const { do: operation, ...its } = operations[at];
      if (operation === "progress") return answer(206, { progress: its, state: { at: at + 1 }, callAgainMs: 0, unheardOf: true });
      if (operation === "sleep") {
        const gone = await pause(its.ms, false, { signal: closed.signal }).catch(() => true);
        if (gone) return; // the request was broken off: the job is to stop
      } else if (operation === "return") {
        return answer(200, its.value);
      } else if (operation === "big") {
        return answer(200, outcomeOf(message, receivedAt, undefined, "x".repeat(its.bytes)));
      } else {
        const { error } = failureOf({ do: operation, ...its }).report;
        const { kind, ...told } = error;
        const status = kind === "PERMANENT" ? 422 : operation === "crash" ? 500 : 503;
        return answer(status, told, its.retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(its.retryAfterMs / 1000)) });
      }
    }
    answer(200, outcomeOf(message, receivedAt));
  }

  // --- by callback token

  async #finishLater(message, receivedAt) {
    const abort = new AbortController();
    let lost = false;
    const beat = setInterval(() => {
      this.report(message, { type: "heartbeat" }).then(([{ jobs }]) => {
        const [{ state, reason }] = jobs;
        if (state === "RUNNING") return;
        lost ||= state !== "CANCELING";
        abort.abort(reason ?? state);
      }, () => {});
    }, message.leaseMs / 4);
    let flushing = Promise.resolve();
    let progress;
    const report = await perform({
      message, receivedAt, signal: abort.signal,
      progress: (its) => {
        progress = { type: "progress", ...its };
        flushing = flushing.then(async () => {
          const next = progress;
          progress = undefined;
          if (next) await this.report(message, next).catch(() => {});
        });
      },
    }, this.#givenBack);
    await flushing;
    // Until it is acknowledged. A token whose attempt is over is refused, as is everything after that.
    for (; !lost && !this.closed; await pause(AGAIN_MS)) {
      try {
        const [ack] = await this.report(message, report);
        if (!ack.error?.retryable) break;
      } catch (error) {
        if (error.refused) break;
      }
    }
    clearInterval(beat);
  }

  /** Reports about the job. */
  report(message, report) {
    const { jobId, token } = message;
    return this.post(message, [report.type === "heartbeat" ? { ...report, jobs: [{ jobId, token }] } : { jobId, token, ...report }]);
  }

  /** Posts these messages, with the job's callback token. */
  async post(message, messages) {
    const answer = await fetch(`${this.serverUrl}/worker/v1/messages`, {
      method: "POST", headers: { authorization: `Bearer ${message.callback.token}`, "content-type": "application/json" },
      body: JSON.stringify(messages),
    });
    const text = await answer.text();
    if (answer.status !== 200) throw Object.assign(new Error(`${answer.status}: ${text}`), { refused: answer.status < 500 });
    return JSON.parse(text).messages;
  }
}

