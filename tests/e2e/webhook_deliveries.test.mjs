// What became of webhooks: the log of deliveries, what is delivered again, test events, and endpoints that fall behind; of two tenants.
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { data, graphql, poll } from "./support/clients.mjs";
import { Receiver } from "./support/receiver.mjs";
import { binary, environment, Server } from "./support/server.mjs";

const run = promisify(execFile);
const QUEUE = 10;
const NAMES = ["billing", "flaky", "behind"];
const FIELDS = `id endpoint eventId eventType jobId status trigger createdAt nextAttemptAt finishedAt
  attempts { number trigger startedAt endedAt durationMs statusCode answer errorClass error }`;

let receiver;
let folder;
let server;
let acme;

before(async () => {
  receiver = await new Receiver().listen();
  folder = await mkdtemp(join(tmpdir(), "errand-webhook-deliveries-"));
  const endpoint = (name, more = "") => `[webhooks.endpoints.${name}]\nurl = "${receiver.url}/${name}"\ntypes = ["dev.errand.job.enqueued", "dev.errand.job.canceled"]\ntags = ["${name}"]\n${more}\n`;
  await writeFile(join(folder, "errand.toml"), `
[limits]
queue_length = ${QUEUE}
[outbound]
allow = ["127.0.0.1"]
http = "on"
ports = ["${new URL(receiver.url).port}"]
[webhooks]
retry_schedule = ["200ms", "300ms"]
${endpoint("billing")}
${endpoint("flaky")}
${endpoint("behind", 'ordering = "per-job"\nconcurrency = 2')}
`);
  server = await Server.start(["--config", join(folder, "errand.toml")]);
  acme = server.tokens.acme.client;
  for (const name of NAMES) {
    receiver.secrets[name] = execFileSync(binary, ["webhook", "secret", name, "--data", join(server.folder, "data")],
      { encoding: "utf8", env: environment }).trim();
  }
});

after(async () => {
  await server.stop();
  receiver.close();
  await rm(folder, { recursive: true });
  assert.deepEqual(receiver.faults, []);
});

const ignored = async (tag, token = acme) => {
  const { ignored: job } = await data(server, token, "mutation ($tags: [String!]) { ignored(text: \"x\", options: { tags: $tags }) { id } }", { tags: [tag] });
  return job.id;
};
const cancel = (id) => data(server, acme, "mutation ($id: ID!) { cancelJob(id: $id) { status } }", { id });
const deliveries = async (endpoint, args = "", token = acme) =>
  (await data(server, token, `{ webhookDeliveries(endpoint: "${endpoint}"${args}) { nodes { ${FIELDS} } pageInfo { hasNextPage endCursor } } }`)).webhookDeliveries;
const code = async (query, token = acme) => (await graphql(server, token, query)).json.errors?.[0]?.extensions?.code;

test("what became of an event is listed, attempt by attempt", async () => {
  receiver.answers.billing = (_, attempt, response) => {
    if (attempt === 1) response.writeHead(503).end("not now");
    return attempt === 1 ? 503 : 204;
  };
  const job = await ignored("billing");
  const [delivery] = await poll(() => deliveries("billing").then(({ nodes }) => nodes), ([one]) => one?.status === "SUCCEEDED");
  assert.equal(delivery.jobId, job);
  assert.equal(delivery.eventType, "dev.errand.job.enqueued");
  assert.equal(delivery.eventId, receiver.of("billing", job)[0].id);
  assert.equal(delivery.trigger, "SCHEDULED");
  assert.equal(delivery.nextAttemptAt, null);
  const [first, second] = delivery.attempts;
  assert.deepEqual([first.number, first.statusCode, first.answer, first.errorClass], [1, 503, "not now", "HTTP_503"]);
  assert.deepEqual([second.number, second.statusCode, second.answer, second.errorClass, second.trigger], [2, 204, null, null, "SCHEDULED"]);
  assert.ok(first.durationMs >= 0 && Date.parse(first.endedAt) >= Date.parse(first.startedAt));
  // Of another tenant nothing is seen, and nothing can be done.
  assert.deepEqual((await deliveries("billing", "", server.tokens.bolt.client)).nodes, []);
  assert.equal(await code(`mutation { redeliverWebhook(deliveryId: "${delivery.id}") { id } }`, server.tokens.bolt.client), "NOT_FOUND");
  assert.equal(await code('{ webhookDeliveries(endpoint: "none") { nodes { id } } }'), "NOT_FOUND");
});

test("an event is delivered once more, under the same id", async () => {
  const [old] = (await deliveries("billing", ", status: [SUCCEEDED]")).nodes;
  const { redeliverWebhook: made } = await data(server, acme, `mutation { redeliverWebhook(deliveryId: "${old.id}") { ${FIELDS} } }`);
  assert.notEqual(made.id, old.id);
  assert.equal(made.eventId, old.eventId);
  const [delivery] = await poll(() => deliveries("billing").then(({ nodes }) => nodes), ([one]) => one.id === made.id && one.status === "SUCCEEDED");
  assert.deepEqual([delivery.trigger, delivery.attempts[0].trigger], ["MANUAL", "MANUAL"]);
  const came = receiver.of("billing").filter(({ id }) => id === old.eventId);
  assert.equal(came.length, 3);
  assert.equal(came[2].body, came[1].body);
});

test("what was given up is recovered, and nothing else", async () => {
  const since = new Date().toISOString();
  receiver.answers.flaky = () => 500;
  const jobs = [await ignored("flaky"), await ignored("flaky")];
  await poll(() => deliveries("flaky", ", status: [EXHAUSTED]").then(({ nodes }) => nodes), (nodes) => nodes.length === 2);
  receiver.answers.flaky = () => 204;
  jobs.push(await ignored("flaky"));
  await poll(() => deliveries("flaky", ", status: [SUCCEEDED]").then(({ nodes }) => nodes), (nodes) => nodes.length === 1);
  const recover = (args) => data(server, acme,
    `mutation { recoverWebhookDeliveries(endpoint: "flaky", since: "${since}"${args}) { missing hasMore recoveryId } }`).then((answer) => answer.recoverWebhookDeliveries);
  assert.deepEqual(await recover(", dryRun: true"), { missing: 2, hasMore: false, recoveryId: null });
  assert.ok((await recover("")).recoveryId);
  const done = await poll(() => deliveries("flaky", ", status: [SUCCEEDED]").then(({ nodes }) => nodes), (nodes) => nodes.length === 3);
  assert.deepEqual(done.map(({ trigger }) => trigger).sort(), ["RECOVERY", "RECOVERY", "SCHEDULED"]);
  assert.deepEqual(await recover(", dryRun: true"), { missing: 0, hasMore: false, recoveryId: null });
  for (const job of jobs) assert.equal(receiver.of("flaky", job).filter(({ status }) => status === 204).length, 1);
  const of = await deliveries("flaky", ', types: ["dev.errand.job.canceled"]');
  assert.deepEqual(of.nodes, []);
  const page = await deliveries("flaky", ", first: 2");
  assert.equal(page.pageInfo.hasNextPage, true);
  assert.equal((await deliveries("flaky", `, first: 10, after: "${page.pageInfo.endCursor}"`)).nodes.length, 3);
});

test("a test event says that it is one", async () => {
  const tryOut = (args = "") => data(server, acme,
    `mutation { testWebhookEndpoint(id: "billing"${args}) { delivered eventId statusCode durationMs answer errorClass error } }`).then((answer) => answer.testWebhookEndpoint);
  receiver.answers.billing = () => 204;
  const good = await tryOut();
  assert.deepEqual([good.delivered, good.statusCode, good.errorClass], [true, 204, null]);
  const [came] = receiver.of("billing").filter(({ id }) => id === good.eventId);
  assert.equal(came.event.errandtest, true);
  assert.equal(came.event.type, "dev.errand.job.succeeded");
  receiver.answers.billing = (_, attempt, response) => void response.writeHead(418).end("tea");
  const bad = await tryOut(', type: "dev.errand.job.failed"');
  assert.deepEqual([bad.delivered, bad.statusCode, bad.answer, bad.errorClass], [false, 418, "tea", "HTTP_418"]);
  assert.equal(await code('mutation { testWebhookEndpoint(id: "billing", type: "x") { delivered } }'), "BAD_USER_INPUT");
  receiver.answers.billing = () => 204;
});

test("an endpoint beyond its queue follows the log: nothing is lost, and the order is kept", async () => {
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  receiver.answers.behind = (_, __, response) => void opened.then(() => response.writeHead(204).end());
  const jobs = [];
  for (let i = 0; i < 4 * QUEUE; ++i) {
    const job = await ignored("behind");
    await cancel(job);
    jobs.push(job);
  }
  await poll(() => server.log.filter((line) => line.includes("webhook endpoint is behind")), (lines) => lines.length > 0);
  assert.ok(new Set(receiver.of("behind").map(({ id }) => id)).size < 2 * jobs.length);
  // A server that is killed goes on where it was.
  server.child.kill("SIGKILL");
  await server.exited;
  await server.run(new URL(server.url).port);
  open();
  receiver.answers.behind = () => 204;
  for (const job of jobs) await poll(() => receiver.of("behind", job).map(({ event }) => event.type.split(".").at(-1)), (types) => types.includes("canceled"));
  for (const job of jobs) {
    const types = receiver.of("behind", job).map(({ event }) => event.type.split(".").at(-1));
    assert.deepEqual([...new Set(types)], ["enqueued", "canceled"], job);
  }
  await poll(() => server.log.filter((line) => line.includes("webhook endpoint has caught up")), (lines) => lines.length > 0);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assert.match(metrics, /errand_webhook_catch_ups_total\{change="ended",endpoint="behind"\} [1-9]/);
});

test("the same are commands", async () => {
  const errand = (...args) => run(binary, ["webhook", ...args, "--url", server.url], { env: { ...environment, ERRAND_TOKEN: acme }, timeout: 20_000 });
  const { stdout: listed } = await errand("deliveries", "billing", "--attempts");
  assert.match(listed, /SUCCEEDED .*dev\.errand\.job\.enqueued/);
  assert.match(listed, /status 503/);
  const [one] = (await deliveries("billing")).nodes;
  assert.match((await errand("redeliver", one.id)).stdout, new RegExp(one.eventType));
  assert.match((await errand("recover", "billing", "--since", "2020-01-01T00:00:00Z", "--dry-run")).stdout, /^0 deliveries would be made/);
  assert.match((await errand("test", "billing")).stdout, /^delivered: status 204/);
});
