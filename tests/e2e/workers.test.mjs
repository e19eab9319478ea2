// Workers as operators see them: the list, draining one, routes by labels, what autoscalers read.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { curl, data, graphql, poll, RawWorker } from "./support/clients.mjs";
import { binary, environment, Server } from "./support/server.mjs";

const run = promisify(execFile);
let folder;
let server;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "errand-workers-"));
  const schema = join(folder, "schema.graphql");
  await writeFile(schema, `
    type Picture { url: String! }
    type Mutation {
      render(scene: String!): Picture! @job(queue: "pictures", routeBy: ["region", "gpu"])
      mail(to: String!): Boolean @job(queue: "mail", concurrency: [{key: "queue", limit: 2}])
    }`);
  server = await Server.start([], schema);
  const toml = join(server.folder, "credentials.toml");
  // The usual clients may do all with jobs; an operator may do all.
  await writeFile(toml, (await import("node:fs")).readFileSync(toml, "utf8").replaceAll('scopes = ["jobs:*"', 'scopes = ["workers:*", "queues:*", "jobs:*"'));
  server.child.kill("SIGHUP");
  await poll(() => graphql(server, server.tokens.acme.client, "{ workers { id } }"), ({ json }) => !json.errors);
});

after(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

async function worker(hello, credits = 1, tenant = "acme") {
  const raw = new RawWorker(server, server.tokens[tenant].worker);
  await raw.opened;
  raw.send({ type: "hello", types: ["render"], slots: 4, ...hello });
  const first = await raw.frame((frame) => frame.type === "welcome" || frame.type === "error");
  if (first.type === "welcome" && credits > 0) raw.send({ type: "credits", add: credits });
  return raw;
}

const submit = (labels, tenant = "acme") =>
  data(server, server.tokens[tenant].client,
    "mutation ($options: JobOptions) { render(scene: \"s\", options: $options) { id } }", { options: { labels } })
    .then((answer) => answer.render.id);

const isJob = (id) => (frame) => frame.type === "job" && frame.jobId === id;

async function complete(raw, id) {
  const { jobId, token } = await raw.frame(isJob(id));
  raw.send([{ type: "complete", ref: id, jobId, token, result: { url: "u" } }, { type: "credits", add: 1 }]);
  await raw.frame((frame) => frame.type === "ack" && frame.ref === id);
}

test("a job goes to a worker whose selectors fit its labels, and waits for no other's", async () => {
  const us = await worker({ selectors: { region: ["us"], gpu: [] } });
  const europe = await worker({ selectors: { region: ["eu", "uk"] } });
  // What nobody takes stands first in line, and in nobody's way.
  const lonely = await submit({ region: "mars" });
  const uk = await submit({ region: "uk", gpu: "a100" });
  const west = await submit({ region: "us" });
  await complete(europe, uk);
  await complete(us, west);
  const { job } = await data(server, server.tokens.acme.client,
    "query ($id: ID!) { job(id: $id) { status whyWaiting { kind } } }", { id: lonely });
  assert.deepEqual(job, { status: "PENDING", whyWaiting: { kind: "NO_WORKER" } });
  const any = await worker({});
  await complete(any, lonely);
  for (const raw of [us, europe, any]) raw.socket.close();
});

test("selectors by a label that does not part the jobs are refused with the remedy", async () => {
  const raw = await worker({ selectors: { team: ["ops"] } });
  const { message } = raw.frames.find((frame) => frame.type === "error");
  assert.match(message, /render.*label "team".*routeBy: \["team"\]/);
  assert.equal((await raw.closed).code, 4403);
});

test("workers are listed to their tenant, with what they said of themselves", async () => {
  const raw = await worker({ name: "w1", build: "b7", sdk: "own/1", labels: { zone: "a" }, selectors: { region: ["eu"] } }, 3);
  const query = "{ workers { id name way sdk build queues types labels selectors slots running draining connectedAt lastSeenAt } }";
  const { workers } = await data(server, server.tokens.acme.client, query);
  const { id, connectedAt, lastSeenAt, ...rest } = workers.find(({ name }) => name === "w1");
  assert.deepEqual(rest, { name: "w1", way: "PULL", sdk: "own/1", build: "b7", queues: [], types: ["render"], labels: { zone: "a" },
    selectors: { region: ["eu"] }, slots: 4, running: 0, draining: false });
  assert.ok(Date.parse(connectedAt) <= Date.parse(lastSeenAt));
  const others = await data(server, server.tokens.bolt.client, query);
  assert.equal(others.workers.find((each) => each.id === id), undefined);
  const { stdout } = await run(binary, ["worker", "list", "--url", server.url, "--token", server.tokens.acme.client], { env: environment });
  assert.match(stdout, new RegExp(`${id}.*PULL.*0/4.*w1.*b7.*all / render`));
  raw.socket.close();
});

test("a drained worker keeps what it has and gets nothing more", async () => {
  const raw = await worker({ name: "leaves" }, 2);
  const first = await submit({});
  const { jobId, token } = await raw.frame(isJob(first));
  const { workers } = await data(server, server.tokens.acme.client, "{ workers { id name } }");
  const { id } = workers.find(({ name }) => name === "leaves");
  const foreign = await graphql(server, server.tokens.bolt.client, "mutation ($id: ID!) { drainWorker(id: $id) { id } }", { id });
  assert.equal(foreign.json.errors[0].extensions.code, "NOT_FOUND");
  const { stdout } = await run(binary, ["worker", "drain", id, "--url", server.url, "--token", server.tokens.acme.client], { env: environment });
  assert.match(stdout, /gets no more jobs; it is at 1/);
  assert.equal((await raw.frame((frame) => frame.type === "drain")).reason, "REQUESTED");
  const second = await submit({});
  raw.send({ type: "credits", add: 1 }); // crossed the drain
  raw.send({ type: "complete", ref: "c", jobId, token, result: { url: "u" } });
  assert.equal((await raw.frame((frame) => frame.ref === "c")).status, "OK");
  const next = await worker({});
  await complete(next, second);
  assert.equal(raw.frames.filter(({ type }) => type === "job").length, 1);
  raw.socket.close();
  next.socket.close();
});

test("autoscalers read how many slots a queue wants", async () => {
  const raw = await worker({ types: ["mail"] }, 1);
  for (let i = 0; i < 5; i += 1) {
    await data(server, server.tokens.acme.client, "mutation { mail(to: \"a\") { id } }");
  }
  await raw.frame(({ type }) => type === "job");
  const ask = (path, token) => curl(`${server.url}${path}`, token ? ["-H", `Authorization: Bearer ${token}`] : []);
  const answer = await ask("/scaling?queue=mail", server.tokens.acme.client);
  assert.deepEqual(JSON.parse(answer.body), { queue: "mail", slotsWanted: 2, pending: 4, waiting: 0, running: 1, workers: 1 });
  const { queues } = await data(server, server.tokens.acme.client, "{ queues { name slotsWanted } }");
  assert.equal(queues.find(({ name }) => name === "mail").slotsWanted, 2);
  assert.equal(JSON.parse((await ask("/scaling?queue=mail", server.tokens.bolt.client)).body).pending, 0);
  assert.equal((await ask("/scaling?queue=mail")).status, 401);
  assert.equal((await ask("/scaling?queue=mail", server.tokens.acme.worker)).status, 403);
  assert.equal((await ask("/scaling", server.tokens.acme.client)).status, 400);
  const metrics = await poll(() => ask("/metrics").then(({ body }) => body), (body) => /errand_jobs\{.*queue="mail".*state="pending".*\} 4|errand_jobs\{.*state="pending".*queue="mail".*\} 4/.test(body));
  assert.match(metrics, /errand_queue_slots_wanted\{queue="mail"\} 2/);
  raw.socket.close();
});
