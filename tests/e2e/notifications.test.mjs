// People are told of milestones by mail: npm's smtp-server and mailparser take what comes. Once a run, whatever is retried; as their
// preferences say; and also where the server is killed meanwhile.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { answeringWorker, data, poll } from "./support/clients.mjs";
import { MailSink, refusal } from "./support/mail.mjs";
import { binary, environment, Server } from "./support/server.mjs";

let sink;
let folder;
let server;

const schema = `
type Mutation {
  export(email: String, name: String!): Report! @job(maxAttempts: 3, backoff: {kind: FIXED, interval: "10ms"})
    @notify(on: [SUCCEEDED, FAILED], channels: [EMAIL], to: ["email"], category: "exports", template: "export")
    @notify(on: [STARTED, PROGRESS], channels: [EMAIL], to: ["email"], category: "progress")
}
type Report { rows: Int! }
`;

/** Does what the job's name says: "fail", "retry" (fails twice), "halves" (reports progress), else succeeds. */
const work = () => answeringWorker(server, server.tokens.acme.worker, ["export"], ({ attempt, arguments: { name } }) => {
  const progress = name === "halves" ? [{ type: "progress", completed: 6, total: 10, message: "six of ten" }] : [];
  if (name === "fail" || (name === "retry" && attempt < 3)) {
    return [...progress, { type: "fail", error: { kind: name === "fail" ? "PERMANENT" : "TRANSIENT", code: "NO", message: "the disk\r\nBcc: x@y.z is <full>" } }];
  }
  return [...progress, { type: "complete", result: { rows: 7 } }];
});

const submit = (email, name) =>
  data(server, server.tokens.acme.client, "mutation ($email: String, $name: String!) { export(email: $email, name: $name) { id } }",
    { email, name }).then((answer) => answer.export.id);
const mails = (to, count) => poll(() => sink.of(to), (list) => list.length >= count);

before(async () => {
  sink = await new MailSink().listen();
  folder = await mkdtemp(join(tmpdir(), "errand-notifications-"));
  await mkdir(join(folder, "templates", "export"), { recursive: true });
  await writeFile(join(folder, "templates", "export", "message.title"), "Export {{input.name}}: {{job.status}} – grüße");
  await writeFile(join(folder, "templates", "export", "message.text"),
    "{{#error}}It failed: {{error.message}}\n{{/error}}{{#result}}{{rows}} rows\n{{/result}}{{unsubscribeUrl}}");
  await writeFile(join(folder, "templates", "export", "email.html"), "<p>{{#error}}{{message}}{{/error}}{{#result}}{{rows}} rows{{/result}}</p>");
  await writeFile(join(folder, "schema.graphql"), schema);
  await writeFile(join(folder, "errand.toml"), `
[server]
public_url = "https://errand.example"
[notifications]
templates = "templates"
link = "https://app.example/jobs/{id}"
[notifications.email]
from = "Errand <errand@example.org>"
order = ["down", "sink"]
[notifications.email.providers.down]
host = "127.0.0.1"
port = 9
security = "none"
[notifications.email.providers.sink]
host = "127.0.0.1"
port = ${sink.port}
security = "none"
`);
  server = await Server.start(["--config", join(folder, "errand.toml")], join(folder, "schema.graphql"));
  await work();
});

after(async () => {
  await server.stop();
  await sink.close();
  await rm(folder, { recursive: true });
});

test("a mail in plain text and HTML, made by a template, from whichever provider is up", async () => {
  const job = await submit("ann@example.org", "März");
  const list = await mails("ann@example.org", 2);
  const { mail, from } = list.find(({ mail }) => mail.subject.startsWith("Export"));
  assert.equal(from, "errand@example.org");
  assert.equal(mail.subject, "Export März: SUCCEEDED – grüße");
  assert.match(mail.text, /^7 rows\nhttps:\/\/errand\.example\/notifications\/unsubscribe\/v1\./);
  assert.equal(mail.html, "<p>7 rows</p>");
  assert.equal(mail.headers.get("auto-submitted"), "auto-generated");
  assert.match(mail.messageId, /^<[0-9a-f-]{36}@example\.org>$/);
  assert.equal(mail.headers.get("list").unsubscribe.url.startsWith("https://errand.example/notifications/unsubscribe/"), true);
  assert.equal(mail.headers.get("list")["unsubscribe-post"].name, "List-Unsubscribe=One-Click");
  const started = list.find(({ mail }) => mail.subject === "export has started").mail;
  assert.match(started.text, new RegExp(`export has started\\.\\n\\nhttps://app\\.example/jobs/${job}`));
  assert.match(started.html, /<h1[^>]*>export has started<\/h1>/);
});

test("retries within a run tell nobody twice, and values begin no header", async () => {
  await submit("bob@example.org", "retry");
  await submit("bob@example.org", "fail");
  const list = await mails("bob@example.org", 4);
  assert.deepEqual(list.map(({ mail }) => mail.subject).sort(),
    ["Export fail: FAILED – grüße", "Export retry: SUCCEEDED – grüße", "export has started", "export has started"]);
  const failed = list.find(({ mail }) => mail.subject.includes("FAILED")).mail;
  assert.match(failed.text, /^It failed: the disk\r?\n?Bcc: x@y\.z is <full>/);
  assert.match(failed.html, /is &lt;full&gt;/);
  assert.equal(failed.bcc, undefined);
  assert.equal(failed.headers.has("bcc"), false);
});

test("a share of the work is told once it is done", async () => {
  await submit("cleo@example.org", "halves");
  const list = await mails("cleo@example.org", 3);
  const half = list.find(({ mail }) => mail.subject.includes("%"));
  assert.equal(half.mail.subject, "export: 60 % done");
  assert.match(half.mail.text, /six of ten/);
});

test("a refused recipient is a failed message, a busy server is tried again, and what may have been taken keeps its Message-ID", async () => {
  const refused = new Set();
  sink.answer = ({ to }, times) => {
    if (to[0] === "never@example.org") {
      refused.add(to[0]);
      throw refusal(550, "no such user");
    }
    if (to[0] === "drop@example.org" && times === 1) return "drop";
    return undefined;
  };
  await submit("never@example.org", "plain");
  await submit("no address", "plain");
  await submit(null, "plain");
  await poll(() => refused.size, (size) => size > 0);
  assert.deepEqual(sink.of("never@example.org"), []);
  await submit("drop@example.org", "plain");
  const ofExport = () => sink.of("drop@example.org").filter(({ mail }) => mail.subject.startsWith("Export"));
  const [first, again] = await poll(ofExport, (list) => list.length >= 2); // some ten seconds later
  assert.equal(first.mail.messageId, again.mail.messageId);
  sink.answer = () => {};
});

test("a start that cannot tell people says what is wrong, and where", async () => {
  const start = async (toml, sdl = schema) => {
    await writeFile(join(folder, "wrong.graphql"), sdl);
    await writeFile(join(folder, "wrong.toml"), toml);
    const run = spawnSync(binary, ["serve", "--schema", join(folder, "wrong.graphql"), "--data", join(folder, "wrong-data"), "--config",
      join(folder, "wrong.toml"), "--port", "0"], { encoding: "utf8", env: environment, timeout: 20_000 });
    assert.notEqual(run.status, 0);
    return run.stderr;
  };
  assert.match(await start(""), /no template "export", which the policy "export\/1" names; name the folder of templates/);
  await mkdir(join(folder, "wrong", "export"), { recursive: true });
  await writeFile(join(folder, "wrong", "export", "message.text"), "one\n{{result.row}}");
  assert.match(await start('[notifications]\ntemplates = "wrong"\n'),
    /message\.text: line 2: there is no "row" in \{\{result\.row\}\} for jobs of export\. Did you mean "rows"\?/);
  await writeFile(join(folder, "wrong", "export", "message.text"), "{{#error}}");
  assert.match(await start('[notifications]\ntemplates = "wrong"\n'), /line 1: the section \{\{#error\}\} is not closed/);
  assert.match(await start('[notifications.policies.ops]\non = ["FAILED"]\nchannels = ["EMAIL"]\nto = ["group:ops"]\n', "type Mutation { a: Int @job }"),
    /there is no group "ops"; write \[notifications\.groups\.ops\]/);
  assert.match(await start('[notifications.policies.ops]\non = ["DONE"]\nchannels = ["EMAIL"]\n'), /"DONE" is no milestone; there are ENQUEUED, STARTED/);
});
