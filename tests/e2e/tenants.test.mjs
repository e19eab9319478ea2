// Two tenants on one server: neither sees, changes or works the other's jobs (I13).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { data, graphql, poll, RawWorker, subscriber } from "./support/clients.mjs";
import { Server } from "./support/server.mjs";

let server;
let acme;
let bolt;
const submit = 'mutation ($name: String!) { greet(input: { name: $name }) { id } }';
const unknown = "018f0000-0000-7000-8000-000000000000";

before(async () => {
  server = await Server.start();
  acme = server.tokens.acme;
  bolt = server.tokens.bolt;
});
after(() => server.stop());

test("a job of another tenant answers as one that does not exist", async () => {
  const { id } = (await data(server, acme.client, submit, { name: "mine" })).greet;
  assert.notEqual((await data(server, acme.client, "query ($id: ID!) { job(id: $id) { id } }", { id })).job, null);
  for (const query of [
    "query ($id: ID!) { job(id: $id) { id status } }",
    "query ($id: ID!) { node(id: $id) { id } }",
    "mutation ($id: ID!) { cancelJob(id: $id) { id } }",
    "mutation ($id: ID!) { killJob(id: $id) { id } }",
    "mutation ($id: ID!) { retryJob(id: $id) { id } }",
    "mutation ($id: ID!) { forgetJob(id: $id) }",
  ]) {
    const theirs = await graphql(server, bolt.client, query, { id });
    const none = await graphql(server, bolt.client, query, { id: unknown });
    assert.equal(theirs.status, none.status, query);
    assert.deepEqual(
      JSON.parse(theirs.body.replaceAll(id, unknown)),
      JSON.parse(none.body),
      `tells whether the job exists: ${query}`,
    );
  }
  const still = (await data(server, acme.client, "query ($id: ID!) { job(id: $id) { status } }", { id })).job;
  assert.equal(still.status, "PENDING");
});

test("lists hold the tenant's own jobs alone", async () => {
  const mine = (await data(server, acme.client, submit, { name: "a" })).greet.id;
  const theirs = (await data(server, bolt.client, submit, { name: "b" })).greet.id;
  const ids = async (token) => (await data(server, token, "{ jobs(first: 100) { nodes { id } } }")).jobs.nodes.map((job) => job.id);
  assert.ok((await ids(acme.client)).includes(mine));
  assert.ok(!(await ids(acme.client)).includes(theirs));
  assert.ok((await ids(bolt.client)).includes(theirs));
  assert.ok(!(await ids(bolt.client)).includes(mine));
});

test("the same idempotency key of two tenants makes two jobs", async () => {
  const key = { "Idempotency-Key": "shared" };
  const a = (await data(server, acme.client, submit, { name: "same" }, key)).greet.id;
  const b = (await data(server, bolt.client, submit, { name: "same" }, key)).greet.id;
  assert.notEqual(a, b);
});

test("subscriptions tell of the tenant's own jobs alone", async () => {
  const watcher = subscriber(server, bolt.client);
  const seen = [];
  const stream = watcher.iterate({ query: "subscription { jobs { id } }" });
  const done = (async () => {
    for await (const { data: update } of stream) {
      seen.push(update.jobs.id);
      if (seen.includes(last)) return;
    }
  })();
  let last;
  const foreign = [];
  // Sent again until the stream tells of one, for nothing says when a subscription has begun.
  await Promise.race([
    done,
    (async () => {
      while (last === undefined || !seen.includes(last)) {
        foreign.push((await data(server, acme.client, submit, { name: "acme" })).greet.id);
        last = (await data(server, bolt.client, submit, { name: "bolt" })).greet.id;
        await poll(async () => seen.length, (count) => count > 0);
      }
    })(),
  ]);
  await stream.return?.();
  await watcher.dispose();
  for (const id of foreign) assert.ok(!seen.includes(id));
});

test("a subscription to another tenant's job shows what one to no job shows", async () => {
  const { id } = (await data(server, acme.client, submit, { name: "hidden" })).greet;
  const client = subscriber(server, bolt.client);
  const first = async (of) => {
    for await (const result of client.iterate({ query: "subscription ($id: ID!) { job(id: $id) { status } }", variables: { id: of } })) {
      return JSON.stringify(result).replaceAll(of, "-");
    }
    return "nothing";
  };
  assert.equal(await first(id), await first(unknown));
  await client.dispose();
});

test("a worker gets the jobs of its own tenant alone", async () => {
  const mine = (await data(server, bolt.client, submit, { name: "for-bolt" })).greet.id;
  await data(server, acme.client, submit, { name: "for-acme" });
  const worker = new RawWorker(server, bolt.worker);
  await worker.opened;
  worker.send({ type: "hello", types: ["greet"], slots: 100 });
  await worker.frame((frame) => frame.type === "welcome");
  worker.send({ type: "credits", add: 100 });
  await worker.frame((frame) => frame.type === "job" && frame.jobId === mine);
  const jobs = worker.frames.filter((frame) => frame.type === "job");
  assert.ok(jobs.length > 0);
  for (const job of jobs) assert.equal(job.tenant, "bolt");
  worker.socket.close();
  await worker.closed;
});

test("client tokens cannot work, worker tokens cannot submit, and none opens nothing", async () => {
  await assert.rejects(new RawWorker(server, acme.client).opened);
  const refused = await graphql(server, acme.worker, submit, { name: "x" });
  assert.equal(refused.json.errors[0].extensions.code, "FORBIDDEN");
  const anonymous = await graphql(server, null, submit, { name: "x" });
  assert.equal(anonymous.status, 401);
  assert.equal("data" in anonymous.json, false);
  const client = subscriber(server, "ert_wrong");
  await assert.rejects(
    (async () => {
      for await (const result of client.iterate({ query: "subscription { jobs { id } }" })) assert.fail(JSON.stringify(result));
    })(),
    (error) => error.code === 4403,
  );
});
