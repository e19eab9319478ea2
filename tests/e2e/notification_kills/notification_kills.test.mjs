// node notification_kills.test.mjs ERRAND [--jobs 80] [--kills 2] [--seed N]
//
// Jobs whose attempts fail now and then, told by mail when they start and when they are done, to one address and to a second one by
// two policies at once, while the server is killed with SIGKILL at random moments and, in the long run, the mail server is busy or ends
// connections after a message. In the end there is exactly one decision and one Message-ID for each (job, run, milestone, channel, recipient),
// and each was sent; transmissions beyond that are counted. With DEV_TEST_MINUTES: 1,000 jobs and 8 kills.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { TransientError, Worker } from "../../../sdk/typescript/dist/index.js";
import { MortalServer, each, graphql, makeToken, pause, random, silent, untilAnswered } from "../support/kills.mjs";
import { MailSink, refusal } from "../support/mail.mjs";

const long = Number(process.env.DEV_TEST_MINUTES ?? 0) > 0;
const { positionals: [errand], values } = parseArgs({
  allowPositionals: true,
  options: {
    jobs: { type: "string", default: long ? "1000" : "80" }, kills: { type: "string", default: long ? "8" : "2" }, seed: { type: "string" },
  },
});
assert.ok(errand, "usage: notification_kills.test.mjs ERRAND");
const jobs = Number(values.jobs);
const kills = Number(values.kills);
const seed = values.seed ? Number(values.seed) : Date.now() % 4294967296;
const draw = random(seed);

const schema = `
type Work { number: Int! }
type Mutation {
  work(number: Int!, mail: String!, boss: String!): Work! @job(maxAttempts: 50, backoff: {kind: FIXED, interval: "20ms"})
    @notify(on: [STARTED, SUCCEEDED], channels: [EMAIL], to: ["mail"])
    @notify(on: [SUCCEEDED, FAILED], channels: [EMAIL], to: ["mail", "boss"])
}
`;
const MILESTONES = ["EMAIL STARTED mail", "EMAIL SUCCEEDED boss", "EMAIL SUCCEEDED mail"];

const folder = mkdtempSync(join(tmpdir(), "errand-notification-kills-"));
const sink = await new MailSink().listen();
writeFileSync(join(folder, "schema.graphql"), schema);
writeFileSync(join(folder, "errand.toml"), `
[worker]
lease = "2s"
[notifications]
link = "https://app.example/jobs/{id}"
rate = 100000
[notifications.email]
from = "errand@example.org"
[notifications.email.providers.sink]
host = "127.0.0.1"
port = ${sink.port}
security = "none"
`);
const credentials = join(folder, "credentials.toml");
const client = makeToken(errand, credentials, "acme", "client", "*");
const token = makeToken(errand, credentials, "acme", "worker", "worker");
const server = new MortalServer(errand, folder, ["--config", join(folder, "errand.toml"), "--credentials", credentials]);

const counts = { busy: 0, dropped: 0, failed: 0, acknowledged: 0, executions: 0 };
// Only the first transmission of a message fares badly. Each failure puts a message off, the second for a minute: not in the short run.
const trouble = long ? 0.02 : 0;
const refused = new Set();
sink.answer = ({ mail }, times) => {
  if (times > 1 || refused.has(mail.messageId)) return undefined;
  const luck = Math.random();
  if (luck < trouble) {
    counts.busy += 1;
    refused.add(mail.messageId);
    throw refusal(451, "try again later");
  }
  if (luck < 2 * trouble) {
    counts.dropped += 1;
    return "drop";
  }
  return undefined;
};

const READ = `query ($id: ID!) {
  job(id: $id) { status }
  jobNotifications(jobId: $id, first: 100) { nodes { id run milestone channel recipient outcome attempts reference } }
}`;

let passed = false;
let worker;
try {
  await server.start();
  worker = new Worker({
    url: server.url, token, slots: 16, logger: silent, handleSignals: false, reconnectMs: { first: 50, longest: 300 }, drainTimeoutMs: 1_000,
  });
  worker.handle("work", async (job) => {
    counts.executions += 1;
    await pause(5 + Math.floor(Math.random() * 40));
    if (Math.random() < 0.2) {
      counts.failed += 1;
      throw new TransientError("this attempt fails", { retryAfter: 20 });
    }
    return { number: job.input.number };
  });
  const working = worker.run();

  const moments = Array.from({ length: kills }, () => Math.floor(draw() * jobs * 1.8)).sort((a, b) => a - b);
  const killer = (async () => {
    for (const moment of moments) {
      while (counts.acknowledged + counts.executions < moment) await pause(1);
      await pause(Math.floor(draw() * 200));
      await server.kill();
      await server.start();
    }
  })();
  const ids = new Map();
  const begun = Date.now();
  await each(Array.from({ length: jobs }, (_, i) => i), 8, async (number) => {
    const answer = await untilAnswered(server, () => graphql(server, client, `mutation ($number: Int!, $mail: String!, $boss: String!, $key: String!) {
      work(number: $number, mail: $mail, boss: $boss, options: { idempotencyKey: $key }) { id } }`,
    { number, mail: `user${number % 40}@example.org`, boss: `boss${number % 7}@example.org`, key: `k${number}` }));
    assert.ok(answer.data?.work?.id, JSON.stringify(answer));
    ids.set(answer.data.work.id, number);
    counts.acknowledged += 1;
  });
  await killer;
  assert.equal(ids.size, jobs);

  // Every job ends, and every message is sent.
  const told = new Map();
  let moved = Date.now();
  while (told.size < jobs) {
    const before = told.size;
    await each([...ids.keys()].filter((id) => !told.has(id)), 8, async (id) => {
      const { data, errors } = await untilAnswered(server, () => graphql(server, client, READ, { id }));
      assert.ok(data?.jobNotifications, JSON.stringify(errors));
      const list = data.jobNotifications.nodes;
      if (data.job.status === "SUCCEEDED" && list.length >= MILESTONES.length && list.every(({ outcome }) => outcome === "SENT")) told.set(id, list);
      assert.ok(!list.some(({ outcome }) => outcome === "FAILED"), JSON.stringify(list));
    });
    if (told.size > before) moved = Date.now();
    assert.ok(Date.now() - moved < 180_000, `${jobs - told.size} of ${jobs} jobs were not told of: nothing has moved for three minutes`);
    await pause(200);
  }
  const seconds = (Date.now() - begun) / 1_000;

  // One decision a key, one Message-ID a decision.
  const messageIds = new Set();
  for (const [id, list] of told) {
    const number = ids.get(id);
    const names = list.map(({ run, milestone, channel, recipient }) => {
      assert.equal(run, 1);
      assert.ok([`user${number % 40}@example.org`, `boss${number % 7}@example.org`].includes(recipient));
      return `${channel} ${milestone} ${recipient.startsWith("boss") ? "boss" : "mail"}`;
    });
    assert.deepEqual(names.sort(), MILESTONES, `job ${id}`);
    for (const { reference } of list) messageIds.add(reference);
  }
  assert.equal(messageIds.size, MILESTONES.length * jobs);
  // What came: nothing else, and of each decision at least one mail, all of one Message-ID.
  const came = new Map();
  for (const { mail, to } of sink.received) {
    const job = mail.text.match(/jobs\/([0-9a-f-]{36})/)[1];
    const key = `${job} ${mail.subject} ${to[0]}`;
    came.set(key, (came.get(key) ?? new Set()).add(mail.messageId));
  }
  for (const [key, of] of came) assert.equal(of.size, 1, `${key} came under several Message-IDs`);
  assert.equal(came.size, MILESTONES.length * jobs);
  assert.deepEqual(new Set([...came.values()].map(([one]) => one)), messageIds);

  const exit = await server.stop();
  assert.deepEqual(exit, { code: 0, signal: null });
  await worker.stop();
  await working;
  console.log(`seed ${seed}: ${jobs} jobs, ${kills} kills, ${counts.failed} failed attempts of ${counts.executions} executions; ` +
    `${messageIds.size} decisions and Message-IDs for ${MILESTONES.length * jobs} (job, run, milestone, channel, recipient), ${sink.transmissions} transmissions: ` +
    `${sink.transmissions - messageIds.size} repeated (${counts.busy} refused as busy, ${counts.dropped} ended without a reply); ${seconds.toFixed(0)} s`);
  passed = true;
} finally {
  if (!passed) console.error(`seed ${seed}, kept ${folder}; the server said last:\n${server.said().slice(-4_000)}`);
  void worker?.stop();
  if (server.runs) server.process.kill("SIGKILL");
  if (passed) rmSync(folder, { recursive: true, force: true });
}
process.exit(passed ? 0 : 1);
