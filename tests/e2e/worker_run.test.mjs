// `errand worker run`: commands of @job(handler: {command:}) outside of the server. What becomes of jobs is held against all ways in
// tests/ways; here is what its user meets.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { data, poll } from "./support/clients.mjs";
import { binary, environment, Server } from "./support/server.mjs";

// Without namespaces, so that it runs wherever the tests do.
const command = (script, more = "") =>
  `@job(maxAttempts: 2, handler: {command: ["/bin/sh", "-c", ${JSON.stringify(script)}], sandbox: {profile: NONE, network: true ${more}}})`;
const user = process.getuid() === 0 ? ["--sandbox-user", "nobody"] : [];
const workers = [];
let folder;
let schema;
let server;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "errand-worker-run-"));
  schema = join(folder, "schema.graphql");
  await writeFile(schema, `
    type Mutation {
      add(a: Int!, b: Int!): Int ${command(String.raw`jq -c '{result: (.arguments.a + .arguments.b)}'`, ", concurrency: 3")}
      hold: Int ${command(String.raw`trap '' TERM; echo '{"progress": {"stage": "begun"}}'; while :; do sleep 0.05; done`)}
      hand: Int ${command(String.raw`echo '{"progress": {"stage": "begun"}}'; exec sleep 600`)}
      greedy: Int ${command("true", ", memoryTotalMib: 100")}
      mail: Int @job
    }`);
  server = await Server.start(["--sandbox-run-by", "worker"], schema);
});

after(async () => {
  for (const worker of workers) worker.kill("SIGKILL");
  await server.stop();
  await rm(folder, { recursive: true });
});

/** Starts one; `ended` is its exit status with what it wrote. */
function run(args, { token = server.tokens.acme.worker, url = server.url, sdl = schema } = {}) {
  const child = spawn(binary, ["worker", "run", "--url", url, ...(sdl ? ["--schema", sdl] : []), ...user, ...args],
    { env: { ...environment, ...(token && { ERRAND_TOKEN: token }) }, stdio: ["ignore", "ignore", "pipe"] });
  workers.push(child);
  child.lines = [];
  createInterface({ input: child.stderr }).on("line", (line) => child.lines.push(line));
  child.ended = new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal, text: child.lines.join("\n") })));
  return child;
}
const graphql = (query, variables) => data(server, server.tokens.acme.client, query, variables);
const submit = async (field) => (await graphql(`mutation { job: ${field} { id } }`)).job.id;
const job = async (id) => (await graphql("query ($id: ID!) { job(id: $id) { status attempt progress { stage } error { code } } }", { id })).job;
const until = (id, good) => poll(() => job(id), good);
const begun = (id) => until(id, ({ progress }) => progress?.stage === "begun");

test("it runs the commands of the schema until SIGTERM", async () => {
  const worker = run(["--type", "add", "--slots", "3", "--name", "adder", "--label", "rack=7", "--log-format", "json"]);
  const { job: added } = await graphql("mutation { job: add(a: 2, b: 3, options: {waitFor: \"60s\"}) { id status result } }");
  assert.deepEqual([added.status, added.result], ["SUCCEEDED", 5]);
  worker.kill("SIGTERM");
  const { code, text } = await worker.ended;
  assert.equal(code, 0, text);
  const first = JSON.parse(text.split("\n")[0]);
  assert.deepEqual([first.level, first.job_type, first.command, first.slots], ["info", "add", "/bin/sh", 3]);
});

test("a kill during the grace of a cancel ends the command at once", async () => {
  const worker = run(["--type", "hold"]);
  const first = await submit("hold");
  await begun(first);
  await graphql("mutation ($id: ID!) { cancelJob(id: $id) { id } }", { id: first });
  await graphql("mutation ($id: ID!) { killJob(id: $id) { id } }", { id: first });
  // With its one slot: the next begins once the first is gone, and not when its grace of 30 s is over.
  const second = await submit("hold");
  await begun(second);
  const times = async (id, type) => {
    const { job: one } = await graphql("query ($id: ID!) { job(id: $id) { events(first: 100) { nodes { type time } } } }", { id });
    return Date.parse(one.events.nodes.find((event) => event.type.endsWith(type)).time);
  };
  assert.ok((await times(second, "started")) - (await times(first, "killed")) < 30_000);
  worker.kill("SIGKILL");
  assert.equal((await worker.ended).signal, "SIGKILL");
});

test("what still runs at the end of draining is given back, and costs no attempt", async () => {
  const worker = run(["--type", "hand", "--drain-timeout", "0s"]);
  const id = await submit("hand");
  await begun(id);
  worker.kill("SIGTERM");
  const { code, text } = await worker.ended;
  assert.equal(code, 0, text);
  const { status, error } = await job(id);
  assert.deepEqual([status, error], ["PENDING", null]);
});

test("a machine that cannot keep a limit is refused before anything is connected", async () => {
  const { code, text } = await run([], { url: "http://127.0.0.1:1" }).ended;
  assert.equal(code, 2);
  assert.match(text, /the handler of greedy: .*control group/);
});

test("a server that runs commands itself refuses it, and says which setting leaves them", async () => {
  const own = await Server.start(process.getuid() === 0 ? ["--sandbox-user", "nobody"] : [], await withoutGreedy());
  try {
    const { code, text } = await run(["--type", "add"], { url: own.url, token: own.tokens.acme.worker }).ended;
    assert.equal(code, 1);
    assert.match(text, /the server runs add itself.*sandbox\.run_by = "worker"/);
  } finally {
    await own.stop();
  }
});

async function withoutGreedy() {
  const file = join(folder, "modest.graphql");
  await writeFile(file, `type Mutation { add(a: Int!): Int ${command("true")} }`);
  return file;
}

test("a wrong token is refused, and none is asked for", async () => {
  const wrong = await run(["--type", "add"], { token: "ert_wrong" }).ended;
  assert.deepEqual([wrong.code, /the server refused this worker: .*401/.test(wrong.text)], [1, true], wrong.text);
  const none = await run(["--type", "add"], { token: "" }).ended;
  assert.deepEqual([none.code, /ERRAND_TOKEN/.test(none.text)], [2, true], none.text);
});

for (const [what, args, text, sdl] of [
  ["a type that is no command", ["--type", "mail"], /--type mail: its @job\(handler:\) is no command; commands are: add, hold, hand, greedy/],
  ["a type that is not there", ["--type", "adding"], /--type adding: the schema has no such mutation/],
  ["more slots than a handler lets run", ["--type", "add", "--slots", "4"], /--slots 4: the handler of add lets 3 run at once/],
  ["a label without a value", ["--label", "rack"], /--label: "rack" is not key=value/],
  ["a drain timeout that is none", ["--type", "add", "--drain-timeout", "soon"], /--drain-timeout: .*duration/],
  ["an address that is none", ["--type", "add", "--url", "nowhere"], /url/],
  ["a user that is not there", ["--type", "add", "--sandbox-user", "no-such-user"], /sandbox\.user: .*no-such-user/],
  ["a file that is not there", [], /nowhere\.graphql/, "/nowhere.graphql"],
  ["no schema", [], /--schema/, ""],
]) {
  test(`${what} is named`, async () => {
    const { code, text: said } = await run(args, { sdl }).ended;
    assert.equal(code, 2, said);
    assert.match(said, text);
  });
}
