// From mutation to result on this machine: starts server and worker, submits one export, follows it. With --crash the
// server is killed in the middle of the job and started again. ./dev demo builds everything and calls this.
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { compile, DemoFailed, freePort, graphql, Programs, repository } from "../support/demo.mjs";

const here = dirname(fileURLToPath(import.meta.url));
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
const programs = new Programs(options.errand);
let stopping = false;

const startServer = (port) => programs.startServer(port, ["--schema", join(here, "schema.graphql")]);

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
  compile(join(repository, "sdk/typescript"), here);
  mkdirSync(options.out, { recursive: true });
  const state = { port: await freePort() };
  const url = `http://127.0.0.1:${state.port}`;

  state.server = await startServer(state.port);
  const tokens = programs.tokens();
  say(`server  ${url}, data in ${programs.data}`);
  const worker = programs.start("worker", process.execPath, [join(here, "dist/worker.js")], {
    ERRAND_URL: url, ERRAND_TOKEN: tokens.worker, INVENTORY_OUT: options.out,
  });
  say("worker  examples/inventory, Node.js " + process.version);

  const input = JSON.stringify({ format: "CSV", groupBy: "SECTION", minSizeKb: 0 });
  const client = { ERRAND_URL: url, ERRAND_TOKEN: tokens.client };
  say(`\n$ errand job submit exportInventory --input '${input}'`);
  const job = JSON.parse(programs.errand(["job", "submit", "exportInventory", "--input", input, "--json"], client));
  say(`${job.id} ${job.status}\n\n$ errand job watch ${job.id}`);

  const watch = programs.watch("errand job watch",
    spawn(options.errand, ["job", "watch", job.id], { env: { ...process.env, ...client }, stdio: ["ignore", "inherit", "inherit"] }));
  const worked = worker.exited.then((code) => {
    if (!stopping) throw new DemoFailed(`the worker ended with ${code}:\n  ${programs.lastLines(worker)}`);
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
  await programs.stop(...inOrder);
}

// Whoever read our output has gone, as in `demo | head`: then nobody wants the demo.
process.stdout.on("error", () => {
  if (!stopping) stop(programs.find("worker")).then(() => process.exit(1));
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    if (stopping) return;
    say("\nstopping");
    stop(programs.find("worker")).then(() => process.exit(signal === "SIGINT" && interactive ? 0 : 130));
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
