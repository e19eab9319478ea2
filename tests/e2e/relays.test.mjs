// Events relayed to NATS JetStream and to RabbitMQ, read by npm's nats and amqplib, while the brokers and the server are killed under load. The brokers are
// away for 5 s; for 60 s with DEV_TEST_MINUTES (./dev test --long --filter relays).
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import amqp from "amqplib";
import { AckPolicy, connect, DeliverPolicy } from "nats";
import { certificate, Nats, Rabbit } from "./support/brokers.mjs";
import { answeringWorker, curl, data, poll } from "./support/clients.mjs";
import { Server } from "./support/server.mjs";

const { CloudEvent } = createRequire(new URL("../protocol/package.json", import.meta.url))("cloudevents");

const OUTAGE_MS = process.env.DEV_TEST_MINUTES ? 60_000 : 5_000;
const RATE = 40; // jobs a second while brokers are away
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let folder;
let nats;
let secureNats;
let rabbit;
let server;

/** What a consumer has read: every event of the broker, in its order. */
class Inbox {
  events = [];
  add(topic, text) {
    const event = JSON.parse(text);
    this.events.push({ topic, event, id: event.id });
  }
  of(job) {
    return this.events.filter(({ event }) => event.subject === job || event.id.startsWith(`${job}-`));
  }
  get ids() {
    return new Set(this.events.map(({ id }) => id));
  }
}

/** All that the stream holds, read from its beginning by a consumer of its own. */
async function readStream(stream = "ERRAND") {
  const inbox = new Inbox();
  const connection = await connect({ servers: nats.url });
  try {
    const manager = await connection.jetstreamManager();
    const found = await manager.streams.info(stream).catch((error) => {
      if (error.code !== "404") throw error;
    });
    if (!found?.state.messages) return inbox; // the relay has yet to make it, or to fill it
    const { state } = found;
    const { name } = await manager.consumers.add(stream, { ack_policy: AckPolicy.None, deliver_policy: DeliverPolicy.All });
    const consumer = await connection.jetstream().consumers.get(stream, name);
    for (let left = state.messages; left > 0;) {
      for await (const message of await consumer.fetch({ max_messages: Math.min(left, 500), expires: 5000 })) {
        inbox.add(message.subject, message.string());
        const [prefix] = message.subject.split(".");
        assert.equal(message.headers.get("Nats-Msg-Id"), inbox.events.at(-1).id + (prefix === "errand" ? "" : `@${prefix}`));
        left -= 1;
      }
    }
  } finally {
    await connection.close();
  }
  return inbox;
}

/** All that the queue holds; what is read stays in the array `kept`, since a queue gives it once. */
const kept = new Inbox();
async function readQueue() {
  const connection = await amqp.connect(rabbit.url);
  connection.on("error", () => {});
  try {
    const channel = await connection.createChannel();
    for (;;) {
      const message = await channel.get("events", { noAck: false });
      if (!message) return kept;
      kept.add(message.fields.routingKey, message.content.toString());
      assert.equal(message.properties.messageId, kept.events.at(-1).id);
      assert.equal(message.properties.deliveryMode, 2);
      channel.ack(message);
    }
  } finally {
    await connection.close();
  }
}

/** Answers every job, as long as its connection lasts. */
const work = (tenant) => answeringWorker(server, server.tokens[tenant].worker, ["greet"], () => ({ type: "complete", result: { text: "Hello" } }));

const greet = (name, tenant = "acme") =>
  data(server, server.tokens[tenant].client, "mutation ($name: String!) { greet(input: {name: $name}) { id } }", { name })
    .then((answer) => answer.greet.id);

const metrics = async () => (await curl(`${server.url}/metrics`)).body;
const metric = async (name, relay) => Number((await metrics()).match(new RegExp(`^errand_relay_${name}\\{relay="${relay}"\\} (\\S+)$`, "m"))?.[1]);
const short = (event) => event.type.replace("dev.errand.job.", "");

/** Every event of these jobs is there; of each job the first copies come in the order of their sequences. */
function hold(inbox, jobs, what) {
  const duplicates = inbox.events.length - inbox.ids.size;
  for (const job of jobs) {
    const seen = new Set();
    const order = [];
    for (const { event, id } of inbox.of(job)) {
      if (seen.has(id)) continue;
      seen.add(id);
      order.push(Number(id.slice(id.lastIndexOf("-") + 1)));
      assert.ok(event.type);
    }
    assert.deepEqual(order, order.map((_, i) => i + 1), `${what}: the events of ${job} are not whole or not in order`);
    assert.equal(short(inbox.of(job).at(-1).event), "succeeded");
  }
  return duplicates;
}

const everyEvent = (jobs) => (inbox) => jobs.every((job) => inbox.of(job).some(({ event }) => short(event) === "succeeded"));

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "errand-relays-"));
  const tls = certificate(join(folder, "tls"));
  [nats, secureNats, rabbit] = await Promise.all([
    new Nats(join(folder, "nats")).start(), new Nats(join(folder, "secure-nats"), tls).start(), new Rabbit(join(folder, "rabbit"), tls).start()]);
  const connection = await amqp.connect(rabbit.url);
  const channel = await connection.createChannel();
  await channel.assertExchange("events", "topic", { durable: true });
  await channel.assertQueue("events", { durable: true });
  await channel.bindQueue("events", "events", "errand.#");
  await connection.close();
  writeFileSync(join(folder, "rabbit-login"), "guest:guest\n", { mode: 0o600 });
  writeFileSync(join(folder, "errand.toml"), `
[relay.nats.main]
url = "${nats.url}"
stream = "ERRAND"
create = true

[relay.nats.bolt]
url = "${nats.url}"
stream = "BOLT"
subject = "bolts"
create = true
types = ["dev.errand.job.succeeded"]
tenants = ["bolt"]

[relay.nats.nowhere]
url = "${nats.url}"
stream = "MISSING"
subject = "missing"

[relay.amqp.main]
url = "${rabbit.url}"
credentials_file = "${join(folder, "rabbit-login")}"
exchange = "events"

[relay.amqp.lost]
url = "${rabbit.url}"
exchange = "lost"
create = true

[relay.nats.secure]
url = "${secureNats.url}"
ca_file = "${tls.cert}"
stream = "ERRAND"
create = true

[relay.nats.distrusted]
url = "${secureNats.url}"
stream = "ERRAND"

[relay.amqp.secure]
url = "${rabbit.secureUrl}"
ca_file = "${tls.cert}"
exchange = "secure"
create = true
unroutable = "skip"

[relay.amqp.distrusted]
url = "${rabbit.secureUrl}"
exchange = "events"
`);
  server = await Server.start(["--config", join(folder, "errand.toml")], undefined, "info");
  await Promise.all([work("acme"), work("bolt")]);
});

after(async () => {
  await server?.stop();
  await Promise.all([nats?.kill(), secureNats?.kill(), rabbit?.end()]);
  rmSync(folder, { recursive: true, force: true });
});

test("events come to both brokers as CloudEvents, under their ids and topics", async () => {
  const job = await greet("Ann");
  for (const [read, what] of [[readStream, "NATS"], [readQueue, "RabbitMQ"]]) {
    const inbox = await poll(read, everyEvent([job]));
    hold(inbox, [job], what);
    assert.deepEqual(inbox.of(job).map(({ topic }) => topic), ["enqueued", "started", "succeeded"].map((event) => `errand.acme.greet.${event}`));
    for (const { event } of inbox.of(job)) {
      assert.equal(new CloudEvent(event).validate(), true);
      assert.doesNotMatch(JSON.stringify(event), /Ann/);
    }
  }
  assert.equal(await metric("connected", "nats.main"), 1);
  assert.equal(await metric("connected", "amqp.main"), 1);
});

test("a relay publishes the types and tenants that it names", async () => {
  await greet("Ann");
  const job = await greet("Bob", "bolt");
  const inbox = await poll(() => readStream("BOLT"), everyEvent([job]));
  assert.deepEqual(inbox.events.map(({ topic }) => topic), inbox.events.map(() => "bolts.bolt.greet.succeeded"));
});

test("a stream that is missing, and an exchange without a queue, are named and hold their events back", async () => {
  const said = (relay, text) => poll(() => server.records(), (lines) => lines.some((line) => line.relay === relay && line.error?.includes(text)));
  await said("nats.nowhere", "There is no stream MISSING");
  await said("amqp.lost", "No queue is bound to the exchange lost for errand.acme.greet.enqueued");
  assert.ok((await metric("lag_positions", "nats.nowhere")) > 0);
  // A queue is bound: all that waited comes.
  const connection = await amqp.connect(rabbit.url);
  const channel = await connection.createChannel();
  await channel.assertQueue("found", { durable: true });
  await channel.bindQueue("found", "lost", "#");
  const first = await poll(() => channel.get("found", { noAck: true }), Boolean);
  assert.equal(first.fields.routingKey, "errand.acme.greet.enqueued");
  await connection.close();
});

test("brokers are spoken to over TLS, if their certificates are trusted", async () => {
  await greet("Ann");
  for (const relay of ["nats.secure", "amqp.secure"]) {
    await poll(() => metric("published_total", relay), (count) => count >= 3);
    assert.equal(await metric("connected", relay), 1);
  }
  assert.ok((await metric("unroutable_total", "amqp.secure")) >= 3); // no queue is bound, and it says to skip
  for (const relay of ["nats.distrusted", "amqp.distrusted"]) {
    await poll(() => server.records(), (lines) => lines.some((line) => line.relay === relay && /cannot be reached/.test(line.error)));
    assert.equal(await metric("published_total", relay), 0);
  }
});

test(`brokers that are killed under load, and are back after ${OUTAGE_MS / 1000} s, have every event, in order per job`, async (context) => {
  const jobs = [];
  let loaded = true;
  const load = (async () => {
    for (let i = 0; loaded; i += 1) {
      jobs.push(await greet(`job ${i}`, i % 2 ? "bolt" : "acme"));
      await pause(1000 / RATE);
    }
  })();
  await pause(1000);
  await Promise.all([nats.kill(), rabbit.kill()]);
  const before = jobs.length;
  await pause(OUTAGE_MS);
  const during = jobs.length - before;
  assert.equal(await metric("connected", "nats.main"), 0);
  assert.equal(await metric("connected", "amqp.main"), 0);
  await poll(() => metric("lag_positions", "nats.main"), (lag) => lag >= during); // it is looked at with each try
  await Promise.all([nats.start(), rabbit.start()]);
  await pause(1000);
  loaded = false;
  await load;
  for (const [read, what] of [[readStream, "NATS"], [readQueue, "RabbitMQ"]]) {
    const inbox = await poll(read, everyEvent(jobs));
    const duplicates = hold(inbox, jobs, what);
    context.diagnostic(`${what}: ${jobs.length} jobs, of which ${during} while it was away; ${inbox.events.length} messages, ${duplicates} of them duplicates`);
  }
});

test("the server is killed under load, and goes on where its relays were", async (context) => {
  const jobs = [];
  for (let i = 0; i < 60; i += 1) jobs.push(await greet(`job ${i}`));
  const port = new URL(server.url).port;
  server.child.kill("SIGKILL");
  await server.exited;
  await server.run(port);
  await Promise.all([work("acme"), work("bolt")]);
  jobs.push(await greet("the last"));
  for (const [read, what] of [[readStream, "NATS"], [readQueue, "RabbitMQ"]]) {
    const inbox = await poll(read, everyEvent(jobs));
    context.diagnostic(`${what}: ${inbox.events.length} messages, ${hold(inbox, jobs, what)} of them duplicates`);
  }
  assert.equal(await metric("missed_total", "nats.main"), 0);
});
