// Endpoints of webhooks that are made, changed and deleted while the server runs: by GraphQL and by the program; of two tenants; over kills.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createPublicKey, verify } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { answeringWorker, data, graphql, poll } from "./support/clients.mjs";
import { MailSink } from "./support/mail.mjs";
import { Receiver, verifies } from "./support/receiver.mjs";
import { binary, environment, schemaFile, Server } from "./support/server.mjs";

const { HTTP } = createRequire(new URL("../protocol/package.json", import.meta.url))("cloudevents");
const run = promisify(execFile);
const fields = `id source url status eventTypes headers rate inFlight ordering disabledReason disabledAt failures lastFailure
  keys { createdAt expiresAt publicKey } createdBy data { path in }`;

let receiver;
let sink;
let folder;
let server;
let port;
let acme;
let bolt;

const work = (tenant) => answeringWorker(server, server.tokens[tenant].worker, ["greet"], ({ arguments: { input: { name } } }) =>
  name.startsWith("fail")
    ? { type: "fail", error: { kind: "PERMANENT", code: name.toUpperCase().replace(" ", "_"), message: "it is no name" } }
    : { type: "complete", result: { text: `Hello ${name}` } });

const greet = (name, tenant = "acme", options = {}) =>
  data(server, server.tokens[tenant].client, "mutation ($name: String!, $options: JobOptions) { greet(input: {name: $name}, options: $options) { id } }",
    { name, options }).then((answer) => answer.greet.id);
const create = async (name, input = {}, token = acme) => {
  const { createWebhookEndpoint: made } = await data(server, token,
    `mutation ($input: WebhookEndpointInput!) { createWebhookEndpoint(input: $input) { endpoint { ${fields} } secret } }`,
    { input: { url: `${receiver.url}/${name}`, eventTypes: ["dev.errand.job.succeeded"], ...input } });
  receiver.secrets[name] = made.secret;
  return made;
};
const change = async (field, id, args = "", token = acme) =>
  (await data(server, token, `mutation ($id: ID!) { ${field}(id: $id${args}) { ${fields} } }`, { id }))[field];
const update = async (id, input, token = acme) =>
  (await data(server, token, `mutation ($id: ID!, $input: WebhookEndpointInput!) { updateWebhookEndpoint(id: $id, input: $input) { ${fields} } }`,
    { id, input })).updateWebhookEndpoint;
const remove = (id, token = acme) => data(server, token, "mutation ($id: ID!) { deleteWebhookEndpoint(id: $id) }", { id });
const show = async (id, token = acme) => (await data(server, token, `query ($id: ID!) { webhookEndpoint(id: $id) { ${fields} } }`, { id })).webhookEndpoint;
const refusal = async (query, variables, token = acme) => {
  const { json } = await graphql(server, token, query, variables);
  assert.ok(json.errors, JSON.stringify(json));
  return { code: json.errors[0].extensions.code, message: json.errors[0].message };
};
const until = (name, job, count = 1) => poll(() => receiver.of(name, job), (list) => list.length >= count);
const program = async (...args) => run(binary, ["webhook", ...args], { env: { ...environment, ERRAND_URL: server.url, ERRAND_TOKEN: acme }, timeout: 20_000 });

before(async () => {
  receiver = await new Receiver().listen();
  sink = await new MailSink().listen();
  folder = await mkdtemp(join(tmpdir(), "errand-endpoints-"));
  await writeFile(join(folder, "errand.toml"), `
[outbound]
allow = ["127.0.0.1"]
http = "on"
ports = ["${new URL(receiver.url).port}", "443"]
[webhooks]
endpoints_per_tenant = 12
notify_group = "ops"
[webhooks.callback_hosts]
acme = ["127.0.0.1", "*.example.com"]
[webhooks.endpoints.ours]
url = "${receiver.url}/ours"
types = ["dev.errand.job.failed"]
tenants = ["acme"]
data = [{path = "/error/code", in = ["FAIL_OURS"]}]
[notifications.groups.ops]
emails = ["ops@example.org", "boss@example.org"]
[notifications.email]
from = "Errand <errand@example.org>"
[notifications.email.providers.sink]
host = "127.0.0.1"
port = ${sink.port}
security = "none"
`);
  receiver.secrets.ours = null;
  server = await Server.start(["--config", join(folder, "errand.toml")]);
  port = new URL(server.url).port;
  acme = server.tokens.acme.client;
  bolt = server.tokens.bolt.client;
  await work("acme");
  await work("bolt");
});

after(async () => {
  await server.stop();
  receiver.close();
  sink.close();
  await rm(folder, { recursive: true });
  assert.deepEqual(receiver.faults, []);
  // One for each endpoint that was disabled, whatever was killed since.
  for (const to of ["ops@example.org", "boss@example.org"]) assert.equal(sink.of(to).length, 2);
});

test("an endpoint that is made gets its tenant's events at once, and over a kill", async () => {
  const { endpoint, secret } = await create("mine", { headers: [{ name: "X-Key", value: "very secret" }], payload: "FULL" });
  assert.match(endpoint.id, /^we_[0-9a-f]{32}$/);
  assert.match(secret, /^whsec_/);
  assert.deepEqual([endpoint.source, endpoint.status, endpoint.headers, endpoint.createdBy], ["API", "ACTIVE", ["X-Key"], "client:acme"]);
  const [mine, theirs] = await Promise.all([greet("Ann"), greet("Bob", "bolt")]);
  const [{ headers, body, id }] = await until("mine", mine);
  const event = HTTP.toEvent({ headers: { ...headers, "content-type": "application/cloudevents+json" }, body });
  assert.equal(event.validate(), true);
  assert.equal(event.id, id);
  assert.equal(headers["x-key"], "very secret");
  server.child.kill("SIGKILL");
  await server.exited;
  await server.run(port);
  await work("acme");
  await work("bolt");
  await until("mine", await greet("Cid"));
  assert.deepEqual(receiver.of("mine", theirs), []);
  // Nothing of it stands in the clear: neither in files nor in the log.
  for (const file of await readdir(join(server.folder, "data"))) {
    const bytes = await readFile(join(server.folder, "data", file));
    for (const text of ["very secret", secret, secret.slice(6)]) assert.ok(!bytes.includes(text), `${file} holds a secret`);
  }
  assert.ok(!server.log.join("\n").includes(secret));
  await remove(endpoint.id);
  await greet("Dan");
});

test("filters: types, tags, mutations and the event's data", async () => {
  await create("filtered", { eventTypes: ["dev.errand.job.failed"], data: [{ path: "/error/code", in: ["FAIL_A", "FAIL_B"] }] });
  await create("tagged", { eventTypes: ["*"], tags: ["vip"], jobTypes: ["greet"] });
  const [a, b, c] = await Promise.all([greet("fail a"), greet("fail b"), greet("fail c", "acme", { tags: ["vip"] })]);
  await until("filtered", a);
  await until("filtered", b);
  await until("tagged", c, 3);
  const ours = await greet("fail ours");
  await until("ours", ours);
  assert.deepEqual(receiver.of("filtered").filter(({ event }) => event.subject.endsWith(c)), []);
  assert.deepEqual(receiver.of("tagged", a), []);
  assert.equal(receiver.of("ours").length, 1);
});

test("changes hold at once: url, limits, pause", async () => {
  const { endpoint } = await create("first");
  await until("first", await greet("Eve"));
  receiver.secrets.second = receiver.secrets.first;
  const changed = await update(endpoint.id, { url: `${receiver.url}/second`, rate: 7, inFlight: 2, ordering: "PER_JOB", eventTypes: ["*"] });
  assert.deepEqual([changed.rate, changed.inFlight, changed.ordering], [7, 2, "PER_JOB"]);
  const job = await greet("Fay");
  const came = await until("second", job, 3);
  assert.deepEqual(came.map(({ event }) => event.type.split(".").at(-1)), ["enqueued", "started", "succeeded"]);
  assert.equal((await change("pauseWebhookEndpoint", endpoint.id)).status, "PAUSED");
  const waiting = await greet("Gus");
  await until("mine", waiting, 0);
  await poll(() => data(server, acme, "query ($id: ID!) { job(id: $id) { status } }", { id: waiting }), ({ job: { status } }) => status === "SUCCEEDED");
  assert.deepEqual(receiver.of("second", waiting), []);
  assert.equal((await change("resumeWebhookEndpoint", endpoint.id)).status, "ACTIVE");
  await until("second", waiting, 3);
  // What waits for one that is deleted ends too, and says so.
  await change("pauseWebhookEndpoint", endpoint.id);
  await greet("Guy");
  await remove(endpoint.id);
  const failed = new RegExp(`errand_jobs_ended_total{[^}]*errand.webhook.${endpoint.id}[^}]*FAILED[^}]*} (\\d+)`);
  await poll(() => fetch(`${server.url}/metrics`).then((response) => response.text()), (text) => Number(text.match(failed)?.[1]) >= 2);
  assert.equal(await show(endpoint.id), null);
  assert.equal((await refusal("mutation ($id: ID!) { deleteWebhookEndpoint(id: $id) }", { id: endpoint.id })).code, "NOT_FOUND");
});

test("both secrets sign during the grace of a rotation, and a key pair beside them", async () => {
  const { endpoint, secret: old } = await create("rotated", { signingKey: true });
  const publicKey = endpoint.keys[0].publicKey;
  assert.match(publicKey, /^whpk_/);
  const rotated = (await data(server, acme, `mutation ($id: ID!) { rotateWebhookSecret(id: $id, graceHours: 1) { endpoint { ${fields} } secret } }`,
    { id: endpoint.id })).rotateWebhookSecret;
  assert.equal(rotated.endpoint.keys.length, 2);
  assert.equal(rotated.endpoint.keys[0].expiresAt, null);
  receiver.secrets.rotated = rotated.secret;
  const [{ headers, body }] = await until("rotated", await greet("Hal"));
  assert.ok(verifies(old, body, headers) && verifies(rotated.secret, body, headers));
  const signatures = headers["webhook-signature"].split(" ");
  assert.equal(signatures.length, 4);
  // By node's own Ed25519: no library of Standard Webhooks checks v1a.
  for (const key of rotated.endpoint.keys) {
    const spki = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(key.publicKey.slice(5), "base64").toString("base64url") }, format: "jwk" });
    const signed = Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`);
    assert.ok(signatures.filter((text) => text.startsWith("v1a,")).some((text) => verify(null, signed, spki, Buffer.from(text.slice(4), "base64"))));
  }
  const last = (await data(server, acme, `mutation ($id: ID!) { rotateWebhookSecret(id: $id, graceHours: 0) { endpoint { ${fields} } secret } }`,
    { id: endpoint.id })).rotateWebhookSecret;
  assert.equal(last.endpoint.keys.length, 1);
  receiver.secrets.rotated = last.secret;
  const [after] = await until("rotated", await greet("Ida"));
  assert.ok(!verifies(old, after.body, after.headers) && !verifies(rotated.secret, after.body, after.headers));
  assert.equal((await refusal("mutation ($id: ID!) { rotateWebhookSecret(id: $id, graceHours: 169) { secret } }", { id: endpoint.id })).code, "BAD_USER_INPUT");
  await remove(endpoint.id);
});

test("an endpoint that is gone is disabled, and enabled again", async () => {
  const { endpoint } = await create("retired");
  receiver.answers.retired = () => 410;
  await until("retired", await greet("Jim"));
  const disabled = await poll(() => show(endpoint.id), ({ status }) => status === "DISABLED");
  assert.equal(disabled.disabledReason, "GONE");
  assert.ok(Math.abs(Date.parse(disabled.disabledAt) - Date.now()) < 60_000);
  assert.equal((await refusal("mutation ($id: ID!) { pauseWebhookEndpoint(id: $id) { id } }", { id: endpoint.id })).code, "CONFLICT");
  receiver.answers.retired = () => 204;
  assert.equal((await change("enableWebhookEndpoint", endpoint.id)).status, "ACTIVE");
  await until("retired", await greet("Kim"));
  const text = await (await fetch(`${server.url}/metrics`)).text();
  assert.match(text, /errand_webhook_endpoint_changes_total\{change="disabled"\} 1/);
  // The operators are told, each once.
  for (const to of ["ops@example.org", "boss@example.org"]) {
    const [{ mail }] = await poll(() => sink.of(to), (list) => list.length > 0);
    assert.equal(mail.subject, `Webhook endpoint ${endpoint.id} is disabled`);
    assert.match(mail.text, new RegExp(`\\(${receiver.url}\\) of acme is disabled since .*410[^]*errand webhook enable ${endpoint.id}`));
    assert.equal(mail.headers.has("list-unsubscribe"), false);
  }
  await remove(endpoint.id);
});

test("an endpoint can be asked first whether it wants events", async () => {
  const input = (name, verification) => ({ input: { url: `${receiver.url}/${name}`, eventTypes: ["dev.errand.job.killed"], verification } });
  const mutation = "mutation ($input: WebhookEndpointInput!) { createWebhookEndpoint(input: $input) { endpoint { id } secret } }";
  receiver.secrets.asked = null;
  const refused = await refusal(mutation, input("asked", "CLOUDEVENTS"));
  assert.equal(refused.code, "BAD_USER_INPUT");
  assert.match(refused.message, /WebHook-Allowed-Origin/);
  receiver.origins = ["errand"];
  const ids = [(await data(server, acme, mutation, input("asked", "CLOUDEVENTS"))).createWebhookEndpoint.endpoint.id];
  assert.match((await refusal(mutation, input("asked", "CHALLENGE"))).message, /challenge/);
  receiver.answers.asked = (event, _, response) => void response.writeHead(200).end(JSON.stringify({ challenge: event.data.challenge }));
  ids.push((await data(server, acme, mutation, input("asked", "CHALLENGE"))).createWebhookEndpoint.endpoint.id);
  await Promise.all(ids.map((id) => remove(id)));
});

test("another tenant's endpoint is as one that does not exist", async () => {
  const { endpoint: { id } } = await create("hidden");
  const unknown = `we_${"0".repeat(32)}`;
  for (const query of ["query ($id: ID!) { webhookEndpoint(id: $id) { id } }", "mutation ($id: ID!) { deleteWebhookEndpoint(id: $id) }",
    "mutation ($id: ID!) { pauseWebhookEndpoint(id: $id) { id } }", "mutation ($id: ID!) { enableWebhookEndpoint(id: $id) { id } }",
    "mutation ($id: ID!) { rotateWebhookSecret(id: $id) { secret } }", 'mutation ($id: ID!) { updateWebhookEndpoint(id: $id, input: {rate: 1}) { id } }']) {
    const theirs = await graphql(server, bolt, query, { id });
    const none = await graphql(server, bolt, query, { id: unknown });
    assert.equal(theirs.body, none.body, query);
  }
  const list = async (token) => (await data(server, token, "{ webhookEndpoints(first: 100) { nodes { id } } }")).webhookEndpoints.nodes.map((one) => one.id);
  assert.ok((await list(acme)).includes(id) && (await list(acme)).includes("ours"));
  assert.deepEqual(await list(bolt), []);
  assert.equal((await refusal("{ webhookEndpoints { nodes { id } } }", {}, server.tokens.acme.worker)).code, "FORBIDDEN");
  assert.equal((await refusal('mutation { updateWebhookEndpoint(id: "ours", input: {rate: 1}) { id } }', {})).code, "FORBIDDEN");
  const first = (await data(server, acme, "{ webhookEndpoints(first: 1) { edges { cursor node { id } } pageInfo { hasNextPage endCursor } } }")).webhookEndpoints;
  assert.equal(first.pageInfo.hasNextPage, true);
  const second = (await data(server, acme, "query ($after: String) { webhookEndpoints(first: 100, after: $after) { nodes { id } } }",
    { after: first.pageInfo.endCursor })).webhookEndpoints;
  assert.deepEqual([first.edges[0].node.id, ...second.nodes.map((one) => one.id)], await list(acme));
  await remove(id);
});

test("bad input is refused with what is the matter", async () => {
  const mutation = "mutation ($input: WebhookEndpointInput!) { createWebhookEndpoint(input: $input) { secret } }";
  const good = { url: `${receiver.url}/x`, eventTypes: ["*"] };
  for (const [input, why] of [
    [{ url: "https://127.0.0.2/" }, /url: .*127\.0\.0\.2/], [{ url: "https://2130706434/" }, /url: .*127\.0\.0\.2/], [{ url: "https://[::1]/" }, /url: .*::1/],
    [{ url: "https://169.254.169.254/latest" }, /url: /], [{ url: "https://[fd00:ec2::254]/" }, /url: /], [{ url: "https://10.0.0.1/" }, /url: /],
    [{ url: "https://user:pw@example.com/" }, /url: /], [{ url: "https://example.com:22/" }, /url: .*22/], [{ url: "ftp://example.com/" }, /url: /],
    [{ url: "https://example.com:0/" }, /url: /], [{ url: "hooks" }, /url: /], [{ url: null }, /url: is needed/],
    [{ eventTypes: ["dev.*.failed"] }, /eventTypes: "dev\.\*\.failed"/], [{ eventTypes: [] }, /eventTypes: /],
    [{ headers: [{ name: "X-A", value: "a\r\nX-B: c" }] }, /headers: the value of "X-A"/], [{ headers: [{ name: "X A", value: "b" }] }, /headers: a name/],
    [{ headers: [{ name: "X-A\r\nB", value: "b" }] }, /headers: a name/], [{ headers: [{ name: "Host", value: "b" }] }, /headers: "Host"/],
    [{ headers: [{ name: "Webhook-Signature", value: "b" }] }, /headers: "Webhook-Signature"/], [{ headers: [{ name: "X-A" }] }, /headers: "X-A" has no value/],
    [{ rate: 0 }, /rate: /], [{ inFlight: 1001 }, /inFlight: /], [{ timeout: "61s" }, /timeout: /], [{ contentType: "text/plain" }, /contentType: /],
    [{ data: [{ path: "error", in: ["a"] }] }, /data: "error"/], [{ data: [{ path: "/error", in: [] }] }, /data: "in"/], [{ data: [{ path: "/e", in: [{}] }] }, /data: "in"/],
  ]) {
    const { code, message } = await refusal(mutation, { input: { ...good, ...input } });
    assert.equal(code, "BAD_USER_INPUT", JSON.stringify(input));
    assert.match(message, why);
  }
  const ids = [];
  for (;;) {
    const { json } = await graphql(server, bolt, "mutation ($input: WebhookEndpointInput!) { createWebhookEndpoint(input: $input) { endpoint { id } } }", { input: good });
    if (json.errors) {
      assert.equal(json.errors[0].extensions.code, "RESOURCE_EXHAUSTED");
      assert.match(json.errors[0].message, /endpoints_per_tenant/);
      break;
    }
    ids.push(json.data.createWebhookEndpoint.endpoint.id);
  }
  assert.equal(ids.length, 12);
  await Promise.all(ids.map((id) => remove(id, bolt)));
});

test("a job may name where its own events are posted to", async () => {
  const { stdout } = await run(binary, ["webhook", "secret", "--callbacks-of", "acme", "--data", join(server.folder, "data")], { env: environment });
  receiver.secrets.back = stdout.trim();
  receiver.secrets.all = stdout.trim();
  const url = `${receiver.url}/back`;
  const [job, all] = await Promise.all([greet("Lea", "acme", { callback: { url } }),
    greet("Max", "acme", { callback: { url: `${receiver.url}/all`, types: ["dev.errand.job.*"] } })]);
  const [{ event }] = await until("back", job);
  assert.equal(event.type, "dev.errand.job.succeeded");
  assert.deepEqual((await until("all", all, 3)).map((one) => one.event.type.split(".").at(-1)).sort(), ["enqueued", "started", "succeeded"]);
  assert.equal(receiver.of("back").length, 1);
  const mutation = "mutation ($options: JobOptions) { greet(input: {name: \"x\"}, options: $options) { id } }";
  for (const [callback, code, why] of [
    [{ url: "https://hooks.example.org/" }, "FORBIDDEN", /"hooks\.example\.org" is not one of/], [{ url: "https://example.com/" }, "FORBIDDEN", /is not one of/],
    [{ url: "https://127.0.0.2/" }, "FORBIDDEN", /is not one of/], [{ url: "https://127.0.0.1.example.org/" }, "FORBIDDEN", /is not one of/],
    [{ url: "https://hooks.example.com@127.0.0.2/" }, "BAD_USER_INPUT", /callback\.url/], [{ url: "https://hooks.example.com:22/" }, "BAD_USER_INPUT", /callback\.url/],
    [{ url, types: ["*.failed"] }, "BAD_USER_INPUT", /callback\.types/],
  ]) {
    const refused = await refusal(mutation, { options: { callback } });
    assert.equal(refused.code, code, JSON.stringify(callback));
    assert.match(refused.message, why);
  }
  assert.match((await refusal(mutation, { options: { callback: { url } } }, bolt)).message, /not switched on for this tenant/);
});

test("the program does the same", async () => {
  await writeFile(join(folder, "api-key"), "X-Api-Key: 4711\n");
  const made = JSON.parse((await program("create", "--to", `${receiver.url}/cli`, "--event", "dev.errand.job.succeeded", "--header", `@${join(folder, "api-key")}`,
    "--ordering", "per-job", "--data", '/attempt=[1]', "--json")).stdout);
  const { id } = made.endpoint;
  receiver.secrets.cli = made.secret;
  assert.match((await program("list")).stdout, new RegExp(`${id} +ACTIVE +API +${receiver.url}/cli`));
  assert.match((await program("show", id)).stdout, /data +\/attempt in \[1\]/);
  assert.match((await program("update", id, "--rate", "5", "--description", "of the test")).stdout, /5 a second/);
  assert.match((await program("pause", id)).stdout, /status +PAUSED/);
  assert.match((await program("resume", id)).stdout, /status +ACTIVE/);
  const rotated = await program("rotate", id, "--grace-hours", "2");
  receiver.secrets.cli = [made.secret, rotated.stdout.match(/secret +(whsec_\S+)/)[1]];
  assert.match(rotated.stderr, /not shown again/);
  assert.match((await program("enable", id)).stdout, /status +ACTIVE/);
  assert.equal((await program("delete", id)).stdout.trim(), id);
  const refused = await program("show", id).then(() => assert.fail("it is there"), (error) => error);
  assert.equal(refused.code, 1);
  const wrong = await program("create", "--to", "https://127.0.0.1:1/", "--event", "*").then(() => assert.fail("it was made"), (error) => error);
  assert.match(wrong.stderr, /url: /);
});

test("deliveries to an endpoint that nothing is known of any more end", async () => {
  const { endpoint } = await create("forgotten");
  receiver.answers.forgotten = () => 503;
  await until("forgotten", await greet("Ned"));
  const metrics = () => fetch(`${server.url}/metrics`).then((response) => response.text());
  // It is stored that its first attempt failed, so that the next one is not for a lease to begin.
  await poll(metrics, (text) => new RegExp(`errand_job_attempts_total{[^}]*errand.webhook.${endpoint.id}[^}]*} [1-9]`).test(text));
  server.child.kill("SIGKILL");
  await server.exited;
  // As where the server was down until the record of a deleted one had expired.
  await run("sqlite3", [join(server.folder, "data", "errand.db"), `DELETE FROM records WHERE key = '${endpoint.id}'`]);
  await server.run(port);
  await work("acme");
  await work("bolt");
  assert.equal(await show(endpoint.id), null);
  const failed = new RegExp(`errand_jobs_ended_total{[^}]*errand.webhook.${endpoint.id}[^}]*FAILED[^}]*} (\\d+)`);
  await poll(metrics, (text) => Number(text.match(failed)?.[1]) >= 1);
});

test("nothing but failures for five days disables an endpoint, and one event alone does not", async (t) => {
  const failing = new Server();
  failing.folder = await mkdtemp(join(tmpdir(), "errand-e2e-"));
  failing.args = ["serve", "--schema", schemaFile, "--data", join(failing.folder, "data"), "--test-clock", "--log-format", "json", "--json",
    "--config", join(folder, "errand.toml")];
  await failing.run();
  t.after(() => failing.stop());
  const token = failing.summary.tokens.client;
  const ask = (query, variables) => data(failing, token, query, variables);
  const advance = async (by) => {
    const response = await fetch(`${failing.url}/test/clock`, { method: "POST", headers: { authorization: `Bearer ${token}` }, body: JSON.stringify({ advance: by }) });
    assert.equal(response.status, 200, await response.text());
  };
  const { createWebhookEndpoint: { endpoint: { id } } } = await ask("mutation ($input: WebhookEndpointInput!) { createWebhookEndpoint(input: $input) { endpoint { id } } }",
    { input: { url: `${receiver.url}/sick`, eventTypes: ["dev.errand.job.enqueued"] } });
  const endpoint = async () => (await ask("query ($id: ID!) { webhookEndpoint(id: $id) { status disabledReason failures failingSince lastFailure } }", { id })).webhookEndpoint;
  receiver.secrets.sick = null;
  receiver.answers.sick = () => 500;
  const submit = () => ask('mutation { ignored(text: "x") { id } }');
  // Attempts that ended, durably: their next one is counted from then on.
  const ended = new RegExp(`errand_job_attempts_total{[^}]*errand.webhook.${id}[^}]*} (\\d+)`, "g");
  const attempts = (count) => poll(() => fetch(`${failing.url}/metrics`).then((response) => response.text()),
    (text) => [...text.matchAll(ended)].reduce((sum, [, number]) => sum + Number(number), 0) >= count);
  await submit();
  // Its ten attempts, over three days.
  for (let attempt = 1; attempt < 10; ++attempt) {
    await attempts(attempt);
    await advance(["10s", "6m", "40m", "3h", "7h", "13h", "18h", "25h", "30h"][attempt - 1]);
  }
  await attempts(10);
  const sick = await poll(endpoint, ({ status }) => status === "FAILING");
  assert.match(sick.lastFailure, /500/);
  await advance("72h");
  await submit();
  const disabled = await poll(endpoint, ({ status }) => status === "DISABLED");
  assert.equal(disabled.disabledReason, "FAILING");
  const asked = receiver.of("sick").length;
  const [, { mail }] = await poll(() => sink.of("ops@example.org"), (list) => list.length >= 2);
  assert.match(mail.text, /fail for five days[^]*500/);
  await poll(() => sink.of("boss@example.org"), (list) => list.length >= 2);
  failing.child.kill("SIGKILL");
  await failing.exited;
  await failing.run(new URL(failing.url).port);
  assert.equal((await endpoint()).status, "DISABLED");
  const { enableWebhookEndpoint } = await ask("mutation ($id: ID!) { enableWebhookEndpoint(id: $id) { status failures } }", { id });
  assert.deepEqual(enableWebhookEndpoint, { status: "ACTIVE", failures: 0 });
  await submit();
  await poll(() => receiver.of("sick").length, (n) => n > asked);
});
