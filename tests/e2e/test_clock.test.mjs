// `errand serve --test-clock`: retries, deadlines, leases and retention in milliseconds, as docs/operating/testing.md shows it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { TransientError, Worker } from "@errand/worker";
import { data, poll } from "./support/clients.mjs";
import { binary, environment, schemaFile, Server } from "./support/server.mjs";

const server = new Server();
server.folder = await mkdtemp(join(tmpdir(), "errand-e2e-"));
server.args = ["serve", "--schema", schemaFile, "--data", join(server.folder, "data"), "--test-clock", "--log-format", "json", "--json"];
await server.run();
after(() => server.stop());
const { client, worker: workerToken } = server.summary.tokens;

async function clock(body, token = client) {
  const response = await fetch(`${server.url}/test/clock`, {
    method: body === undefined ? "GET" : "POST",
    headers: token ? { authorization: `Bearer ${token}` } : {},
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return { status: response.status, ...(await response.json()) };
}
const advance = async (by) => {
  const answer = await clock({ advance: by });
  assert.equal(answer.status, 200, JSON.stringify(answer));
  return answer;
};
const job = async (id, fields) => (await data(server, client, `query ($id: ID!) { job(id: $id) { ${fields} } }`, { id })).job;
const ignored = async (options) =>
  (await data(server, client, "mutation ($o: JobOptions) { ignored(text: \"x\", options: $o) { id status } }", { o: options })).ignored;

test("the clock is shown, and goes forward only", async () => {
  const before = await clock();
  assert.equal(before.status, 200);
  assert.equal(before.ahead, "0s");
  const later = await advance("1h30m");
  assert.equal(later.ahead, "1h30m");
  assert.ok(Date.parse(later.now) - Date.parse(before.now) >= 5_400_000);
  const set = new Date(Date.parse(later.now) + 3_600_000).toISOString();
  assert.ok(Date.parse((await clock({ set })).now) >= Date.parse(set));
  for (const [body, text] of [[{ set: "2020-01-01T00:00:00Z" }, /forward only/], [{ advance: "-1h" }, /advance: /], [{ advance: "soon" }, /advance: /],
    [{}, /Send /], [{ advance: "1s", set }, /Send /], [{ go: "1s" }, /Send /]]) {
    const refused = await clock(body);
    assert.equal(refused.status, 400);
    assert.match(refused.error, text);
    assert.equal(refused.code, "INVALID_ARGUMENT");
  }
  assert.equal((await clock(undefined, null)).status, 401);
  assert.equal((await clock({ advance: "1s" }, "wrong")).status, 401);
});

test("what is due at the new time has happened when the answer comes", async () => {
  const { id, status } = await ignored({ delay: "2h" });
  assert.equal(status, "SCHEDULED");
  await advance("1h59m");
  assert.equal((await job(id, "status")).status, "SCHEDULED");
  await advance("1m");
  assert.equal((await job(id, "status")).status, "PENDING");
});

test("a deadline ends the job", async () => {
  const { now } = await clock();
  const { id } = await ignored({ deadline: new Date(Date.parse(now) + 3_600_000).toISOString() });
  await advance("1h");
  assert.deepEqual(await job(id, "status"), { status: "EXPIRED" });
});

test("a failed attempt comes again after its backoff, and a lost lease too", async () => {
  const attempts = [];
  let silent;
  const worker = new Worker({ url: server.url, token: workerToken, logger: { info() {}, warn() {}, error() {} } });
  worker.handle("greet", async ({ attempt, input, signal }) => {
    attempts.push(`${input.name} ${attempt}`);
    if (input.name === "fails" && attempt === 1) throw new TransientError("busy", { retryAfter: 3_600_000 });
    if (input.name === "hangs" && attempt === 1) {
      silent?.();
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    }
    return { text: "Hello" };
  });
  const running = worker.run();
  const greet = async (name) =>
    (await data(server, client, "mutation ($name: String!) { greet(input: { name: $name }) { id } }", { name })).greet.id;

  const fails = await greet("fails");
  await poll(() => job(fails, "status"), ({ status }) => status === "RETRYING");
  await advance("1h");
  await poll(() => job(fails, "status"), ({ status }) => status === "SUCCEEDED");

  const begun = new Promise((resolve) => (silent = resolve));
  const hangs = await greet("hangs");
  await begun;
  await advance("31s"); // longer than the lease of 30 s
  await poll(() => job(hangs, "status"), ({ status }) => status === "SUCCEEDED");
  assert.deepEqual(attempts, ["fails 1", "fails 2", "hangs 1", "hangs 2"]);
  await worker.stop();
  await running;
});

test("an ended job is pruned after its retention", async () => {
  const { id } = await ignored();
  await data(server, client, "mutation ($id: ID!) { cancelJob(id: $id) { id } }", { id });
  const { expiresAt } = await job(id, "expiresAt");
  const { now } = await clock();
  await clock({ set: new Date(Date.parse(expiresAt) - 60_000).toISOString() });
  assert.notEqual(await job(id, "id"), null);
  assert.ok(Date.parse(now) < Date.parse(expiresAt));
  await advance("1m");
  assert.equal(await job(id, "id"), null);
  assert.match(await (await fetch(`${server.url}/metrics`)).text(), /^errand_jobs_pruned_total [1-9]/m);
});

test("a long poll ends when the job is pruned, and the past is shown until then", async () => {
  const { id } = await ignored();
  const { now: created } = await clock();
  await advance("1h");
  await data(server, client, "mutation ($id: ID!) { cancelJob(id: $id) { id } }", { id });
  const past = await job(id, `at(time: "${created}") { status finishedAt whyWaiting { kind } }`);
  assert.deepEqual(past.at, { status: "PENDING", finishedAt: null, whyWaiting: null });
  const { expiresAt } = await job(id, "expiresAt");
  await clock({ set: new Date(Date.parse(expiresAt) - 20_000).toISOString() });
  const held = data(server, client, "query ($id: ID!) { job(id: $id, waitFor: \"1m\", until: [RUNNING]) { id } }", { id });
  await advance("20s");
  assert.equal((await held).job, null);
});

test("a held answer ends with its time", async () => {
  const held = data(server, client, 'mutation { ignored(text: "held", options: { waitFor: "50s" }) { status } }');
  const begin = Date.now();
  const timer = setInterval(() => advance("30s"), 100);
  assert.equal((await held).ignored.status, "PENDING");
  clearInterval(timer);
  assert.ok(Date.now() - begin < 20_000);
});

test("only development mode has it", async () => {
  const other = await Server.start();
  const [command, ...rest] = other.args;
  await other.stop();
  const run = spawnSync(binary, [command, ...rest, "--port", "0", "--test-clock"], { encoding: "utf8", env: environment });
  assert.equal(run.status, 2);
  assert.match(run.stderr, /development mode/);
});
