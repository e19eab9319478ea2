// `jobEvents` loses nothing and repeats nothing: two subscribers are cut off a hundred times each while some ten thousand events
// happen and the server is restarted once, and two more come when all is over.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Worker } from "@errand/worker";
import { data, graphql, subscriber } from "./support/clients.mjs";
import { Server } from "./support/server.mjs";

const jobs = 3_100; // three events each, four with progress
const cuts = 100;
const perMutation = 10; // limits.mutation_root_fields
const query = `subscription ($after: String) {
  jobEvents(after: $after) {
    __typename cursor jobId sequence type
    ... on JobStartedEvent { attempt }
    ... on JobProgressedEvent { progress { completed } }
  }
}`;

let server;
let token;
let worker;
let running;
const ids = [];

before(async () => {
  server = await Server.start([], undefined, "info");
  token = server.tokens.acme.client;
  worker = new Worker({ url: server.url, token: server.tokens.acme.worker, slots: 100, logger: { info() {}, warn() {}, error() {} } });
  worker.handle("greet", async (job) => {
    if (Number(job.input.name) % 4 === 0) job.progress({ completed: 1, total: 2 });
    return { text: `Hello, ${job.input.name}!` };
  });
  running = worker.run();
});

after(async () => {
  await worker?.stop?.();
  await running;
  assert.deepEqual(await server.stop(), { code: 0, signal: null }, "SIGTERM ends the server well");
});

/** Starts the jobs `from` to `to`, a few requests at a time. */
async function submit(from, to) {
  let next = from;
  const send = async () => {
    while (next < to) {
      const begin = next;
      next = Math.min(to, begin + perMutation);
      const fields = Array.from({ length: next - begin }, (_, i) => `j${i}: greet(input: { name: "${begin + i}" }) { id }`);
      const response = await fetch(`${server.url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
        body: JSON.stringify({ query: `mutation { ${fields.join(" ")} }` }),
      });
      const { data: handles, errors } = await response.json();
      assert.equal(errors, undefined, JSON.stringify(errors));
      ids.push(...Object.values(handles).map(({ id }) => id));
    }
  };
  await Promise.all([send(), send(), send()]);
}

/** A job that nobody runs; its one event marks a place in the log. */
async function mark() {
  const handle = (await data(server, token, 'mutation { ignored(text: "mark") { id events { edges { cursor } } } }')).ignored;
  return { id: handle.id, cursor: handle.events.edges[0].cursor };
}

/**
 * Follows the log from a cursor on and keeps what it got. `connect(cursor, onEvent, onEnd)` opens one connection and gives a function
 * that cuts it off, as a network does: without a word, with what is under way lost.
 */
class Follower {
  constructor(connect, cursor, cutsWanted) {
    this.connect = connect;
    this.cursor = cursor;
    this.cutsWanted = cutsWanted;
    this.events = [];
    this.cuts = 0;
    this.breaks = 0; // by the server's restart
    this.until = null;
    this.succeeded = 0;
    this.waiting = [];
    this.done = new Promise((resolve) => (this.finish = resolve));
    this.open();
  }

  /** Irregular, the same in every run: between half and one and a half of the even share. */
  nextCut() {
    return this.events.length + Math.floor((jobs * 3 / this.cutsWanted) * (0.5 + ((this.cuts * 37) % 100) / 100));
  }

  open() {
    const cutAt = this.cuts < this.cutsWanted ? this.nextCut() : Infinity;
    let live = true;
    this.end = () => {
      live = false;
      setImmediate(() => cut());
    };
    const cut = this.connect(
      this.cursor,
      (event) => {
        if (!live) return; // it came with others, after the cut
        this.events.push(event);
        this.cursor = event.cursor;
        if (event.type === "dev.errand.job.succeeded") ++this.succeeded;
        this.waiting = this.waiting.filter(({ ready, resolve }) => !ready() || resolve());
        if (event.jobId === this.until) {
          this.end();
          this.finish();
        } else if (this.events.length >= cutAt) {
          this.end();
          ++this.cuts;
          this.open();
        }
      },
      () => {
        if (!live) return;
        live = false;
        ++this.breaks;
        // The server is away; there is nothing to wait for but its return.
        setTimeout(() => this.open(), 50);
      },
    );
  }

  /** Goes on until it has the one event of the job `mark`. */
  async to(mark) {
    this.until = mark;
    if (this.events.at(-1)?.jobId === mark) this.end(); // it was there before its name was known
    else await this.done;
  }

  /** Resolves when `ready()`, which is asked after each event. */
  when(ready) {
    return new Promise((resolve) => (ready() ? resolve() : this.waiting.push({ ready, resolve })));
  }
}

/** The server's answer is an error, which no cut explains: ends the test, past the client that would swallow it. */
function refuse(errors) {
  setImmediate(() => {
    throw new Error(JSON.stringify(errors));
  });
}

/** npm's graphql-ws; goes on by the argument `after`. */
function overWebSocket(cursor, onEvent, onEnd) {
  const client = subscriber(server, token);
  client.subscribe(
    { query, variables: { after: cursor } },
    {
      next: ({ data: update, errors }) => (errors ? refuse(errors) : onEvent(update.jobEvents)),
      error: (error) => (Array.isArray(error) ? refuse(error) : onEnd()),
      complete: onEnd,
    },
  );
  return () => client.terminate();
}

/** Server-sent events, read by hand; goes on by the header Last-Event-ID alone. */
function overSse(cursor, onEvent, onEnd) {
  const abort = new AbortController();
  const read = async () => {
    const response = await fetch(`${server.url}/graphql/stream`, {
      method: "POST",
      headers: {
        "content-type": "application/json", accept: "text/event-stream", authorization: `Bearer ${token}`, "last-event-id": cursor,
      },
      body: JSON.stringify({ query }),
      signal: abort.signal,
    });
    assert.equal(response.status, 200);
    let text = "";
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const messages = text.split("\n\n");
      text = messages.pop(); // not complete yet
      for (const message of messages) {
        const field = (name) => message.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
        if (field("event") !== "next") continue;
        const { data: update, errors } = JSON.parse(field("data"));
        assert.equal(errors, undefined, JSON.stringify(errors));
        assert.equal(field("id"), update.jobEvents.cursor);
        onEvent(update.jobEvents);
      }
    }
  };
  read().then(onEnd, (error) => {
    if (error instanceof assert.AssertionError) throw error;
    onEnd();
  });
  return () => abort.abort();
}

test("a subscriber that is cut off a hundred times gets each event once, in order", async (t) => {
  const begin = await mark();
  const webSocket = new Follower(overWebSocket, begin.cursor, cuts);
  const sse = new Follower(overSse, begin.cursor, cuts);

  await submit(0, jobs / 2);
  // The jobs that run now are finished after the restart.
  server.child.kill("SIGTERM");
  await server.exited;
  await server.run(Number(new URL(server.url).port));
  await submit(jobs / 2, jobs);
  await webSocket.when(() => webSocket.succeeded === jobs);

  const end = await mark();
  const late = [new Follower(overWebSocket, begin.cursor, 0), new Follower(overSse, begin.cursor, 0)];
  const all = [webSocket, sse, ...late];
  await Promise.all(all.map((follower) => follower.to(end.id)));

  // The log itself: every job's events from 1 without a gap, up to its end.
  const truth = late[0].events;
  const sequences = new Map();
  for (const { jobId, sequence, type } of truth) {
    assert.equal(sequence, (sequences.get(jobId)?.sequence ?? 0) + 1, `${type} of ${jobId}`);
    sequences.set(jobId, { sequence, type });
  }
  assert.equal(sequences.size, jobs + 1);
  for (const id of ids) assert.equal(sequences.get(id)?.type, "dev.errand.job.succeeded");

  let repeats = 0;
  let losses = 0;
  for (const { events } of all) {
    const cursors = new Set(events.map(({ cursor }) => cursor));
    repeats += events.length - cursors.size;
    losses += truth.filter(({ cursor }) => !cursors.has(cursor)).length;
  }
  t.diagnostic(
    `${truth.length} events of ${jobs} jobs; ${webSocket.cuts} cuts over WebSocket, ${sse.cuts} over SSE; broken by the restart: ` +
      `${webSocket.breaks} and ${sse.breaks} attempts; repeats ${repeats}, losses ${losses}`,
  );
  assert.equal(repeats, 0);
  assert.equal(losses, 0);
  const whole = JSON.stringify(truth); // deepEqual() takes seconds
  for (const { events } of all) assert.ok(JSON.stringify(events) === whole, "the same events in the same order");
  assert.ok(truth.length >= 10_000, `${truth.length} events`);
  assert.deepEqual([webSocket.cuts, sse.cuts], [cuts, cuts]);
  assert.ok(webSocket.breaks > 0 && sse.breaks > 0);

  const typed = (name) => truth.filter(({ __typename }) => __typename === name);
  assert.ok(typed("JobStartedEvent").length >= jobs && typed("JobStartedEvent").every(({ attempt }) => attempt >= 1));
  assert.ok(typed("JobProgressedEvent").length > 0 && typed("JobProgressedEvent").every(({ progress }) => progress.completed === 1));
});

test("the log of an ended job is had whole, from a cursor on, and from its end on not at all", async () => {
  const query = "subscription ($id: ID!) { jobEvents(id: $id) { sequence type cursor } }";
  const read = async (lastEventId) => {
    const response = await fetch(`${server.url}/graphql/stream`, {
      method: "POST",
      headers: {
        "content-type": "application/json", accept: "text/event-stream", authorization: `Bearer ${token}`,
        ...(lastEventId && { "last-event-id": lastEventId }),
      },
      body: JSON.stringify({ query, variables: { id: ids[0] } }),
    });
    const messages = (await response.text()).split("\n\n").filter((message) => message.startsWith("event: next"));
    return messages.map((message) => JSON.parse(message.split("data: ")[1]).data.jobEvents);
  };
  const events = await read();
  assert.deepEqual(events.map(({ sequence }) => sequence), events.map((_, i) => i + 1));
  assert.equal(events.at(-1).type, "dev.errand.job.succeeded");
  assert.deepEqual(await read(events[0].cursor), events.slice(1));
  assert.deepEqual(await read(events.at(-1).cursor), []);
  const { json } = await graphql(server, server.tokens.bolt.client, "query ($id: ID!) { job(id: $id) { id } }", { id: ids[0] });
  assert.equal(json.data.job, null, "another tenant's");
});
