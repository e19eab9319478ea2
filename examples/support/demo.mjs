// What the examples' demos share: programs with their output in log files, ended in order, whatever happens; a server of Errand
// on data of its own; TypeScript that is compiled where it is stale.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export const repository = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** What went wrong is said by the message alone. */
export class DemoFailed extends Error {}

export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().on("error", reject).listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Whether each source file has its compiled form, and that is the younger one. */
function isFresh(place) {
  return readdirSync(join(place, "src")).every((file) => {
    const compiled = join(place, "dist", file.replace(/\.ts$/, ".js"));
    return existsSync(compiled) && statSync(compiled).mtimeMs >= statSync(join(place, "src", file)).mtimeMs;
  });
}

/** Compiles the npm packages in these folders, each after the ones it needs. */
export function compile(...places) {
  for (const place of places) {
    if (!existsSync(join(place, "node_modules/typescript"))) throw new DemoFailed(`${place} has no node_modules: run ./dev setup`);
    if (isFresh(place)) continue;
    const run = spawnSync(process.execPath, [join(place, "node_modules/typescript/bin/tsc"), "-p", place], { encoding: "utf8" });
    if (run.status !== 0) throw new DemoFailed(`tsc -p ${place}:\n${run.stdout}`);
  }
}

export async function graphql(url, token, query, variables) {
  const answer = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  const body = await answer.json();
  if (body.errors?.length) throw new DemoFailed(body.errors.map((error) => error.message).join("; "));
  return body.data;
}

/** The programs of a demo, and a folder for their data and logs. */
export class Programs {
  children = new Set();

  /** @param program  errand */
  constructor(program) {
    this.program = program;
    this.folder = mkdtempSync(join(tmpdir(), "errand-demo-"));
    this.data = join(this.folder, "data");
  }

  /** Starts a program whose output goes to a log file; its end is noted in `exited`. */
  start(name, command, args, env = {}) {
    const log = join(this.folder, `${name}.log`);
    return this.watch(name, spawn("/bin/sh", ["-c", 'log=$1; shift; exec "$@" >>"$log" 2>&1', "sh", log, command, ...args], {
      env: { ...process.env, ...env }, detached: true, stdio: "ignore", // Ctrl-C is for us: we stop them in order
    }), log);
  }

  /** Takes in a program that somebody else started. */
  watch(name, child, log) {
    child.label = name;
    child.log = log;
    child.exited = new Promise((resolve) => child.on("exit", (code, signal) => resolve(signal ?? code)));
    child.exited.then(() => this.children.delete(child));
    this.children.add(child);
    return child;
  }

  find(name) {
    return [...this.children].find((child) => child.label === name);
  }

  runs(child) {
    return this.children.has(child);
  }

  /** What it printed last. */
  lastLines(child) {
    return existsSync(child.log) ? readFileSync(child.log, "utf8").trimEnd().split("\n").slice(-8).join("\n  ") : "";
  }

  /** Runs errand to its end. @return what it prints */
  errand(args, env = {}) {
    const run = spawnSync(this.program, args, { encoding: "utf8", env: { ...process.env, ...env } });
    if (run.error) throw new DemoFailed(`${this.program}: ${run.error.message}; run ./dev build first`);
    if (run.status !== 0) throw new DemoFailed(`errand ${args.slice(0, 2).join(" ")} ended with ${run.status}:\n  ${run.stderr.trim()}`);
    return run.stdout;
  }

  /** Starts `errand serve` and waits until it is ready. */
  async startServer(port, args) {
    const server = this.start("server", this.program, ["serve", "--data", this.data, "--listen", "127.0.0.1", "--port", String(port), ...args]);
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
      if (answer?.ok) return server;
      if (!this.runs(server)) {
        throw new DemoFailed(`the server ended with ${await server.exited} before it was ready:\n  ${this.lastLines(server)}`);
      }
      await sleep(50);
    }
  }

  /** @return {client, worker}: the tokens of a server in development mode */
  tokens() {
    return Object.fromEntries(this.errand(["token", "development", "--data", this.data]).trim().split("\n").map((line) => line.split(" ")));
  }

  async end(child, patience = 10_000) {
    if (!child || !this.children.has(child)) return;
    child.kill("SIGTERM");
    if ((await Promise.race([child.exited, sleep(patience, "late", { ref: false })])) === "late") {
      child.kill("SIGKILL");
      await child.exited;
    }
  }

  /** Ends these in order, then all others, and removes the folder. */
  async stop(...inOrder) {
    for (const child of inOrder) await this.end(child);
    for (const child of this.children) await this.end(child);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
