// What the tests share in which the server is killed: a server on the same data and port, requests that outlive it, and the
// check of the store that it leaves behind.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const silent = { debug() {}, info() {}, warn() {}, error() {} };
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// What is drawn comes from a seed, so that a failure can be told apart from another; what happens at that moment still varies.
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A new token, which `program` writes into the file `credentials`. */
export function makeToken(program, credentials, tenant, subject, scope) {
  return execFileSync(program, ["token", "create", "--subject", subject, "--tenant", tenant, "--scope", scope, "--append", credentials],
    { encoding: "utf8" }).trim();
}

/** A server that can be killed and started again on the same data and port. Its schema is `folder`/schema.graphql. */
export class MortalServer {
  constructor(program, folder, flags = [], environment = {}) {
    this.program = program;
    this.data = join(folder, "data");
    this.log = join(folder, "server.log");
    this.flags = ["serve", "--json", "--schema", join(folder, "schema.graphql"), "--data", this.data, ...flags];
    const others = Object.entries(process.env).filter(([name]) => !name.startsWith("ERRAND_"));
    this.environment = { ...Object.fromEntries(others), ...environment };
    this.port = 0;
    this.#close();
  }

  /** Resolves while the server listens. */
  get listens() {
    return this.#listens;
  }

  #listens;
  #open;
  #close() {
    if (this.#open) return; // those who wait go on waiting
    this.#listens = new Promise((resolve) => (this.#open = resolve));
  }

  /** @return what the server prints at its start, or null if it ended before it listened. */
  async launch(environment = {}) {
    for (let again = 50; ; again -= 1) {
      const out = openSync(this.log, "w");
      this.process = spawn(this.program, [...this.flags, "--port", String(this.port)],
        { stdio: ["ignore", "pipe", out], env: { ...this.environment, ...environment } });
      closeSync(out);
      this.exited = new Promise((resolve) => this.process.on("exit", (code, signal) => resolve({ code, signal })));
      void this.exited.then(() => this.#close());
      const line = await Promise.race([
        new Promise((resolve) => createInterface({ input: this.process.stdout }).once("line", resolve)),
        this.exited.then(() => null),
      ]);
      if (line !== null) {
        const summary = JSON.parse(line);
        this.port = summary.port;
        this.url = summary.url;
        if (this.process.exitCode === null && this.process.signalCode === null) {
          this.#open();
          this.#open = undefined;
        }
        return summary;
      }
      // A client that looks for the dead server may have been given its port.
      if (again === 0 || !this.said().includes("ADDRESS_IN_USE")) return null;
      await pause(20);
    }
  }

  async start(environment = {}) {
    const summary = await this.launch(environment);
    if (summary === null) throw new Error(`the server did not start:\n${this.said()}`);
    return summary;
  }

  /** What it wrote to its log since it was started. */
  said() {
    return readFileSync(this.log, "utf8");
  }

  async kill() {
    this.process.kill("SIGKILL");
    await this.exited;
  }

  async stop() {
    this.process.kill("SIGTERM");
    return this.exited;
  }

  get runs() {
    return this.process !== undefined && this.process.exitCode === null && this.process.signalCode === null;
  }
}

/** One request with a JSON body; throws where no answer came, for the caller to try again. */
export async function post(server, token, path, body) {
  const response = await fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  return response.json();
}

export const graphql = (server, token, query, variables) => post(server, token, "/graphql", { query, variables });

/** Asks again, over the server's deaths, until there is an answer that a repetition would not change. */
export async function untilAnswered(server, attempt) {
  for (const begin = Date.now(); ; await pause(20)) {
    await server.listens;
    try {
      const answer = await attempt();
      const code = answer.errors?.[0]?.extensions?.code ?? answer.error?.code;
      if (code !== "UNAVAILABLE") return answer;
    } catch (error) {
      if (Date.now() - begin > 60_000) throw error;
    }
  }
}

/** Runs `task` for each item, `width` at a time. */
export async function each(items, width, task) {
  const rest = items[Symbol.iterator]();
  await Promise.all(Array.from({ length: width }, async () => {
    for (const item of rest) await task(item);
  }));
}

/** Holds the store of a server that has ended against the invariants, and against the ids that clients were told. */
export function verify(program, server, ids) {
  const { status, stdout, stderr } =
    spawnSync(program, [join(server.data, "errand.db")], { input: [...ids].join("\n"), encoding: "utf8", maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`the store is not sound:\n${stdout}${stderr}`);
  return JSON.parse(stdout);
}
