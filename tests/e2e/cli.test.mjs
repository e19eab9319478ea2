// The commands of a client against a running server: what a person types and reads, and the exit statuses.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { after, test } from "node:test";
import { PermanentError, Worker } from "@errand/worker";
import { binary, environment, Server } from "./support/server.mjs";

const server = await Server.start();
after(() => server.stop());
const clientEnvironment = { ...environment, ERRAND_URL: server.url, ERRAND_TOKEN: server.tokens.acme.client };

function errand(args, options = {}) {
  return spawnSync(binary, args, { encoding: "utf8", env: clientEnvironment, ...options });
}

function start(args) {
  const child = spawn(binary, args, { env: clientEnvironment, stdio: ["ignore", "pipe", "pipe"] });
  const out = { text: "" };
  child.stdout.on("data", (bytes) => (out.text += bytes));
  const ended = new Promise((resolve) => child.on("exit", (status) => resolve({ status, text: out.text })));
  return { child, ended };
}

function submit(...more) {
  const run = errand(["job", "submit", "greet", "--input", '{"name":"Ada"}', "--json", ...more]);
  assert.equal(run.status, 0, run.stderr);
  return JSON.parse(run.stdout);
}

test("help says what each command does, with examples", () => {
  for (const command of [["serve"], ["schema", "check"], ["schema", "print"], ["job", "submit"], ["job", "show"], ["job", "watch"],
    ["job", "list"], ["job", "cancel"], ["job", "dead-letters"], ["job", "requeue"], ["job", "discard"], ["job", "failures"],
    ["job", "forget"], ["config", "show"], ["token", "create"], ["token", "development"]]) {
    const run = errand([...command, "--help"]);
    assert.equal(run.status, 0, command.join(" "));
    assert.match(run.stdout, /Examples:/, command.join(" "));
  }
});

test("submit, show, list and cancel", () => {
  const job = submit("--tag", "cli-test", "--correlation-id", "cli-1", "--priority", "5");
  assert.equal(job.status, "PENDING");
  assert.equal(job.correlationId, "cli-1");
  const shown = errand(["job", "show", job.id]);
  assert.match(shown.stdout, /priority +5/);
  const listed = errand(["job", "list", "--status", "PENDING", "--json"]).stdout.trim().split("\n").map((line) => JSON.parse(line));
  assert.ok(listed.some(({ id }) => id === job.id));
  assert.match(errand(["job", "cancel", job.id, "--reason", "not needed"]).stdout, /CANCELED/);
  const watched = errand(["job", "watch", job.id]);
  assert.equal(watched.status, 4);
  assert.match(watched.stdout, /CANCELED/);
});

test("forget erases an ended job, and its key stays used", () => {
  const job = submit("--idempotency-key", "forgotten");
  const live = errand(["job", "forget", job.id]);
  assert.equal(live.status, 1);
  assert.match(live.stderr, /Cancel it first/);
  errand(["job", "cancel", job.id]);
  const forgotten = errand(["job", "forget", job.id]);
  assert.equal(forgotten.status, 0, forgotten.stderr);
  assert.match(errand(["job", "show", job.id]).stderr, /there is no job/);
  const again = errand(["job", "submit", "greet", "--input", '{"name":"Ada"}', "--idempotency-key", "forgotten"]);
  assert.equal(again.status, 1);
  assert.match(again.stderr, /was forgotten/);
});

test("one idempotency key makes one job", () => {
  assert.equal(submit("--idempotency-key", "k1").id, submit("--idempotency-key", "k1").id);
});

test("watch follows progress to the result", async () => {
  let finish;
  const finished = new Promise((resolve) => (finish = resolve));
  // More slots than the jobs that other tests left waiting.
  const worker = new Worker({ url: server.url, token: server.tokens.acme.worker, slots: 8, logger: { info() {}, warn() {}, error() {} } });
  worker.handle("greet", async (job) => {
    job.progress({ completed: 1, total: 4, stage: "reading", message: "page 1" });
    await finished;
    return { text: "Hello" };
  });
  const running = worker.run();
  const job = submit("--tag", "watched");
  const { child, ended } = start(["job", "watch", job.id]);
  await new Promise((resolve) => child.stdout.on("data", (bytes) => /25 %.*reading/.test(bytes) && resolve()));
  finish();
  const { status, text } = await ended;
  await worker.stop();
  await running;
  assert.equal(status, 0, text);
  assert.match(text, /SUCCEEDED after [0-9.]+ s, attempt 1 of 2/);
  assert.match(text, /"text": "Hello"/);
});

test("failed jobs are counted, listed, requeued with an edited input, and discarded", async () => {
  let shelves = 0;
  const worker = new Worker({ url: server.url, token: server.tokens.acme.worker, slots: 8, logger: { info() {}, warn() {}, error() {} } });
  worker.handle("greet", async (job) => {
    if (job.input.name === "Ada") throw new PermanentError(`shelf ${++shelves} is empty`, { code: "EMPTY" });
    return { text: `Hello ${job.input.name}` };
  });
  const running = worker.run();
  const [first, second] = [submit(), submit()];
  const watch = (id) => start(["job", "watch", id]).ended; // not in step: the worker lives in this process
  for (const { id } of [first, second]) assert.equal((await watch(id)).status, 3);

  const report = errand(["job", "failures", "--period", "1h"]);
  assert.equal(report.status, 0, report.stderr);
  assert.match(report.stdout, /FAILED +WAITING +FINGERPRINT/);
  assert.match(report.stdout, / 2 +2 .*EMPTY: shelf 2 is empty/);
  const listed = errand(["job", "dead-letters", "--type", "greet", "--json"]).stdout.trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(listed.slice(0, 2).map(({ id }) => id).sort(), [first.id, second.id].sort());
  assert.equal(listed[0].errorFingerprint.length, 16);
  assert.match(errand(["job", "dead-letters", "--queue", "x", "--queue", "greetings"]).stdout, new RegExp(`${first.id}.*EMPTY`));

  const dry = errand(["job", "requeue", first.id, "--dry-run"]);
  assert.equal(dry.status, 0, dry.stderr);
  assert.match(dry.stdout, /1 job would be requeued/);
  const wrong = errand(["job", "requeue", first.id, "--input", '{"input":{"name":""}}']);
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /input\.name must have at least 1 character/);
  assert.match(errand(["job", "requeue", first.id, "--input", '{"input":{"name":"Grace"}}']).stdout, /1 job requeued/);
  const watched = await watch(first.id);
  assert.equal(watched.status, 0, watched.text);
  assert.match(watched.text, /Hello Grace/);

  const discarded = errand(["job", "discard", second.id, first.id, "--json"]);
  assert.equal(discarded.status, 1, "one of them has succeeded meanwhile");
  assert.deepEqual(JSON.parse(discarded.stdout).refused.map(({ id, code }) => [id, code]), [[first.id, "JOB_NOT_DEAD_LETTER"]]);
  assert.equal(errand(["job", "requeue"]).status, 2);
  assert.equal(errand(["job", "requeue", first.id, "--all"]).status, 2);
  assert.equal(errand(["job", "requeue", "--type", "greet", first.id]).status, 2);
  assert.equal(errand(["job", "requeue", "--all", "--input", "{}"]).status, 2);
  await worker.stop();
  await running;
});

test("wrong calls say what is wrong, and by which status", () => {
  const wrongInput = errand(["job", "submit", "greet", "--input", "{"]);
  assert.equal(wrongInput.status, 2);
  assert.match(wrongInput.stderr, /argument input: not valid JSON at line 1/);
  const unknown = errand(["job", "submit", "nope"]);
  assert.equal(unknown.status, 2);
  assert.match(unknown.stderr, /the server has: .*greet/);
  const missing = errand(["job", "show", "01a20a4e-64cc-7306-ba28-ed84bf70e380"]);
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /there is no job/);
  assert.equal(errand(["job", "list", "--url", "http://127.0.0.1:1"]).status, 5);
  assert.equal(errand(["job", "list", "--token", "wrong"]).status, 1);
  assert.equal(errand(["job", "fly"]).status, 2);
});
