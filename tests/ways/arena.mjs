// Where scenarios take place: a server with a schema of a mutation for each scenario, everyone's tokens, a reader of its event log, and
// the worker processes of one way.
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { follow } from "../e2e/support/event_log.mjs";
import { binary, environment } from "../e2e/support/server.mjs";
import { WorkerProcess, start } from "./processes.mjs";
import { Endpoint } from "./workers/endpoint.mjs";
import { Upstream } from "./workers/upstream.mjs";

/** Long enough for machines that are busy with other things; ERRAND_WAYS_LEASE_MS is for slower ones. */
export const LEASE_MS = Number(process.env.ERRAND_WAYS_LEASE_MS ?? 5_000);
/** Between the longest result that the server takes and the longest message there are 64 KiB. */
export const RESULT_BYTES_MAX = 256 << 10;
const PREFIX = "dev.errand.job.";
const TERMINAL = ["succeeded", "canceled", "killed", "expired", "dead_lettered"];

const typeName = (field) => field[0].toUpperCase() + field.slice(1);
const OUTCOME = "text attempt stopped timeLeftMs traceparent correlationId bytes worker";
/** Each type with the arguments that its job and its handler have. */
const typesOf = (scenarios) => scenarios.flatMap(({ id, types = {}, job = "", hosted = "" }) => {
  const all = Object.keys(types).length > 0 ? types : { "": job };
  return Object.entries(all).map(([suffix, its]) => ({ name: id + suffix, its, hosted }));
});
/** As the workers of the SDKs here are told what to do (README.md). */
const byVariables = (_arena, { url, token, types, slots, name, queues, selectors, labels }) => ({
  environment: {
    ERRAND_URL: url, ERRAND_TOKEN: token, ERRAND_TYPES: types.join(","), ERRAND_SLOTS: String(slots),
    ...(name && { ERRAND_WORKER_NAME: name }), ...(queues && { ERRAND_QUEUES: queues.join(",") }),
    ...(selectors && { ERRAND_SELECTORS: JSON.stringify(selectors) }), ...(labels && { ERRAND_LABELS: JSON.stringify(labels) }),
  },
});

/** @param handler for a mutation's name and further arguments, where the schema says what runs the jobs */
function schemaOf(scenarios, handler) {
  const fields = typesOf(scenarios).map(({ name, its, hosted }) => {
    const settings = [`queue: "${name}"`, ...(its ? [its] : []), ...(handler ? [handler(name, hosted)] : [])];
    return `  ${name}(input: PerformInput!): Outcome! @job(${settings.join(", ")})`;
  });
  return `
input PerformInput { script: String!  padding: String }
type Outcome {
  text: String!  attempt: Int  stopped: String  timeLeftMs: Float  traceparent: String  correlationId: String  bytes: Int  worker: String
}
type Mutation {
${fields.join("\n")}
}
`;
}

export class Arena {
  #histories = new Map(); // by job: its events in order
  #waiting = new Set();
  #following = new AbortController();
  messageBytesMax = RESULT_BYTES_MAX + (64 << 10);
  workers = [];
  faults = [];
  /** The log's events of all jobs in their order. */
  order = [];

  /** `clock`: with a clock that is put forward, in development mode. */
  static async open(way, scenarios, { clock = false, leaseMs = LEASE_MS, keep = false } = {}) {
    const arena = new Arena();
    arena.way = way;
    arena.keep = keep;
    arena.leaseMs = leaseMs;
    arena.folder = mkdtempSync(join(tmpdir(), "errand-ways-"));
    if (way.endpoint) arena.endpoint = await Endpoint.listen();
    if (way.upstream) arena.upstream = await Upstream.listen(typesOf(scenarios).map(({ name }) => name));
    way.prepare?.(arena);
    writeFileSync(join(arena.folder, "schema.graphql"),
      schemaOf(scenarios, way.handler && ((name, its) => `handler: ${way.handler(arena, name, its)}`)));
    writeFileSync(join(arena.folder, "errand.toml"), `
[worker]
lease = "${leaseMs}ms"
result_bytes_max = ${RESULT_BYTES_MAX}
[server]
body_bytes_max = 4194304
drain_timeout = "30s"
[outbound]
allow = ["127.0.0.1"]
http = "on"
ports = ["${(arena.endpoint ?? arena.upstream)?.port ?? 443}"]
[sandbox]
user = "${process.getuid() === 0 ? "nobody" : ""}"
run_by = "${way.command ? "worker" : "server"}"
`);
    const flags = clock ? ["--test-clock"] : ["--credentials", arena.#makeCredentials()];
    arena.program = way.serve?.(typesOf(scenarios)) ?? { command: [binary, "serve"] };
    arena.args = ["--config", join(arena.folder, "errand.toml"), "--schema", join(arena.folder, "schema.graphql"),
      "--data", join(arena.folder, "data"), "--log-format", "json", "--log-level", "debug", "--json", ...flags];
    arena.log = [];
    arena.port = 0;
    await arena.start();
    if (arena.endpoint) {
      arena.endpoint.secret = execFileSync(binary, ["push", "secret", arena.endpoint.url, "--data", join(arena.folder, "data")],
        { encoding: "utf8", env: environment }).trim();
      arena.endpoint.serverUrl = arena.url;
    }
    await arena.#follow();
    return arena;
  }

  #makeCredentials() {
    this.tokens = {};
    let toml = "";
    const give = (name, tenant, scopes, more = "") => {
      const token = `ert_${randomBytes(32).toString("base64url")}`;
      this.tokens[name] = token;
      const digest = createHash("sha256").update(token).digest("hex");
      toml += `[[credential]]\ntoken_sha256 = "${digest}"\nsubject = "${name}"\ntenant = "${tenant}"\nscopes = ${JSON.stringify(scopes)}\n${more}\n`;
    };
    give("client", "acme", ["jobs:*", "workers:*", "queues:*"]);
    give("worker", "acme", ["worker"]);
    give("narrow", "acme", ["worker"], 'queues = ["elsewhere"]\n');
    give("stranger", "bolt", ["worker"]);
    const file = join(this.folder, "credentials.toml");
    writeFileSync(file, toml, { mode: 0o600 });
    return file;
  }

  // --- the server

  async start() {
    const { command: [program, ...first], environment: more } = this.program;
    this.server = start(program, [...first, ...this.args, "--port", String(this.port)], {
      env: { ...environment, ...more }, stdio: ["ignore", "pipe", "pipe"],
    });
    const server = this.server;
    server.ended = new Promise((resolve) => server.once("exit", (code, signal) => resolve({ code, signal })));
    createInterface({ input: server.stderr }).on("line", (line) => this.log.push(line));
    const line = await Promise.race([
      new Promise((resolve) => createInterface({ input: server.stdout }).once("line", resolve)),
      server.ended.then(() => null),
    ]);
    if (line === null) {
      // A worker that looks for the server may have been given its port for a moment.
      if (this.port !== 0 && this.log.some((line) => line.includes("ADDRESS_IN_USE"))) {
        this.log = this.log.filter((line) => !line.includes("ADDRESS_IN_USE"));
        await pause(20);
        return this.start();
      }
      throw new Error(`the server did not start:\n${this.log.join("\n")}`);
    }
    const summary = JSON.parse(line);
    this.url = summary.url;
    this.port = summary.port ?? Number(new URL(summary.url).port);
    this.tokens ??= summary.tokens;
  }

  async kill(signal) {
    this.server.kill(signal);
    return this.server.ended;
  }

  async close() {
    await Promise.all(this.workers.map((worker) => worker.kill()));
    this.#following.abort();
    this.endpoint?.close();
    this.upstream?.close();
    const end = await this.kill("SIGTERM");
    if (!this.keep) rmSync(this.folder, { recursive: true, force: true });
    return end;
  }

  async post(path, body, token = this.tokens.client, headers = {}) {
    const answer = await fetch(`${this.url}${path}`, {
      method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", authorization: `Bearer ${token}`, ...headers },
    });
    const text = await answer.text();
    return { status: answer.status, body: text.startsWith("{") ? JSON.parse(text) : text };
  }

  async graphql(query, variables, headers) {
    const { body } = await this.post("/graphql", { query, variables }, undefined, headers);
    if (!body.data || body.errors) throw new Error(`${query}: ${JSON.stringify(body)}`);
    return body.data;
  }

  async submit(type, script, { padding, headers, ...options } = {}) {
    const { made } = await this.graphql(
      `mutation ($input: PerformInput!, $options: JobOptions) { made: ${type}(input: $input, options: $options) { id } }`,
      { input: { script: JSON.stringify(script), padding }, options }, headers);
    return made.id;
  }

  /** The job with its result and what became of it. */
  async job(type, id) {
    const { job } = await this.graphql(`query ($id: ID!) { job(id: $id) {
      status attempt run error { code message details remediation retryable } progress { completed total stage message } whyWaiting { __typename }
      ... on ${typeName(type)}Job { result { ${OUTCOME} } } } }`, { id });
    return { ...job, id, history: this.types(id) };
  }

  async staleReports() {
    const answer = await fetch(`${this.url}/metrics`, { headers: { authorization: `Bearer ${this.tokens.client}` } });
    return Number((await answer.text()).match(/^errand_stale_reports_total (\d+)/m)?.[1] ?? 0);
  }

  async advance(by) {
    const { status, body } = await this.post("/test/clock", { advance: by });
    if (status !== 200) throw new Error(JSON.stringify(body));
  }

  // --- the event log, over restarts of the server

  /** Resolves once the log is read. */
  #follow() {
    return new Promise((opened) => void follow({
      address: () => this.url, token: this.tokens.client, fields: "cursor jobId sequence type time data", signal: this.#following.signal, opened,
      hear: (event) => this.#hear(event),
      told: (errors) => this.faults.push(`the event log: ${JSON.stringify(errors)}`),
      broken: ({ message }) => {
        if (this.server.exitCode === null && !/terminated|fetch failed/.test(message)) this.faults.push(`the event log: ${message}`);
      },
    }));
  }

  #hear({ jobId, sequence, type, time, data }) {
    const history = this.#histories.get(jobId) ?? [];
    if (sequence !== history.length + 1) this.faults.push(`job ${jobId}: event ${sequence} came after ${history.length} events`);
    history.push({ type: type.slice(PREFIX.length), time: Date.parse(time), data });
    this.#histories.set(jobId, history);
    this.order.push({ id: jobId, type: history.at(-1).type });
    for (const waiter of [...this.#waiting]) waiter();
  }

  history(id) {
    return this.#histories.get(id) ?? [];
  }

  types(id) {
    return this.history(id).map(({ type }) => type);
  }

  /** The history of the job once `condition` holds for it. */
  async until(id, condition) {
    const ask = typeof condition === "function" ? condition : (history) => history.some(({ type }) => type === condition);
    if (!ask(this.history(id))) {
      await new Promise((resolve) => {
        const waiter = () => {
          if (!ask(this.history(id))) return;
          this.#waiting.delete(waiter);
          resolve();
        };
        this.#waiting.add(waiter);
      });
    }
    return this.history(id);
  }

  ended(id) {
    return this.until(id, (history) => TERMINAL.includes(history.at(-1)?.type));
  }

  // --- workers

  /** Starts the way's program for these mutations. */
  work(types, { url = this.url, token = this.tokens.worker, name, slots = 1, queues, selectors, labels } = {}) {
    const { command, environment: more = {}, told = byVariables } = this.way;
    const { flags = [], environment: its } = told(this, { url, token, types, slots, name, queues, selectors, labels });
    const worker = new WorkerProcess([...command, ...flags], { ...environment, ...more, ...its });
    this.workers.push(worker);
    return worker;
  }
}
