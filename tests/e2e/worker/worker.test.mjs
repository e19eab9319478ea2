// DEV_PROGRAM=build/dev/errand node --test worker.test.mjs
//
// Workers against the built program: the TypeScript SDK, the shell and Python workers of docs/protocol/worker.md as they are printed there, and
// raw messages, each of which is held against the JSON Schemas. Two tenants; neither ever gets the other's job.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { PermanentError, silentLogger, Worker, WorkerRefused } from "../../../sdk/typescript/dist/index.js";

const errand = process.env.DEV_PROGRAM;
assert.ok(errand, "DEV_PROGRAM names the program to test");
const docs = new URL("../../../docs/protocol/", import.meta.url);
const require = createRequire(new URL("../../../sdk/typescript/package.json", import.meta.url));
const { Ajv2020 } = require("ajv/dist/2020.js");
const { WebSocket } = require("ws");

const ajv = new Ajv2020({ strict: false });
require("ajv-formats").default(ajv);
for (const file of readdirSync(new URL("schemas/worker/", docs))) {
  ajv.addSchema(JSON.parse(readFileSync(new URL(`schemas/worker/${file}`, docs))));
}
function assertFits(schema, message) {
  const validate = ajv.getSchema(`https://errand.dev/protocol/worker/v1/${schema}.json`);
  assert.ok(validate(message), `${JSON.stringify(message)}: ${ajv.errorsText(validate.errors)}`);
}

const SCHEMA = `
type Greeting { text: String! }
input SumInput { numbers: [Int!]! }
type Sum { total: Int! }
type Mutation {
  greet(name: String!): Greeting! @job(queue: "greetings")
  sum(input: SumInput!): Sum! @job(queue: "sums", timeout: "1m", maxAttempts: 2)
}
`;

let folder;
let server;
let url;
const tokens = {};

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "errand-worker-"));
  writeFileSync(join(folder, "schema.graphql"), SCHEMA);
  const credentials = join(folder, "credentials.toml");
  for (const tenant of ["acme", "globex"]) {
    for (const [kind, scope] of [["client", "jobs:*"], ["worker", "worker"]]) {
      tokens[`${tenant} ${kind}`] = execFileSync(errand, ["token", "create", "--subject", `${kind}:1`, "--tenant", tenant,
        "--scope", scope, "--append", credentials], { encoding: "utf8" }).trim();
    }
  }
  const log = join(folder, "server.log");
  const out = openSync(log, "w");
  server = spawn(errand, ["serve", "--schema", join(folder, "schema.graphql"), "--data", join(folder, "data"),
    "--credentials", credentials, "--port", "0"],
  { stdio: ["ignore", out, out], env: { ...process.env, ERRAND_LOG_LEVEL: "debug", ERRAND_LOG_FORMAT: "json" } });
  closeSync(out);
  while (!url) {
    assert.equal(server.exitCode, null, readFileSync(log, "utf8"));
    url = readFileSync(log, "utf8").match(/http:\/\/127\.0\.0\.1:\d+/)?.[0];
    await sleep(20);
  }
});

after(async () => {
  server?.kill("SIGTERM");
  if (server && server.exitCode === null) await new Promise((resolve) => server.on("exit", resolve));
  rmSync(folder, { recursive: true, force: true });
});

async function graphql(tenant, query, variables, headers = {}) {
  const answer = await fetch(`${url}/graphql`, {
    method: "POST", body: JSON.stringify({ query, variables }),
    headers: { "content-type": "application/json", authorization: `Bearer ${tokens[`${tenant} client`]}`, ...headers },
  });
  const body = await answer.json();
  assert.equal(body.errors, undefined, JSON.stringify(body.errors));
  return body.data;
}

const JOB = `id status attempt correlationId error { code message retryable remediation } progress { completed total stage message }`;

/** The job once `condition` holds for it. */
async function jobWhen(tenant, id, condition) {
  for (;;) {
    const { job } = await graphql(tenant, `query ($id: ID!) { job(id: $id) { ${JOB}
      ... on SumJob { result { total } } ... on GreetJob { result { text } } } }`, { id });
    if (condition(job)) return job;
    await sleep(20);
  }
}
const ended = (job) => ["SUCCEEDED", "FAILED", "CANCELED", "EXPIRED"].includes(job.status);

async function submitSum(tenant, numbers, options = {}, headers = {}) {
  const { sum } = await graphql(tenant, `mutation ($n: [Int!]!, $o: JobOptions) { sum(input: { numbers: $n }, options: $o) { ${JOB} } }`,
    { n: numbers, o: options }, headers);
  return sum;
}

function sdkWorker(tenant, handler) {
  const worker = new Worker({ url, token: tokens[`${tenant} worker`], slots: 4, logger: silentLogger, handleSignals: false });
  worker.handle("sum", handler);
  return { run: worker.run(), stop: () => worker.stop() };
}

test("the SDK runs a job from mutation to typed result", async () => {
  const worker = sdkWorker("acme", (job) => {
    job.progress({ completed: 1, total: 1, stage: "adding", message: "done" });
    return { total: job.input.numbers.reduce((a, b) => a + b, 0) };
  });
  const job = await jobWhen("acme", (await submitSum("acme", [1, 2, 3])).id, ended);
  assert.deepEqual([job.status, job.attempt, job.result, job.error], ["SUCCEEDED", 1, { total: 6 }, null]);
  assert.equal(job.progress.stage, "adding");
  await worker.stop();
});

test("a result that does not fit the SDL fails the job and names the place", async () => {
  const worker = sdkWorker("acme", () => ({ total: "six" }));
  const job = await jobWhen("acme", (await submitSum("acme", [6])).id, ended);
  assert.equal(job.status, "FAILED");
  assert.equal(job.error.code, "RESULT_INVALID");
  assert.match(job.error.message, /total/);
  await worker.stop();
});

test("a transient failure is tried again, a permanent one is not", async () => {
  let failures = 0;
  const worker = sdkWorker("acme", (job) => {
    if (job.input.numbers.length === 0) throw new PermanentError("nothing to add", { code: "EMPTY", remediation: "Give numbers." });
    if (failures++ === 0) throw new Error("busy");
    return { total: 0 };
  });
  const again = await jobWhen("acme", (await submitSum("acme", [1])).id, ended);
  assert.deepEqual([again.status, again.attempt], ["SUCCEEDED", 2]);
  const never = await jobWhen("acme", (await submitSum("acme", [])).id, ended);
  assert.deepEqual([never.status, never.attempt, never.error.code, never.error.remediation], ["FAILED", 1, "EMPTY", "Give numbers."]);
  await worker.stop();
});

test("a cancel reaches the running handler", async () => {
  const worker = sdkWorker("acme", (job) => new Promise((resolve, reject) => {
    job.progress({ stage: "waiting" });
    job.signal.addEventListener("abort", () => reject(job.signal.reason));
  }));
  const { id } = await submitSum("acme", [1]);
  await jobWhen("acme", id, (job) => job.status === "RUNNING");
  await graphql("acme", "mutation ($id: ID!) { cancelJob(id: $id) { id } }", { id });
  assert.equal((await jobWhen("acme", id, ended)).status, "CANCELED");
  await worker.stop();
});

test("the shell worker of the documentation works as it is printed", async () => {
  const script = readFileSync(new URL("worker.md", docs), "utf8").match(/```sh\n(#!\/bin\/sh\n[\s\S]*?)```/)[1];
  assert.ok(script.trim().split("\n").length <= 24);
  const file = join(folder, "greet.sh");
  writeFileSync(file, script);
  const worker = spawn("sh", [file], { stdio: "ignore", detached: true, env: { ...process.env, ERRAND_URL: url, ERRAND_TOKEN: tokens["globex worker"] } });
  try {
    const { greet } = await graphql("globex", 'mutation { greet(name: "Ada \\"L\\"") { id } }');
    const job = await jobWhen("globex", greet.id, ended);
    assert.deepEqual([job.status, job.result], ["SUCCEEDED", { text: 'Hello, Ada "L"!' }]);
  } finally {
    process.kill(-worker.pid, "SIGKILL");
  }
});

test("the Python worker of the documentation works as it is printed, with the standard library alone", async () => {
  const program = readFileSync(new URL("worker.md", docs), "utf8").match(/```python\n(#![\s\S]*?)```/)[1];
  const lines = program.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
  assert.ok(lines.length <= 20, `${lines.length} lines`);
  const file = join(folder, "greet.py");
  writeFileSync(file, program);
  // -I and -S: no packages of the site, no module that lies beside it.
  const worker = spawn("python3", ["-I", "-S", file], { stdio: "ignore", env: { ...process.env, ERRAND_URL: url, ERRAND_TOKEN: tokens["globex worker"] } });
  try {
    const { greet } = await graphql("globex", 'mutation { greet(name: "Ada \\"L\\"") { id } }');
    const job = await jobWhen("globex", greet.id, ended);
    assert.deepEqual([job.status, job.result], ["SUCCEEDED", { text: 'Hello, Ada "L"!' }]);
  } finally {
    worker.kill("SIGKILL");
  }
});

test("neither tenant's worker gets the other's job", async () => {
  const seen = [];
  const globex = sdkWorker("globex", (job) => (seen.push(job.tenant), { total: 0 }));
  const { id } = await submitSum("acme", [1]);
  const own = await jobWhen("globex", (await submitSum("globex", [2])).id, ended);
  assert.equal(own.status, "SUCCEEDED");
  assert.deepEqual(seen, ["globex"]);
  const { job: hidden } = await graphql("globex", "query ($id: ID!) { job(id: $id) { id } }", { id });
  assert.equal(hidden, null);
  await globex.stop();
  const acme = sdkWorker("acme", () => ({ total: 1 }));
  await jobWhen("acme", id, ended);
  await acme.stop();
});

/** A worker by hand, whose every incoming message is held against the schemas. */
class RawWorker {
  waiting = [];
  messages = [];
  static async connect(token) {
    const raw = new RawWorker();
    raw.socket = new WebSocket(`${url.replace("http", "ws")}/worker`, ["errand.worker.v1"], { headers: { authorization: `Bearer ${token}` } });
    raw.closed = new Promise((resolve) => raw.socket.on("close", (code) => resolve(code)));
    raw.socket.on("message", (data) => {
      const message = JSON.parse(data);
      try {
        assertFits("server-to-worker", message);
        raw.messages.push(message);
      } catch (error) {
        raw.failure = error;
      }
      raw.wake?.();
    });
    await new Promise((resolve, reject) => raw.socket.on("open", resolve).on("error", reject));
    return raw;
  }
  send(message) {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }
  async read(type) {
    while (this.messages.length === 0 && !this.failure) await new Promise((resolve) => (this.wake = resolve));
    if (this.failure) throw this.failure;
    const message = this.messages.shift();
    assert.equal(message.type, type, JSON.stringify(message));
    return message;
  }
}

test("one correlation id runs through handle, worker message, event and log line; so does the trace", async () => {
  const worker = await RawWorker.connect(tokens["acme worker"]);
  worker.send({ type: "hello", types: ["sum"], slots: 1 });
  await worker.read("welcome");
  worker.send({ type: "credits", add: 1 });
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const handle = await submitSum("acme", [1], { correlationId: "order-4711" }, { traceparent: `00-${trace}-00f067aa0ba902b7-01` });
  assert.equal(handle.correlationId, "order-4711");
  const job = await worker.read("job");
  assert.equal(job.jobId, handle.id);
  assert.equal(job.correlationId, "order-4711");
  assert.ok(job.traceparent.includes(trace), job.traceparent);
  worker.send({ type: "heartbeat", jobs: [{ jobId: job.jobId, token: job.token }] });
  assert.equal((await worker.read("heartbeat_ack")).jobs[0].state, "RUNNING");
  worker.send({ type: "complete", ref: "1", jobId: job.jobId, token: job.token, result: { total: 1 } });
  assert.equal((await worker.read("ack")).status, "OK");
  worker.socket.close();
  const { job: read } = await graphql("acme", `query ($id: ID!) { job(id: $id) { events(first: 20) { nodes { type correlationId } } } }`, { id: handle.id });
  assert.ok(read.events.nodes.length >= 3);
  for (const event of read.events.nodes) assert.equal(event.correlationId, "order-4711", event.type);
  const lines = readFileSync(join(folder, "server.log"), "utf8").split("\n").filter((line) => line.includes("order-4711"));
  assert.ok(lines.some((line) => line.includes("job given to a worker") && line.includes(trace)), lines.join("\n"));
});

test("a worker that breaks the protocol is told what was wrong", async () => {
  for (const [message, says] of [["{", /not JSON/], [{ type: "hello", types: [], slots: 1 }, /types/], [{ type: "steal" }, /steal/]]) {
    const worker = await RawWorker.connect(tokens["acme worker"]);
    worker.send(message);
    assert.match((await worker.read("error")).message, says);
    assert.equal(await worker.closed, 4400);
  }
});

test("a stale report changes nothing, over HTTP as well", async () => {
  const post = async (path, body) => {
    const answer = await fetch(`${url}/worker/v1/${path}`, {
      method: "POST", body: JSON.stringify(body),
      headers: { "content-type": "application/json", authorization: `Bearer ${tokens["acme worker"]}` },
    });
    const value = await answer.json();
    if (answer.status === 200) assertFits("messages-response", value);
    return value.messages ?? value;
  };
  const { id } = await submitSum("acme", [1, 1]);
  const [first] = await post("poll", { types: ["sum"], slots: 1 });
  const about = ({ jobId, token }) => ({ jobId, token });
  assert.equal((await post("messages", { type: "release", ...about(first) }))[0].status, "OK");
  const [second] = await post("poll", { types: ["sum"], slots: 1 });
  assert.equal(second.jobId, id);
  const stale = await post("messages", [{ type: "complete", ...about(first), result: { total: 3 } }]);
  assert.equal(stale[0].error.code, "LEASE_LOST");
  await post("messages", { messages: [{ type: "complete", ...about(second), result: { total: 2 } }] });
  const job = await jobWhen("acme", id, ended);
  assert.deepEqual([job.status, job.attempt, job.result], ["SUCCEEDED", 1, { total: 2 }]);
});

test("who may not work is refused before anything else", async () => {
  for (const [token, code] of [["nobody", 401], [tokens["acme client"], 403]]) {
    const worker = new Worker({ url, token, logger: silentLogger, handleSignals: false }).handle("sum", () => 1);
    await assert.rejects(worker.run(), (error) => error instanceof WorkerRefused && error.code === code);
  }
});
