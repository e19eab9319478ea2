// From mutation to result on this machine: starts server and worker, submits one export, follows it. With --crash the
// server is killed in the middle of the job and started again. ./dev demo builds everything and calls this.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const repository = join(here, "..", "..");
const options = { crash: false, errand: join(repository, "build/release/errand"), out: join(repository, "build/demo") };
for (let i = 2; i < process.argv.length; ++i) {
  const name = process.argv[i];
  if (name === "--crash") options.crash = true;
  else if (name === "--errand") options.errand = process.argv[++i];
  else if (name === "--out") options.out = process.argv[++i];
  else {
    console.error(`demo: unknown option ${name}; known are --crash, --errand PROGRAM and --out FOLDER`);
    process.exit(2);
  }
}

const interactive = process.stdin.isTTY && process.stdout.isTTY && !process.env["CI"];
const bold = (text) => (process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text);
const say = (text) => console.log(text);
const folder = mkdtempSync(join(tmpdir(), "errand-demo-"));
const data = join(folder, "data");
const children = new Set();
let stopping = false;

class DemoFailed extends Error {}

/** Starts a program whose output goes to a log file; its end is noted in `exited`. */
function start(name, command, args, env) {
  const log = join(folder, `${name}.log`);
  const child = spawn("/bin/sh", ["-c", 'log=$1; shift; exec "$@" >>"$log" 2>&1', "sh", log, command, ...args], {
    env: { ...process.env, ...env }, detached: true, stdio: "ignore", // Ctrl-C is for us: we stop them in order
  });
  child.label = name;
  child.log = log;
  child.exited = new Promise((resolve) => child.on("exit", (code, signal) => resolve(signal ?? code)));
  child.exited.then(() => children.delete(child));
  children.add(child);
  return child;
}

async function end(child, patience = 10_000) {
  if (!child || !children.has(child)) return;
  child.kill("SIGTERM");
  if ((await Promise.race([child.exited, sleep(patience, "late", { ref: false })])) === "late") {
    child.kill("SIGKILL");
    await child.exited;
  }
}

function lastLines(child) {
  return existsSync(child.log) ? readFileSync(child.log, "utf8").trimEnd().split("\n").slice(-8).join("\n  ") : "";
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().on("error", reject).listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

function errand(args, env) {
  const run = spawnSync(options.errand, args, { encoding: "utf8", env: { ...process.env, ...env } });
  if (run.error) throw new DemoFailed(`${options.errand}: ${run.error.message}; run ./dev build first`);
  if (run.status !== 0) throw new DemoFailed(`errand ${args.slice(0, 2).join(" ")} ended with ${run.status}:\n  ${run.stderr.trim()}`);
  return run.stdout;
}

async function startServer(port) {
  const server = start("server", options.errand, [
    "serve", "--schema", join(here, "schema.graphql"), "--data", data, "--listen", "127.0.0.1", "--port", String(port),
  ]);
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    if (answer?.ok) return server;
    if (!children.has(server)) {
      throw new DemoFailed(`the server ended with ${await server.exited} before it was ready:\n  ${lastLines(server)}`);
    }
    await sleep(50);
  }
}

async function graphql(url, token, query, variables) {
  const answer = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  const body = await answer.json();
  if (body.errors?.length) throw new DemoFailed(body.errors.map((error) => error.message).join("; "));
  return body.data;
}

/** Whether each source file has its compiled form, and that is the younger one. */
function isFresh(place) {
  return readdirSync(join(place, "src")).every((file) => {
    const compiled = join(place, "dist", file.replace(/\.ts$/, ".js"));
    return existsSync(compiled) && statSync(compiled).mtimeMs >= statSync(join(place, "src", file)).mtimeMs;
  });
}

function buildWorker() {
  for (const place of [join(repository, "sdk/typescript"), here]) {
    if (!existsSync(join(place, "node_modules/typescript"))) {
      throw new DemoFailed(`${place} has no node_modules: run ./dev setup`);
    }
    if (isFresh(place)) continue;
    const run = spawnSync(process.execPath, [join(place, "node_modules/typescript/bin/tsc"), "-p", place], { encoding: "utf8" });
    if (run.status !== 0) throw new DemoFailed(`tsc -p ${place}:\n${run.stdout}`);
  }
}

const JOB = `query ($id: ID!) { job(id: $id) {
  status attempt progress { fraction } events(first: 100, types: ["dev.errand.job.succeeded"]) { nodes { type } } } }`;

/** Kills the server once the job has come some way, and starts it again. */
async function crash(state, url, token, id) {
  for (;;) {
    const { job } = await graphql(url, token, "query ($id: ID!) { job(id: $id) { status progress { fraction } } }", { id });
    if ((job.progress?.fraction ?? 0) >= 0.1) break;
    if (!["PENDING", "RUNNING", "SCHEDULED", "RETRYING"].includes(job.status)) {
      throw new DemoFailed(`the job was ${job.status} before the server could be killed`);
    }
    await sleep(20);
  }
  state.server.kill("SIGKILL");
  await state.server.exited;
  say(bold("\n  kill -9: the server is dead. The worker goes on by itself."));
  await sleep(500);
  state.server = await startServer(state.port);
  say(bold("  The server is back on the same data."));
}

async function main() {
  buildWorker();
  mkdirSync(options.out, { recursive: true });
  const state = { port: await freePort() };
  const url = `http://127.0.0.1:${state.port}`;

  state.server = await startServer(state.port);
  const tokens = Object.fromEntries(
    errand(["token", "development", "--data", data]).trim().split("\n").map((line) => line.split(" ")),
  );
  say(`server  ${url}, data in ${data}`);
  const worker = start("worker", process.execPath, [join(here, "dist/worker.js")], {
    ERRAND_URL: url, ERRAND_TOKEN: tokens.worker, INVENTORY_OUT: options.out,
  });
  say("worker  examples/inventory, Node.js " + process.version);

  const input = JSON.stringify({ format: "CSV", groupBy: "SECTION", minSizeKb: 0 });
  const client = { ERRAND_URL: url, ERRAND_TOKEN: tokens.client };
  say(`\n$ errand job submit exportInventory --input '${input}'`);
  const job = JSON.parse(errand(["job", "submit", "exportInventory", "--input", input, "--json"], client));
  say(`${job.id} ${job.status}\n\n$ errand job watch ${job.id}`);

  const watch = spawn(options.errand, ["job", "watch", job.id], { env: { ...process.env, ...client }, stdio: ["ignore", "inherit", "inherit"] });
  watch.label = "errand job watch";
  watch.exited = new Promise((resolve) => watch.on("exit", (code, signal) => resolve(signal ?? code)));
  watch.exited.then(() => children.delete(watch));
  children.add(watch);
  const worked = worker.exited.then((code) => {
    if (!stopping) throw new DemoFailed(`the worker ended with ${code}:\n  ${lastLines(worker)}`);
  });
  await Promise.race([Promise.all([watch.exited, options.crash ? crash(state, url, tokens.client, job.id) : undefined]), worked]);

  const ended = (await graphql(url, tokens.client, JOB, { id: job.id })).job;
  const succeeded = ended.events.nodes.filter((event) => event.type.endsWith(".succeeded")).length;
  if (ended.status !== "SUCCEEDED" || succeeded !== 1 || (options.crash && ended.attempt > 2)) {
    throw new DemoFailed(`the job ended ${ended.status} in attempt ${ended.attempt} with ${succeeded} results`);
  }
  if (options.crash) say(bold(`\nKilled in mid-job, and yet: ${ended.status}, attempt ${ended.attempt}, one result.`));
  say(`\nFiles     ${join(options.out, job.id)}`);
  say(`GraphiQL  ${url}/graphiql#token=${tokens.client}`);
  if (interactive) {
    say("\nServer and worker run on. Press Ctrl-C to stop them.");
    await Promise.race([worked, state.server.exited]);
  }
  await stop(worker, state.server);
}

async function stop(...inOrder) {
  stopping = true;
  for (const child of inOrder) await end(child);
  for (const child of children) await end(child);
  rmSync(folder, { recursive: true, force: true });
}

// Whoever read our output has gone, as in `demo | head`: then nobody wants the demo.
process.stdout.on("error", () => {
  if (!stopping) stop(...[...children].filter((child) => child.label === "worker")).then(() => process.exit(1));
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    if (stopping) return;
    say("\nstopping");
    const [worker] = [...children].filter((child) => child.label === "worker");
    stop(worker).then(() => process.exit(signal === "SIGINT" && interactive ? 0 : 130));
  });
}

main().then(
  () => process.exit(0),
  async (error) => {
    if (stopping) return;
    console.error(`\ndemo: ${error instanceof DemoFailed ? error.message : error.stack}`);
    await stop();
    process.exit(1);
  },
);
