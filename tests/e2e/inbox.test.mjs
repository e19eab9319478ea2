// What users have of notifications: the inbox, live over graphql-ws, preferences, quiet hours, the page to unsubscribe, subscriptions of
// browsers; and what operators see: who was told what, and why not.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { answeringWorker, curl, data, graphql, poll, subscriber } from "./support/clients.mjs";
import { MailSink } from "./support/mail.mjs";
import { binary, environment, Server } from "./support/server.mjs";

let sink;
let folder;
let server;
let me;
let other;
let operator;

const schema = `
type Mutation {
  export(cc: [String!], quiet: Boolean! = false): Report! @job
    @notify(on: [SUCCEEDED], channels: [IN_APP], category: "exports")
    @notify(on: [SUCCEEDED], channels: [EMAIL, IN_APP], to: ["cc"], category: "exports")
    @notify(on: [STARTED, OVERDUE], channels: [EMAIL], to: ["cc"], category: "steps")
    @notify(on: [SUCCEEDED], channels: [CHAT], to: ["cc"])
}
type Report { rows: Int! }
`;

// Of a job that ends at once: it had no estimate while it ran, or had ended before anybody looked.
const OVERDUE = /^(NO_ESTIMATE|NOT_REACHED)$/;
const ITEM = "id title text link category jobId jobType milestone createdAt seenAt readAt archivedAt";

const work = () => answeringWorker(server, server.tokens.acme.worker, ["export"], () => ({ type: "complete", result: { rows: 7 } }));

const submit = (cc = []) => data(server, me, "mutation ($cc: [String!]) { export(cc: $cc) { id } }", { cc }).then((answer) => answer.export.id);
const inbox = (token, args = "") => data(server, token, `{ notificationInbox${args} { unseenCount unreadCount nodes { ${ITEM} } pageInfo { hasNextPage endCursor } } }`)
  .then((answer) => answer.notificationInbox);
const messages = (job, token = operator) => data(server, token, `query ($job: ID!) { jobNotifications(jobId: $job, first: 100) { nodes {
  id run milestone channel recipient outcome reason message attempts nextAttemptAt provider reference } } }`, { job }).then((answer) => answer.jobNotifications.nodes);
const settled = (job, count) => poll(() => messages(job), (list) => list.length >= count && list.every(({ outcome }) => outcome !== "WAITING"));
const setPreferences = (input, token = me) =>
  data(server, token, `mutation ($input: NotificationPreferencesInput!) { setNotificationPreferences(input: $input) {
    revision choices { category channel enabled digest } quietHours { timeZone windows { days from to } } } }`, { input }).then((answer) => answer.setNotificationPreferences);
const errorOf = async (query, variables, token = me) => (await graphql(server, token, query, variables)).json.errors[0];

before(async () => {
  sink = await new MailSink().listen();
  folder = await mkdtemp(join(tmpdir(), "errand-inbox-"));
  await writeFile(join(folder, "schema.graphql"), schema);
  await writeFile(join(folder, "errand.toml"), `
[server]
public_url = "https://errand.example"
[notifications]
link = "https://app.example/jobs/{id}"
[notifications.email]
from = "errand@example.org"
[notifications.email.providers.sink]
host = "127.0.0.1"
port = ${sink.port}
security = "none"
[notifications.categories.exports]
title = "Exports & reports"
[notifications.web_push]
contact = "mailto:ops@example.org"
`);
  server = await Server.start(["--config", join(folder, "errand.toml")], join(folder, "schema.graphql"));
  ({ client: me, other, operator } = server.tokens.acme);
  await work();
});

after(async () => {
  await server.stop();
  await sink.close();
  await rm(folder, { recursive: true });
});

test("items come to the inbox, live, and are marked", async () => {
  const client = subscriber(server, me);
  const foreign = subscriber(server, other);
  const came = client.iterate({ query: `subscription { notificationAdded { ${ITEM} } }` });
  const wrong = foreign.iterate({ query: "subscription { notificationAdded { id } }" });
  const next = came.next();
  const nothing = wrong.next();
  let item;
  // The subscription may begin a moment after the first job.
  const jobs = [];
  while (!item) {
    jobs.push(await submit());
    item = await Promise.race([next, settled(jobs.at(-1), 1).then(() => undefined)]);
    item ??= await Promise.race([next, new Promise((resolve) => setImmediate(resolve))]);
  }
  const shown = item.value.data.notificationAdded;
  assert.equal(shown.title, "export is done");
  assert.equal(shown.milestone, "SUCCEEDED");
  assert.equal(shown.category, "exports");
  assert.equal(shown.link, `https://app.example/jobs/${shown.jobId}`);
  await client.dispose();
  await foreign.dispose();
  assert.equal((await nothing).done, true); // another user's item was not told

  const one = await submit();
  const two = await submit();
  await settled(two, 1);
  await settled(one, 1);
  const before = await inbox(me);
  assert.equal(before.unreadCount, jobs.length + 2);
  assert.equal(before.nodes.length, jobs.length + 2);
  assert.deepEqual([before.nodes[0].jobId, before.nodes[1].jobId].sort(), [one, two].sort());
  const ids = before.nodes.slice(0, 2).map(({ id }) => id);
  const mark = (list, as, token = me) => data(server, token, "mutation ($ids: [ID!]!, $as: NotificationMark!) { markNotifications(ids: $ids, as: $as) { id seenAt readAt archivedAt } }",
    { ids: list, as }).then((answer) => answer.markNotifications);
  const read = await mark(ids, "READ");
  assert.equal(read.every(({ seenAt, readAt }) => seenAt && readAt), true);
  assert.deepEqual(await mark(ids, "READ", other), []); // of another user: not there
  const after = await inbox(me, "(unread: true)");
  assert.equal(after.unreadCount, jobs.length);
  assert.equal(after.nodes.length, jobs.length);
  await mark([ids[0]], "ARCHIVED");
  assert.deepEqual((await inbox(me, "(archived: true)")).nodes.map(({ id }) => id), [ids[0]]);
  assert.equal((await data(server, me, "mutation { markAllNotifications(as: READ) }")).markAllNotifications, jobs.length);
  assert.equal((await inbox(me)).unreadCount, 0);
  const page = await inbox(me, "(first: 1)");
  assert.equal(page.pageInfo.hasNextPage, true);
  const rest = await inbox(me, `(first: 100, after: "${page.pageInfo.endCursor}")`);
  assert.equal(rest.nodes.length, jobs.length);
  assert.equal((await errorOf(`{ notificationInbox(after: "${page.pageInfo.endCursor}") { nodes { id } } }`, {}, server.tokens.bolt.client)).extensions.code, "CURSOR_INVALID");
  assert.deepEqual((await inbox(other)).nodes, []);
  assert.deepEqual((await inbox(server.tokens.bolt.client)).nodes, []);
});

test("preferences decide, and each message says why it was not sent", async () => {
  const { revision } = await setPreferences({ choices: [{ category: "exports", channel: "IN_APP", enabled: false }] });
  const job = await submit(["ann@example.org", "other:acme"]);
  // principal: in the inbox; ann: mails; other: inbox, and mails without an address.
  const list = await settled(job, 6);
  const find = (channel, recipient, milestone = "SUCCEEDED") => list.find((one) => one.channel === channel && one.recipient === recipient && one.milestone === milestone);
  assert.equal(find("IN_APP", "client:acme").outcome, "SUPPRESSED");
  assert.equal(find("IN_APP", "client:acme").reason, "OPTED_OUT");
  assert.equal(find("IN_APP", "other:acme").outcome, "SENT");
  assert.equal(find("EMAIL", "ann@example.org").outcome, "SENT");
  assert.equal(find("EMAIL", "ann@example.org").provider, "sink");
  assert.match(find("EMAIL", "ann@example.org").reference, /^<.*@example\.org>$/);
  assert.equal(find("EMAIL", "other:acme").reason, "NO_RECIPIENT");
  const [mail] = sink.of("ann@example.org").filter(({ mail }) => mail.subject === "export is done");
  assert.equal(mail.mail.messageId, find("EMAIL", "ann@example.org").reference);

  const why = (args, token = operator) => data(server, token, `query ($job: ID!) { whyNotSent(jobId: $job${args}) { milestone channel recipient policy reason message } }`, { job })
    .then((answer) => answer.whyNotSent);
  // What is not sent is told once the notices are over, which may be after the last message.
  const all = await poll(() => why(""), (list) => list.some(({ milestone }) => milestone === "OVERDUE") && list.some(({ reason }) => reason === "NOBODY"));
  assert.deepEqual(all.filter(({ recipient }) => recipient === "client:acme").map(({ reason }) => reason), ["OPTED_OUT"]);
  const [overdue] = all.filter(({ milestone }) => milestone === "OVERDUE");
  assert.match(overdue.reason, OVERDUE);
  assert.deepEqual(all.filter(({ policy, recipient }) => policy === "export/4" && !recipient).map(({ reason }) => reason), ["NOBODY"]);
  assert.deepEqual(await why(', channel: EMAIL, recipient: "ann@example.org"'), []);
  assert.deepEqual((await why(', recipient: "nobody@example.org", milestone: SUCCEEDED, channel: EMAIL')).map(({ reason, recipient }) => [reason, recipient]),
    [["NOT_IN_AUDIENCE", "nobody@example.org"]]);
  assert.deepEqual((await why(", milestone: FAILED")).map(({ reason, milestone }) => [reason, milestone]), [["NOT_IN_AUDIENCE", "FAILED"]]);
  assert.deepEqual((await why(', recipient: "client:acme"', me)).map(({ reason }) => reason), ["OPTED_OUT"]);
  for (const recipient of ["ann@example.org", "nobody@example.org"]) { // which of them is told, others do not learn
    const { extensions } = await errorOf(`query ($job: ID!) { whyNotSent(jobId: $job, recipient: "${recipient}") { reason } }`, { job });
    assert.equal(extensions.code, "FORBIDDEN");
  }
  // Users see what is for them.
  assert.deepEqual((await messages(job, me)).map(({ recipient }) => recipient), ["client:acme"]);
  assert.equal((await messages(job, other)).every(({ recipient }) => recipient === "other:acme"), true);
  assert.equal((await errorOf("query ($job: ID!) { jobNotifications(jobId: $job) { nodes { id } } }", { job }, server.tokens.bolt.operator)).extensions.code, "NOT_FOUND");

  assert.equal((await errorOf("mutation ($input: NotificationPreferencesInput!) { setNotificationPreferences(input: $input) { revision } }",
    { input: { revision: revision - 1, choices: [] } })).extensions.code, "CONFLICT");
  await setPreferences({ choices: [] });
});

test("quiet hours hold, and their end lets go", async () => {
  // All of the week but one day that is neither today nor near, wherever it is today.
  const days = ["SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"]
    .filter((_, day) => day !== (new Date().getUTCDay() + 3) % 7);
  const ordered = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"].filter((day) => days.includes(day));
  await data(server, other, 'mutation { setNotificationContact(input: {address: "other@example.org", locale: "de-AT", timeZone: "Europe/Vienna"}) { address } }');
  const set = await setPreferences({ quietHours: { timeZone: "Europe/Vienna", windows: [{ days, from: "00:00", to: "00:00" }] } }, other);
  assert.deepEqual(set.quietHours, { timeZone: "Europe/Vienna", windows: [{ days: ordered, from: "00:00", to: "00:00" }] });
  const job = await submit(["other:acme"]);
  const list = await settled(job, 4);
  const mail = list.find(({ channel, milestone }) => channel === "EMAIL" && milestone === "SUCCEEDED");
  assert.equal(mail.outcome, "HELD");
  assert.equal(mail.reason, "QUIET_HOURS");
  assert.equal(Date.parse(mail.nextAttemptAt) > Date.now(), true);
  assert.equal(list.find(({ channel, recipient }) => channel === "IN_APP" && recipient === "other:acme").outcome, "SENT");
  assert.deepEqual(sink.of("other@example.org"), []);
  const cleared = await setPreferences({ quietHours: null }, other);
  assert.equal(cleared.quietHours, null);
  const again = await submit(["other:acme"]);
  await settled(again, 4);
  assert.equal(sink.of("other@example.org").length >= 1, true);
});

test("what cannot be is refused with what to write instead", async () => {
  const refusal = async (input) => (await errorOf("mutation ($input: NotificationPreferencesInput!) { setNotificationPreferences(input: $input) { revision } }", { input })).message;
  assert.match(await refusal({ choices: [{ category: "nonsense", enabled: false }] }), /no category "nonsense"; notificationPreferences \{ categories/);
  assert.match(await refusal({ quietHours: { timeZone: "Mars/Olympus", windows: [] } }), /no time zone "Mars\/Olympus".*Europe\/Vienna/);
  assert.match(await refusal({ quietHours: { timeZone: "UTC", windows: [{ days: ["MONDAY"], from: "25:00", to: "07:00" }] } }), /written 22:00/);
  assert.match(await refusal({ choices: [{ channel: "EMAIL", digest: "5s" }] }), /1m to 7d/);
  assert.match((await errorOf('mutation { setNotificationContact(input: {address: "nobody"}) { address } }')).message, /ann@example\.org/);
  assert.match((await errorOf('mutation { addWebPushSubscription(input: {endpoint: "https://push.example/x", p256dh: "AAAA", auth: "AAAA"}) { id } }')).message, /"p256dh"/);
  assert.match((await errorOf("{ notificationInbox(first: 0) { nodes { id } } }")).message, /first/);
});

test("browsers subscribe with the server's key, and never show it again", async () => {
  const { webPushPublicKey } = await data(server, me, "{ webPushPublicKey }");
  assert.equal(Buffer.from(webPushPublicKey, "base64url").length, 65);
  const input = { endpoint: "https://push.example/send/secret-1", p256dh: webPushPublicKey, auth: Buffer.alloc(16, 7).toString("base64url") };
  const add = () => data(server, me, "mutation ($input: WebPushSubscriptionInput!) { addWebPushSubscription(input: $input) { id service } }", { input }).then((answer) => answer.addWebPushSubscription);
  const added = await add();
  assert.equal(added.service, "https://push.example:443");
  assert.deepEqual(await add(), added); // the same browser
  const list = () => data(server, me, "{ webPushSubscriptions { id service } }").then((answer) => answer.webPushSubscriptions);
  assert.deepEqual(await list(), [added]);
  assert.deepEqual((await data(server, other, "{ webPushSubscriptions { id } }")).webPushSubscriptions, []);
  await data(server, me, "mutation ($id: ID!) { removeWebPushSubscription(id: $id) }", { id: added.id });
  assert.deepEqual(await list(), []);
});

test("a browser that another user signs in at shows nothing to the one before", async () => {
  const { webPushPublicKey } = await data(server, me, "{ webPushPublicKey }");
  const input = { endpoint: "https://push.example/send/shared", p256dh: webPushPublicKey, auth: Buffer.alloc(16, 7).toString("base64url") };
  const add = (token) => data(server, token, "mutation ($input: WebPushSubscriptionInput!) { addWebPushSubscription(input: $input) { id } }", { input });
  const list = (token) => data(server, token, "{ webPushSubscriptions { id } }").then((answer) => answer.webPushSubscriptions);
  const { addWebPushSubscription } = await add(me);
  assert.deepEqual(await add(other), { addWebPushSubscription });
  assert.deepEqual(await list(me), []);
  await data(server, me, "mutation ($id: ID!) { removeWebPushSubscription(id: $id) }", addWebPushSubscription);
  assert.deepEqual(await list(other), [addWebPushSubscription]);
});

test("operators ask on the command line", async () => {
  const errand = (args, token = operator) => spawnSync(binary, ["notification", ...args],
    { encoding: "utf8", timeout: 20_000, env: { ...environment, ERRAND_URL: server.url, ERRAND_TOKEN: token } });
  const job = await submit(["eve@example.org"]);
  await settled(job, 3);
  await poll(() => data(server, operator, "query ($job: ID!) { whyNotSent(jobId: $job) { reason } }", { job }), ({ whyNotSent }) => whyNotSent.length >= 2);
  const lines = ({ stdout, stderr, status }) => {
    assert.equal(status, 0, stderr);
    return stdout.trimEnd().split("\n");
  };
  const listed = lines(errand(["list", job, "--json"])).map((line) => JSON.parse(line));
  assert.deepEqual(listed.map(({ id }) => id), (await messages(job)).map(({ id }) => id));
  assert.match(errand(["list", job]).stdout, /SUCCEEDED +EMAIL +SENT +eve@example\.org  <.*@example\.org>/);
  const reasons = lines(errand(["why", job, "--json"])).map((line) => JSON.parse(line).reason);
  assert.equal(reasons.length, 2);
  assert.match(reasons.sort().join(" "), /^NOBODY (NO_ESTIMATE|NOT_REACHED)$/);
  assert.match(errand(["why", job]).stdout, /OVERDUE .*\n {4}(NO_ESTIMATE|NOT_REACHED): /);
  const none = errand(["why", job, "--channel", "EMAIL", "--recipient", "eve@example.org"]);
  assert.equal(none.stdout, "");
  assert.match(none.stderr, /Nothing was left unsent/);
  assert.notEqual(errand(["why", job, "--channel", "PIGEON"]).status, 0);
  // Users their own; another tenant's job is not there.
  assert.match(lines(errand(["list", job], me)).join("\n"), /^\S+  SUCCEEDED +IN_APP +SENT +client:acme[^\n]*$/);
  const foreign = errand(["why", job], server.tokens.bolt.operator);
  assert.notEqual(foreign.status, 0);
  assert.match(foreign.stderr, /no such job/);

  assert.match(errand(["preferences", "set", '{"choices": [{"category": "exports", "channel": "EMAIL", "enabled": false}, {"digest": "1h"}]}'], other).stdout,
    /^exports +EMAIL +off\nall categories +all channels +gathered 1h\n/);
  assert.deepEqual(JSON.parse(errand(["preferences", "get", "--json"], other).stdout).choices,
    [{ category: "exports", channel: "EMAIL", enabled: false, digest: null }, { category: null, channel: null, enabled: null, digest: "1h" }]);
  assert.match(errand(["preferences", "set", '{"choices": [{"category": "nonsense"}]}'], other).stderr, /no category "nonsense"/);
  assert.notEqual(errand(["preferences", "set", "{"], other).status, 0);
  assert.equal(errand(["preferences", "set", '{"choices": []}'], other).status, 0);
});

test("a link in a mail unsubscribes with one click, and takes it back", async () => {
  const first = await submit(["dora@example.org"]);
  await settled(first, 3);
  const { mail } = sink.of("dora@example.org").find(({ mail }) => mail.subject === "export is done");
  const path = new URL(mail.headers.get("list").unsubscribe.url).pathname;
  const shown = await curl(`${server.url}${path}`);
  assert.equal(shown.status, 200);
  assert.match(shown.headers["content-security-policy"], /default-src 'none'/);
  assert.match(shown.body, /messages about “Exports &amp; reports” by mail/);
  assert.match(shown.body, /<button class="first" name="List-Unsubscribe" value="One-Click">Unsubscribe<\/button>/);
  const post = (body) => curl(`${server.url}${path}`, ["-d", body]);
  const gone = await post("List-Unsubscribe=One-Click");
  assert.equal(gone.status, 200);
  assert.match(gone.body, /You are unsubscribed/);
  assert.equal((await post("List-Unsubscribe=One-Click")).status, 200);
  const second = await submit(["dora@example.org"]);
  const list = await settled(second, 3);
  assert.equal(list.find(({ channel, milestone }) => channel === "EMAIL" && milestone === "SUCCEEDED").reason, "OPTED_OUT");
  assert.match((await post("undo=1")).body, /subscribed again/);
  const third = await submit(["dora@example.org"]);
  assert.equal((await settled(third, 3)).find(({ channel, milestone }) => channel === "EMAIL" && milestone === "SUCCEEDED").outcome, "SENT");
  for (const wrong of ["what=ever", "List-Unsubscribe=One-Clicks", "xundo=1", "undo=10", ""]) assert.equal((await post(wrong)).status, 400, wrong);
  assert.equal((await post(`undo=1&more=${"a".repeat(5_000)}`)).status, 413);
  const form = await curl(`${server.url}${path}`, ["-F", "List-Unsubscribe=One-Click"]); // as RFC 8058 allows it
  assert.match(form.body, /You are unsubscribed/);
  assert.equal(form.headers["set-cookie"], undefined);
  for (const wrong of ["x", path.slice(path.lastIndexOf("/") + 1, -4), `${path.slice(path.lastIndexOf("/") + 1)}A`]) {
    assert.equal((await curl(`${server.url}/notifications/unsubscribe/${wrong}`)).status, 404);
  }
});
