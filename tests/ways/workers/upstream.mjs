// The scripted handler of ../README.md as a mutation of an existing GraphQL server (npm's graphql-yoga), which knows nothing of jobs but the
// headers that it gets. A GraphQL response is said once: it tells of no progress and gives no job back.
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { failureOf, operationsOf, outcomeOf } from "../script.mjs";

const require = createRequire(new URL("../../e2e/package.json", import.meta.url));
const { createGraphQLError, createSchema, createYoga } = require("graphql-yoga");

/** Weaker than the schema of the arena, so that what does not fit that one gets there. */
const typeDefs = (mutations) => `
  input PerformInput { script: String!  padding: String }
  type Outcome {
    text: String  attempt: Int  stopped: String  timeLeftMs: Float  traceparent: String  correlationId: String  bytes: Int  worker: String
  }
  type Query { hello: String }
  type Mutation {
    ${mutations.map((name) => `${name}(input: PerformInput!): Outcome`).join("\n    ")}
  }`;

const sleep = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), reject(new Error("the request was broken off"))), { once: true });
  });

export class Upstream {
  faults = [];
  #begun = new Map(); // by job: resolves with its request's socket
  #waiting = new Map();

  static async listen(mutations) {
    const upstream = new Upstream();
    const resolve = (_, { input }, { request, req }) => upstream.#perform(input, request, req);
    const schema = createSchema({
      typeDefs: typeDefs(mutations),
      resolvers: { Mutation: Object.fromEntries(mutations.map((name) => [name, resolve])) },
    });
    const yoga = createYoga({ schema, logging: false, parserAndValidationCache: true });
    upstream.http = createServer({ maxHeaderSize: 64 << 10 }, yoga).listen(0, "127.0.0.1");
    await once(upstream.http, "listening");
    upstream.port = upstream.http.address().port;
    upstream.url = `http://127.0.0.1:${upstream.port}/graphql`;
    return upstream;
  }

  close() {
    this.http.closeAllConnections();
    this.http.close();
  }

  /** A request for this job has come. */
  begun(job) {
    if (this.#begun.has(job)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.set(job, resolve));
  }

  /** Ends the connection of the job's request, without an answer. */
  cut(job) {
    this.#begun.get(job).destroy();
  }

  async #perform(input, request, req) {
    const receivedAt = performance.now();
    const header = (name) => request.headers.get(name);
    const [, job] = header("idempotency-key")?.match(/^"(.{36})-r1"$/) ?? [];
    if (!job) this.faults.push(`a request with the key ${header("idempotency-key")}`);
    const message = {
      jobId: job, arguments: { input }, attempt: Number(header("x-errand-attempt")), timeoutMs: Number(header("x-errand-timeout-ms")),
      traceparent: header("traceparent"), correlationId: header("x-correlation-id"),
    };
    this.#begun.set(job, req.socket);
    this.#waiting.get(job)?.();
    const gone = new AbortController();
    req.socket.once("close", () => gone.abort());
    for (const { do: operation, ...its } of operationsOf(message)) {
      if (operation === "progress") continue;
      if (operation === "sleep") await sleep(its.ms, gone.signal);
      else if (operation === "stubborn") await sleep(its.ms);
      else if (operation === "untilStopped") await sleep(600_000, gone.signal);
      else if (operation === "return") return its.value;
      else if (operation === "big") return outcomeOf(message, receivedAt, undefined, "x".repeat(its.bytes));
      else if (operation === "crash") throw new Error("scripted");
      else {
        const { message: text, kind, ...extensions } = failureOf({ do: operation, ...its }).report.error;
        throw createGraphQLError(text, { extensions: { ...extensions, http: kind === "TRANSIENT" ? { status: 503 } : undefined } });
      }
    }
    return outcomeOf(message, receivedAt);
  }
}
