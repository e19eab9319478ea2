// node kill.test.mjs ERRAND VERIFY_STORE [--jobs 1000] [--kills 10] [--seed N]
//
// Two tenants submit jobs while the server is killed with SIGKILL at random moments and started again. In the end every
// acknowledged job has ended, one key has made one job, no result of a lost lease was taken, no tenant sees the other's
// jobs, and VERIFY_STORE finds the store sound. Prints the counts. With DEV_TEST_MINUTES it goes on, round by round.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { TransientError, Worker } from "../../../sdk/typescript/dist/index.js";
import { MortalServer, each, graphql, makeToken, pause, post, random, silent, untilAnswered, verify } from "../support/kills.mjs";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { jobs: { type: "string", default: "1000" }, kills: { type: "string", default: "10" }, seed: { type: "string" } },
});
const [errand, verifyStore] = positionals;
assert.ok(verifyStore, "usage: kill.test.mjs ERRAND VERIFY_STORE");

const schema = `
input WorkInput { number: Int! }
type Work { number: Int!  by: String! }
type Mutation {
  work(input: WorkInput!): Work! @job(queue: "work", timeout: "30s", maxAttempts: 50)
}
`;
const LEASE_MS = 2_000;

const SUBMIT = `mutation ($input: WorkInput!, $key: String!) {
  work(input: $input, options: { idempotencyKey: $key }) { id }
}`;
const READ = `query ($id: ID!) { job(id: $id) { status attempt ... on WorkJob { result { number by } error { code message } } } }`;

async function submit(server, tenant, number) {
  const answer = await untilAnswered(server, () =>
    graphql(server, tenant.client, SUBMIT, { input: { number }, key: `${tenant.name}-${number}` }));
  assert.ok(answer.data?.work?.id, JSON.stringify(answer));
  return answer.data.work.id;
}

/**
 * Takes a job by long poll, never sends a heartbeat, and reports only once its lease must be lost: what it says may not count.
 * Returns how the server answered.
 */
async function zombie(server, tenant, counts, stopped) {
  while (!stopped()) {
    try {
      const { messages = [] } = await post(server, tenant.worker, "/worker/v1/poll", { types: ["work"], slots: 1, waitMs: 500 });
      const job = messages.find((message) => message.type === "job");
      if (!job) continue;
      counts.zombieJobs += 1;
      await pause(LEASE_MS * 2.5 + 500);
      const answer = await untilAnswered(server, () => post(server, tenant.worker, "/worker/v1/messages", {
        type: "complete", jobId: job.jobId, token: job.token, result: { number: job.arguments.input.number, by: "zombie" },
      }));
      const ack = answer.messages?.[0];
      if (ack?.status === "REFUSED" && ["LEASE_LOST", "JOB_ENDED"].includes(ack.error.code)) counts.zombiesRefused += 1;
      // A restart gives every lease one full length more, so a kill in between can leave it alive: then it is not stale.
      else if (ack?.status === "OK") counts.zombiesInTime.add(job.jobId);
      else throw new Error(`an unexpected answer to a stale report: ${JSON.stringify(answer)}`);
    } catch (error) {
      if (error.message.startsWith("an unexpected")) throw error;
      await pause(50);
    }
  }
}

async function round(seed, jobs, kills) {
  const draw = random(seed);
  const folder = mkdtempSync(join(tmpdir(), "errand-kill-"));
  const credentials = join(folder, "credentials.toml");
  const server = new MortalServer(errand, folder, ["--credentials", credentials], { ERRAND_WORKER_LEASE: `${LEASE_MS}ms` });
  writeFileSync(join(folder, "schema.graphql"), schema);
  const tenants = ["acme", "globex"].map((name) => ({
    name,
    client: makeToken(errand, credentials, name, `${name}:client`, "*"),
    worker: makeToken(errand, credentials, name, `${name}:worker`, "worker"),
    ids: new Map(),
  }));
  const counts = { executions: 0, zombieJobs: 0, zombiesRefused: 0, zombiesInTime: new Set(), acknowledged: 0 };
  const executed = new Map(); // by job id: what each attempt would return
  let over = false;
  let passed = false;
  const workers = [];
  try {
    await server.start();
    for (const tenant of tenants) {
      const worker = new Worker({
        url: server.url, token: tenant.worker, slots: 16, logger: silent, handleSignals: false,
        reconnectMs: { first: 50, longest: 300 }, drainTimeoutMs: 1_000,
      });
      worker.handle("work", async (job) => {
        counts.executions += 1;
        const by = `${tenant.name}:${job.attempt}:${counts.executions}`;
        executed.set(job.id, [...(executed.get(job.id) ?? []), by]);
        await pause(5 + Math.floor(Math.random() * 60));
        if (Math.random() < 0.05) throw new TransientError("this attempt fails", { retryAfter: 100 });
        return { number: job.input.number, by };
      });
      workers.push({ worker, done: worker.run() });
    }
    const zombies = tenants.map((tenant) => zombie(server, tenant, counts, () => over));

    // Work is done in steps, submissions and executions; the kills fall at steps drawn beforehand.
    const moments = Array.from({ length: kills }, () => Math.floor(draw() * jobs * 1.9)).sort((a, b) => a - b);
    let killed = 0;
    const killer = (async () => {
      for (const moment of moments) {
        while (counts.acknowledged + counts.executions < moment) await pause(1);
        await pause(Math.floor(draw() * 30));
        await server.kill();
        killed += 1;
        await server.start();
      }
    })();

    const work = Array.from({ length: jobs }, (_, i) => ({ tenant: tenants[i % 2], number: i }));
    await each(work, 12, async ({ tenant, number }) => {
      tenant.ids.set(number, await submit(server, tenant, number));
      counts.acknowledged += 1;
    });
    await killer;

    // Every job ends.
    const ended = new Map();
    for (const begin = Date.now(); ended.size < jobs; await pause(100)) {
      assert.ok(Date.now() - begin < 120_000, `${jobs - ended.size} of ${jobs} jobs have not ended`);
      for (const tenant of tenants) {
        await each([...tenant.ids.values()].filter((id) => !ended.has(id)), 16, async (id) => {
          const { data } = await untilAnswered(server, () => graphql(server, tenant.client, READ, { id }));
          assert.ok(data?.job, `the job ${id} is gone`);
          if (["SUCCEEDED", "FAILED", "CANCELED", "EXPIRED"].includes(data.job.status)) ended.set(id, data.job);
        });
      }
    }
    over = true;
    await Promise.all(zombies);

    for (const tenant of tenants) {
      const other = tenants.find((each) => each !== tenant);
      for (const [number, id] of tenant.ids) {
        const job = ended.get(id);
        assert.equal(job.status, "SUCCEEDED", `${id}: ${JSON.stringify(job)}`);
        assert.equal(job.result.number, number);
        // The result is one that an attempt of this job gave, never a stale one.
        if (job.result.by === "zombie") assert.ok(counts.zombiesInTime.has(id), `${id}: a stale result was taken`);
        else assert.ok(executed.get(id).includes(job.result.by), `${id}: a result that nobody gave`);
      }
      // One key, one job; and the other tenant neither sees it nor shares the key.
      for (const number of [...tenant.ids.keys()].slice(0, 20)) {
        assert.equal(await submit(server, tenant, number), tenant.ids.get(number));
        const { data } = await graphql(server, other.client, READ, { id: tenant.ids.get(number) });
        assert.equal(data.job, null, "another tenant's job was shown");
      }
    }

    await Promise.all(workers.map(async ({ worker, done }) => { await worker.stop(); await done; }));
    const exit = await server.stop();
    assert.deepEqual(exit, { code: 0, signal: null }, "the server did not stop cleanly");

    const ids = tenants.flatMap((tenant) => [...tenant.ids.values()]);
    assert.equal(new Set(ids).size, jobs, "two keys gave one job");
    const store = verify(verifyStore, server, ids);
    assert.equal(store.jobs, jobs, "the store holds jobs that nobody was told of");
    assert.equal(killed, kills);
    assert.ok(counts.zombiesRefused > 0, "no stale report was tried");
    console.log(`seed ${seed}: ${jobs} jobs acknowledged and SUCCEEDED over ${killed} kills; ${counts.executions} executions, ` +
      `${store.starts} starts, ${store.lostLeases} lost leases, ${store.attemptsOver} attempts over, ${store.events} events without a gap, ` +
      `${counts.zombiesRefused} stale reports refused, ${store.faults} faults`);
    passed = true;
  } finally {
    over = true;
    if (!passed) console.error(`seed ${seed}, kept ${folder}; the server said last:\n${server.said().slice(-4_000)}`);
    for (const { worker } of workers) void worker.stop();
    if (server.runs) server.process.kill("SIGKILL");
    if (passed) rmSync(folder, { recursive: true, force: true });
  }
}

const minutes = Number(process.env.DEV_TEST_MINUTES ?? 0);
const end = Date.now() + minutes * 60_000;
let seed = values.seed ? Number(values.seed) : Date.now() % 4294967296;
do {
  await round(seed, Number(values.jobs), Number(values.kills));
  seed += 1;
} while (Date.now() < end);
process.exit(0);
