// Events posted to endpoints: verified by npm's standardwebhooks and read by npm's cloudevents; endpoints that fail, that want order, that
// are gone; and a server that is killed meanwhile.
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { answeringWorker, data, poll } from "./support/clients.mjs";
import { Receiver } from "./support/receiver.mjs";
import { binary, environment, schemaFile, Server } from "./support/server.mjs";

const { HTTP } = createRequire(new URL("../protocol/package.json", import.meta.url))("cloudevents");
const run = promisify(execFile);

let receiver;
let folder;
let server;
let port;

/** Answers every job of a tenant, as long as its connection lasts. */
const work = (tenant) => answeringWorker(server, server.tokens[tenant].worker, ["greet"], ({ arguments: { input: { name } } }) =>
  name === "fail"
    ? { type: "fail", error: { kind: "PERMANENT", code: "NO", message: "it is no name" } }
    : { type: "complete", result: { text: `Hello ${name}` } });

const greet = (name, tenant = "acme", options = {}) =>
  data(server, server.tokens[tenant].client, "mutation ($name: String!, $options: JobOptions) { greet(input: {name: $name}, options: $options) { id } }",
    { name, options }).then((answer) => answer.greet.id);

before(async () => {
  receiver = await new Receiver().listen();
  folder = await mkdtemp(join(tmpdir(), "errand-webhooks-"));
  const endpoint = (name, more) => `[webhooks.endpoints.${name}]\nurl = "${receiver.url}/${name}"\n${more}\n`;
  await writeFile(join(folder, "headers"), "X-Receiver-Key: 4711\n");
  await writeFile(join(folder, "errand.toml"), `
[outbound]
allow = ["127.0.0.1"]
http = "on"
ports = ["${new URL(receiver.url).port}"]
${endpoint("all", `types = ["dev.errand.job.*"]\npayload = "full"\nheaders_file = "${join(folder, "headers")}"`)}
${endpoint("failures", 'types = ["dev.errand.job.failed"]\ntenants = ["acme"]\ncontent_type = "application/cloudevents+json"')}
${endpoint("vip", 'types = ["*"]\ntags = ["vip"]')}
${endpoint("flaky", 'types = ["dev.errand.job.succeeded"]\ntags = ["flaky"]')}
${endpoint("ordered", 'types = ["*"]\ntags = ["ordered"]\nordering = "per-job"')}
${endpoint("gone", 'types = ["dev.errand.job.enqueued"]\ntags = ["gone"]')}
`);
  server = await Server.start(["--config", join(folder, "errand.toml")]);
  port = new URL(server.url).port;
  for (const name of ["all", "failures", "vip", "flaky", "ordered", "gone"]) {
    receiver.secrets[name] = execFileSync(binary, ["webhook", "secret", name, "--data", join(server.folder, "data")],
      { encoding: "utf8", env: environment }).trim();
  }
  await work("acme");
  await work("bolt");
});

after(async () => {
  await server.stop();
  receiver.close();
  await rm(folder, { recursive: true });
  assert.deepEqual(receiver.faults, []);
});

const types = (list) => list.map(({ event }) => event.type.replace("dev.errand.job.", "")).sort();
const until = (name, job, count) => poll(() => receiver.of(name, job), (list) => list.length >= count);

test("each event of a job comes signed, as a CloudEvent", async () => {
  const job = await greet("Ann");
  const came = await until("all", job, 3);
  assert.deepEqual(types(came), ["enqueued", "started", "succeeded"]);
  assert.equal(new Set(came.map(({ id }) => id)).size, 3);
  for (const { headers, body, event, id } of came) {
    const read = HTTP.toEvent({ headers: { ...headers, "content-type": "application/cloudevents+json" }, body });
    assert.equal(read.validate(), true);
    assert.equal(headers["webhook-id"], id);
    assert.equal(headers["x-receiver-key"], "4711");
    assert.match(headers.traceparent, /^00-/);
    assert.equal(event.timestamp, event.time);
  }
  const last = came.find(({ event }) => event.type.endsWith("succeeded"));
  assert.match(last.body, /Hello Ann/);
  const first = came.find(({ event }) => event.type.endsWith("enqueued"));
  assert.doesNotMatch(first.body, /Ann/); // the input is nobody's
});

test("an endpoint gets the types, tenants and tags that it names", async () => {
  const [failed, others, vip] = await Promise.all([greet("fail"), greet("fail", "bolt"), greet("Bob", "acme", { tags: ["vip"] })]);
  const [message] = await until("failures", failed, 1);
  assert.equal(message.headers["content-type"], "application/cloudevents+json");
  await until("vip", vip, 3);
  await until("all", others, 4);
  assert.deepEqual(receiver.of("failures", others), []);
  assert.deepEqual(receiver.of("failures", failed).length, 1);
  assert.deepEqual(receiver.of("vip").filter(({ event }) => !event.subject.endsWith(vip)), []);
});

test("what failed is sent again under the same id, and later by its timestamp", async () => {
  receiver.answers.flaky = (_, attempt) => (attempt === 1 ? 503 : 204);
  const job = await greet("Cid", "acme", { tags: ["flaky"] });
  const [first, second] = await until("flaky", job, 2);
  assert.deepEqual([first.status, second.status], [503, 204]);
  assert.equal(first.id, second.id);
  assert.equal(first.body, second.body);
  assert.ok(Number(second.headers["webhook-timestamp"]) > Number(first.headers["webhook-timestamp"]));
});

test("an endpoint that wants order gets a job's events in theirs", async () => {
  receiver.answers.ordered = ({ type }, attempt) => (type.endsWith("enqueued") && attempt === 1 ? 500 : 204);
  const job = await greet("Dan", "acme", { tags: ["ordered"] });
  const came = await until("ordered", job, 4);
  assert.deepEqual(came.map(({ event, status }) => [event.type.split(".").at(-1), status]),
    [["enqueued", 500], ["enqueued", 204], ["started", 204], ["succeeded", 204]]);
});

test("an endpoint that is gone is left alone", async () => {
  receiver.answers.gone = () => 410;
  await until("gone", await greet("Eve", "acme", { tags: ["gone"] }), 1);
  await poll(() => server.log.filter((line) => line.includes("webhook endpoint is disabled")), (lines) => lines.length === 1);
  const next = await greet("Fay", "acme", { tags: ["gone"] });
  await until("all", next, 3);
  assert.equal(receiver.of("gone").length, 1);
  const { webhookEndpoint } = await data(server, server.tokens.acme.client, '{ webhookEndpoint(id: "gone") { source status disabledReason url } }');
  assert.deepEqual(webhookEndpoint, { source: "SETTINGS", status: "DISABLED", disabledReason: "GONE", url: receiver.url });
});

test("deliveries are nobody's jobs", async () => {
  const { jobs } = await data(server, server.tokens.acme.client, "{ jobs(first: 100) { nodes { type } } }");
  assert.deepEqual([...new Set(jobs.nodes.map(({ type }) => type))], ["greet"]);
});

test("a server that is killed loses no delivery", async () => {
  const jobs = [];
  for (let i = 0; i < 40; ++i) jobs.push(await greet(`n${i}`));
  server.child.kill("SIGKILL");
  await server.exited;
  const before = receiver.received.length;
  await server.run(port);
  await work("acme");
  // That one is gone is known over the kill too.
  await until("all", await greet("Gus", "acme", { tags: ["gone"] }), 3);
  assert.equal(receiver.of("gone").length, 1);
  for (const job of jobs) await poll(() => new Set(receiver.of("all", job).map(({ id }) => id)).size, (ids) => ids >= 3);
  const came = jobs.flatMap((job) => receiver.of("all", job));
  const ids = new Set(came.map(({ id }) => id));
  console.log(`# ${jobs.length} jobs, ${ids.size} events, ${came.length - ids.size} delivered more than once, ${receiver.received.length - before} after the kill`);
  // The same id is the same event, word for word.
  for (const id of ids) assert.equal(new Set(came.filter((one) => one.id === id).map(({ body }) => body)).size, 1);
});

test("an endpoint at an internal address stops the start, and says which setting lets it", async () => {
  const config = join(folder, "internal.toml");
  for (const [url, why] of [["http://127.0.0.1:9/", /webhooks\.endpoints\.inner: .*(outbound\.http|outbound\.ports)/],
    ["https://169.254.169.254/latest", /webhooks\.endpoints\.inner: .*outbound\.allow/], ["ftp://x/", /webhooks\.endpoints\.inner: /]]) {
    await writeFile(config, `[webhooks.endpoints.inner]\nurl = "${url}"\ntypes = ["*"]\n`);
    const error = await run(binary, ["serve", "--schema", schemaFile, "--data", join(folder, "data"), "--port", "0", "--config", config],
      { env: environment, timeout: 20_000 }).then(() => assert.fail("it started"), (reason) => reason);
    assert.match(error.stderr, why);
  }
});
