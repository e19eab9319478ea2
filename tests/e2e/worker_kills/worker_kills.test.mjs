// Workers are killed, stopped, cut off and replaced at random under load: see --help.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { WorkerProcess } from "../../ways/processes.mjs";
import { Link } from "../../ways/proxy.mjs";
import { follow } from "../support/event_log.mjs";
import { MortalServer, each, graphql, makeToken, pause, random, untilAnswered, verify } from "../support/kills.mjs";

const HELP = `Usage: node worker_kills.test.mjs ERRAND VERIFY_STORE [--minutes N] [--seed N] [--rate N] [--lease-ms N]

One server, two tenants, clients that submit jobs with idempotency keys at a steady rate, and for each tenant a worker process of each SDK
(C++ where ERRAND_CPP_WORKER names the program of tests/ways/workers/cpp.cpp). A plan drawn from the seed disturbs the workers, at most half of
a tenant's at a time:

  killed    SIGKILL; another process takes its place at once
  stopped   SIGSTOP until its leases are lost, then SIGCONT: what it reports comes too late
  stalled   nothing gets through its connection until its leases are lost, then all of it does
  cut       its connection breaks, and cannot be made again for a sixth of the lease at most
  replaced  SIGTERM: it drains; another process takes its place at once

In the end all goes on undisturbed until every job has ended, and the account is made from what clients were told, from what went over the
workers' connections, from the log of events and from the store: no acknowledged job is lost, each has come to the end that its script calls
for and has one, one key has made one job, events come without a gap and fold to the snapshot, each report that came too late was
refused, the server has counted exactly those, and a worker that is known to be silent is given nothing while others have free slots.

Recovery is the time from a worker's falling silent (the signal, or the stall), or from a job's start where that came later, to the job's next
start, for each attempt that ended with it. It may take the lease and 1 s more, and, so that a busy machine does not fail the test, as much
as the longest wait for a start that an undisturbed job had, and the longest time for which this program did not get to run. While a tenant's
undisturbed workers have hardly a free slot, jobs may wait for one: they are counted, and not held against that bound.

  --minutes N    how long workers are disturbed: 0.4; 5 with ./dev test --long
  --seed N       of the plan and the load; the time unless given
  --rate N       jobs a second, of both tenants together (30)
  --lease-ms N   the lease (3000)

Examples:
  node worker_kills.test.mjs build/dev/errand build/dev/tests/e2e/kill/verify_store --minutes 5 --seed 1
  ./dev test --long --filter worker_kills
`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: "string", default: process.env.DEV_TEST_MINUTES ? "5" : "0.4" }, seed: { type: "string", default: String(Date.now() % 4294967296) },
    rate: { type: "string", default: "30" }, "lease-ms": { type: "string", default: "3000" }, help: { type: "boolean", short: "h" },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const usage = (what) => {
  process.stderr.write(`worker_kills: ${what}; --help says more\n`);
  process.exit(2);
};
const [errand, verifyStore] = positionals;
if (!verifyStore) usage("the programs errand and verify_store are to be named");
for (const name of ["minutes", "seed", "rate", "lease-ms"]) {
  if (!(Number(values[name]) >= 0)) usage(`--${name} takes a number, not "${values[name]}"`);
}
const [minutes, seed, rate, LEASE_MS] = ["minutes", "seed", "rate", "lease-ms"].map((name) => Number(values[name]));

const schema = `
input PerformInput { script: String!  padding: String }
type Outcome {
  text: String!  attempt: Int  stopped: String  timeLeftMs: Float  traceparent: String  correlationId: String  bytes: Int  worker: String
}
type Mutation {
  perform(input: PerformInput!): Outcome! @job(queue: "work", maxAttempts: 100, backoff: {initial: "10ms", max: "50ms"})
}
`;
const SUBMIT = `mutation ($input: PerformInput!, $key: String!) {
  perform(input: $input, options: { idempotencyKey: $key }) { id }
}`;
const READ = "query ($id: ID!) { job(id: $id) { status attempt ... on PerformJob { result { text attempt worker } } } }";
const PREFIX = "dev.errand.job.";
const ENDS = { succeeded: "SUCCEEDED", failed: "FAILED", canceled: "CANCELED", expired: "EXPIRED", killed: "CANCELED" };
const STALE = ["LEASE_LOST", "JOB_ENDED"];
const KINDS = ["killed", "stopped", "stalled", "cut", "replaced"];
/** How often each is drawn. */
const PLAN = ["killed", "killed", "killed", "killed", "stopped", "stopped", "stopped", "stalled", "stalled", "cut", "cut", "cut", "replaced"];
const SLOTS = 32;
/** Jobs on their way to a worker have taken a slot already: with so few free ones the server may see none. */
const FEW = 4;
const SUBMISSIONS_MOST = 100;
/** Without any news for so long, what has not ended does not end. */
const VAIN_MS = 20 * LEASE_MS + 20_000;
const FAULTS_SHOWN = 20;

const draw = random(seed);
const between = (least, most) => least + draw() * (most - least);
const pick = (list) => list[Math.floor(draw() * list.length)];
// It wants to know the program, too.
process.env.ERRAND_BINARY ??= errand;
const { ways } = await import("../../ways/ways.mjs");
const workerWays = ways.filter(({ name }) => ["typescript", "python", "python plain", "cpp"].includes(name));
const sdks = workerWays.filter(({ absent }) => !absent);

class Tenant {
  jobs = new Map(); // by key: what was acknowledged
  histories = new Map(); // by job id: its events
  workers = new Set(); // those that are to be there
  shortages = []; // when undisturbed workers had hardly a free slot
  leastFree = Infinity;

  constructor(name, tokens) {
    Object.assign(this, { name, ...tokens });
  }

  /** Free slots of undisturbed workers; remembers when there were hardly any. */
  look() {
    let slots = 0;
    for (const worker of this.workers) if (!worker.disturbed) slots += worker.credits;
    const short = this.shortages.at(-1);
    if (slots > FEW && short && !short.to) short.to = Date.now();
    if (slots <= FEW && (!short || short.to)) this.shortages.push({ from: Date.now() });
    if (this.settled) this.leastFree = Math.min(this.leastFree, slots);
  }

  wasShort(from, to) {
    return this.shortages.some((short) => short.from <= to && (short.to ?? Infinity) >= from);
  }
}

/** One worker process, and the link over which all that it says goes. */
class Worker {
  disturbed = true; // until it is there
  stale = 0; // its reports that were refused as stale
  silences = []; // what was done to it: kind, from, to
  offers = new Map(); // by token: what was sent to it, and whether it said that it had it

  static async start(run, tenant, way) {
    const worker = new Worker();
    Object.assign(worker, { run, tenant, way, name: `${tenant.name} ${way.name} ${(run.started += 1)}` });
    worker.link = await Link.open(run.server);
    worker.link.watch = (direction, text, connection) => worker.#watch(direction, text, connection);
    worker.link.settled = (connection) => worker.#settled(connection);
    const greeted = worker.#greeted();
    worker.process = new WorkerProcess(way.command, {
      ...run.server.environment, ...way.environment, ERRAND_URL: worker.link.url, ERRAND_TOKEN: tenant.worker, ERRAND_TYPES: "perform",
      ERRAND_SLOTS: String(SLOTS), ERRAND_WORKER_NAME: worker.name, ERRAND_BUILD: worker.name,
    });
    tenant.workers.add(worker);
    run.workers.push(worker);
    void worker.process.exited.then((end) => {
      if (!worker.ending) run.fault(`the worker ${worker.name} ended by itself, with ${end.code ?? end.signal}: ${worker.process.log.slice(-3).join(" ")}`);
    }, (error) => run.fault(`the worker ${worker.name}: ${error.message}`));
    await greeted;
    worker.disturbed = false;
    return worker;
  }

  /** The server has welcomed it, from now on. */
  async #greeted() {
    let timer;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, VAIN_MS, "late")));
    const greeted = new Promise((resolve) => (this.greet = resolve));
    const ended = Promise.resolve().then(() => this.process.exited);
    if (await Promise.race([greeted, late, ended]) === "late") this.run.fault(`${this.name} did not connect: ${this.process.log.slice(-3).join(" ")}`);
    clearTimeout(timer);
  }

  get credits() {
    return this.connection?.credits ?? 0;
  }

  /** What goes over the link is what both sides have said. */
  #watch(direction, text, connection) {
    const { counts } = this.run;
    connection.owed ??= 0; // reports without an answer
    connection.refs ??= new Map(); // their numbers
    connection.unsure ??= []; // progress of which is not known whether it was taken
    for (const message of [JSON.parse(text)].flat().flatMap((each) => each.messages ?? each)) {
      switch (message.type) {
        case "welcome":
          this.connection = connection;
          connection.credits = 0;
          this.greet();
          break;
        case "credits":
          connection.credits += message.add;
          break;
        case "job":
          connection.credits -= 1;
          if (connection.credits < 0) this.run.fault(`${this.name} was sent ${message.jobId} without a free slot`);
          counts.executions += 1;
          this.offers.set(message.token, { at: Date.now(), about: `${message.jobId} ${message.attempt}`, reached: !connection.worker.destroyed });
          break;
        case "heartbeat":
          for (const { token } of message.jobs) if (this.offers.has(token)) this.offers.get(token).had = true;
          break;
        case "complete":
        case "fail":
        case "release":
        case "snooze":
          connection.owed += 1;
          counts.reports += 1;
          connection.refs.set(message.ref, counts.reports);
          break;
        case "progress":
          connection.unsure.push({ jobId: message.jobId, after: counts.reports });
          if (this.offers.has(message.token)) this.offers.get(message.token).had = true;
          break;
        case "ack":
          this.#answered(message, connection);
          break;
        case "error":
          this.run.fault(`${this.name} was told ${text}`);
          break;
        default:
      }
    }
    this.tenant.look();
  }

  #answered({ ref, status, error, jobId }, connection) {
    const { counts } = this.run;
    if (ref !== undefined) {
      connection.owed -= 1;
      // Reports are decided in their order, and a progress that was refused has its answer before those that came after it.
      const answered = connection.refs.get(ref);
      connection.unsure = connection.unsure.filter(({ after }) => after >= answered);
      connection.refs.delete(ref);
    }
    if (connection.owed === 0) connection.settle?.();
    if (status !== "REFUSED") return;
    if (STALE.includes(error.code)) {
      this.stale += 1;
      counts.stale += 1;
    } else if (!error.retryable) {
      this.run.fault(`${this.name} was refused a report about ${jobId}: ${JSON.stringify(error)}`);
    }
  }

  /** The worker's side of this connection is gone. Reports that it made are answered yet; progress that is taken has no answer. */
  async #settled(connection) {
    if (connection.owed > 0) {
      await new Promise((resolve) => {
        connection.settle = resolve;
        connection.server.once("close", resolve);
      });
    }
    this.run.counts.unsure += connection.owed ?? 0;
    for (const { jobId } of connection.unsure ?? []) if (this.run.wasOver(jobId)) this.run.counts.unsure += 1;
  }

  #silent(kind) {
    const silence = { kind, from: Date.now() };
    this.silences.push(silence);
    this.tenant.look();
    return silence;
  }

  async disturb(kind) {
    this.disturbed = true;
    this.run.counts[kind] += 1;
    const past = LEASE_MS * between(1.2, 1.9);
    const short = LEASE_MS * between(0, 1 / 6); // so that what the worker has can be reported in time by HTTP
    switch (kind) {
      case "killed":
        this.ending = true;
        this.process.signal("SIGKILL");
        this.#silent(kind);
        await Promise.all([this.process.exited, this.#succeed()]);
        return this.link.close();
      case "replaced": {
        this.ending = true;
        const [end] = await Promise.all([this.process.stop(), this.#succeed()]);
        if (end.code !== 0) this.run.fault(`${this.name} ended with ${end.code ?? end.signal} after SIGTERM`);
        return this.link.close();
      }
      case "stopped": {
        this.process.signal("SIGSTOP");
        const silence = this.#silent(kind);
        await pause(past);
        this.process.signal("SIGCONT");
        silence.to = Date.now();
        break;
      }
      case "stalled": {
        this.link.hold("up", "down");
        const silence = this.#silent(kind);
        await pause(past);
        this.link.release("up", "down");
        silence.to = Date.now();
        break;
      }
      case "cut": {
        const silence = this.#silent(kind);
        this.link.gate = "closed";
        this.link.cut();
        const greeted = this.#greeted();
        await pause(short);
        this.link.gate = "open";
        await greeted;
        silence.to = Date.now();
        break;
      }
      default:
    }
    this.disturbed = false;
    this.tenant.look();
  }

  #succeed() {
    this.tenant.workers.delete(this);
    return Worker.start(this.run, this.tenant, this.way);
  }

  async stop() {
    this.ending = true;
    this.process.signal("SIGCONT");
    const end = await this.process.stop();
    if (end.code !== 0) this.run.fault(`${this.name} ended with ${end.code ?? end.signal} after SIGTERM`);
    await this.link.close();
  }
}

class Run {
  counts = { executions: 0, reports: 0, stale: 0, unsure: 0, acknowledged: 0, repeated: 0, events: 0, ...Object.fromEntries(KINDS.map((kind) => [kind, 0])) };
  started = 0;
  workers = [];
  faults = [];
  lastNews = Date.now();
  #following = new AbortController();

  constructor(folder) {
    this.folder = folder;
    const credentials = join(folder, "credentials.toml");
    this.server = new MortalServer(errand, folder, ["--credentials", credentials, "--log-level", "warn"], { ERRAND_WORKER_LEASE: `${LEASE_MS}ms` });
    writeFileSync(join(folder, "schema.graphql"), schema);
    this.tenants = ["acme", "globex"].map((name) => new Tenant(name, {
      client: makeToken(errand, credentials, name, `${name}:client`, "*"), worker: makeToken(errand, credentials, name, `${name}:worker`, "worker"),
    }));
  }

  fault(what) {
    if (this.faults.length < 1_000) this.faults.push(what);
  }

  // --- the log

  follow(tenant) {
    return new Promise((opened) => void follow({
      address: () => this.server.url, token: tenant.client, fields: "jobId cursor sequence type time data", signal: this.#following.signal, opened,
      hear: (event) => this.#hear(tenant, event),
      told: (errors) => this.fault(`the subscriber was told ${JSON.stringify(errors)}`),
      broken: ({ message }) => this.fault(`the log of events broke off: ${message}`),
    }));
  }

  #hear(tenant, { jobId, sequence, type, time, data }) {
    const history = tenant.histories.get(jobId) ?? [];
    if (sequence !== history.length + 1) this.fault(`${jobId}: event ${sequence} came after ${history.length} events`);
    history.push({ type: type.slice(PREFIX.length), time: Date.parse(time), data });
    tenant.histories.set(jobId, history);
    this.counts.events += 1;
    this.lastNews = Date.now();
  }

  history(jobId) {
    return this.tenants.map(({ histories }) => histories.get(jobId)).find(Boolean) ?? [];
  }

  /** Whether an attempt of the job was lost. */
  wasOver(jobId) {
    return this.history(jobId).some(({ type, data }) => type === "attempt_failed" && data.kind === "LEASE_LOST");
  }

  // --- the load

  async load(until) {
    const going = new Set();
    for (let number = 0; Date.now() < until; number += 1) {
      const tenant = this.tenants[number % 2];
      const one = { key: `${tenant.name}-${number}`, ...this.#script() };
      const times = draw() < 0.05 ? 2 : 1;
      const submission = Promise.all(Array.from({ length: times }, () => this.submit(tenant, one))).then(([id, again]) => {
        if (again !== undefined) {
          this.counts.repeated += 1;
          if (again !== id) this.fault(`the key ${one.key} made the jobs ${id} and ${again}`);
        }
        tenant.jobs.set(one.key, { ...one, id });
        this.counts.acknowledged += 1;
      }).catch((error) => this.fault(`a submission: ${error.message}`)).finally(() => going.delete(submission));
      going.add(submission);
      if (going.size >= SUBMISSIONS_MOST) await Promise.race(going);
      await pause(-Math.log(1 - draw()) * 1_000 / rate);
    }
    await Promise.all(going);
  }

  #script() {
    const sleep = { do: "sleep", ms: Math.round(between(20, 1_800)) };
    const kinds = {
      plain: [[sleep]],
      stubborn: [[{ ...sleep, do: "stubborn" }]],
      long: [[{ do: "sleep", ms: Math.round(between(1, 1.7) * LEASE_MS) }]], // lives by heartbeats
      progress: [[{ do: "progress", completed: 1, total: 3 }, sleep, { do: "progress", completed: 2, total: 3 }, sleep]],
      transient: [[sleep, { do: "transient", retryAfterMs: 20 }], [sleep]],
      crash: [[sleep, { do: "crash" }], [sleep]],
      release: [[sleep, { do: "release" }]],
      permanent: [[sleep, { do: "permanent", code: "NO_USE" }]],
    };
    const kind = pick(["plain", "plain", "plain", "plain", "stubborn", "stubborn", "long", "progress", "transient", "crash", "release", "permanent"]);
    return { kind, script: JSON.stringify(kinds[kind]), end: kind === "permanent" ? "FAILED" : "SUCCEEDED" };
  }

  async submit(tenant, { key, script }) {
    const answer = await untilAnswered(this.server, () => graphql(this.server, tenant.client, SUBMIT, { input: { script }, key }));
    const id = answer.data?.perform?.id;
    if (!id) throw new Error(JSON.stringify(answer));
    return id;
  }

  // --- the plan

  async disturb(until) {
    const going = new Set();
    while (Date.now() < until) {
      await pause(between(150, 900));
      const able = this.tenants.flatMap(({ workers }) => {
        const all = [...workers];
        const well = all.filter(({ disturbed, process }) => !disturbed && process.runs);
        return well.length - 1 >= all.length / 2 ? well : [];
      });
      if (able.length === 0) continue;
      const one = pick(able).disturb(pick(PLAN)).catch((error) => this.fault(`a disturbance: ${error.stack}`)).finally(() => going.delete(one));
      going.add(one);
    }
    await Promise.all(going);
  }

  // --- the run

  async live() {
    await this.server.start();
    await Promise.all(this.tenants.map((tenant) => this.follow(tenant)));
    await Promise.all(this.tenants.flatMap((tenant) => sdks.map((way) => Worker.start(this, tenant, way))));
    for (const tenant of this.tenants) tenant.settled = true;
    this.lag = monitorEventLoopDelay({ resolution: 10 });
    this.lag.enable();
    const until = Date.now() + minutes * 60_000;
    void this.server.exited.then(({ code, signal }) => {
      if (this.stopping) return;
      console.error(`the server ended by itself, with ${code ?? signal}; --seed ${seed}, kept ${this.folder}:\n${this.server.said().slice(-4_000)}`);
      process.exit(1);
    });
    const said = setInterval(() => console.log(`${this.counts.acknowledged} jobs acknowledged, ${this.ended()} ended, ` +
      `${KINDS.map((kind) => `${this.counts[kind]} ${kind}`).join(", ")}, ${this.counts.stale} stale reports, ${this.faults.length} faults`), 30_000);
    try {
      await Promise.all([this.load(until), this.disturb(until)]);
      while (this.ended() < this.counts.acknowledged && Date.now() - this.lastNews < VAIN_MS) await pause(50);
    } finally {
      clearInterval(said);
      this.lag.disable();
    }
  }

  ended() {
    return this.tenants.reduce((sum, { jobs, histories }) =>
      sum + [...jobs.values()].filter(({ id }) => histories.get(id)?.some(({ type }) => type in ENDS)).length, 0);
  }

  /** Ends what is left, in the order in which nothing is lost of what is counted. */
  async settle() {
    await Promise.all(this.tenants.flatMap(({ workers }) => [...workers]).map((worker) => worker.stop()));
    const answer = await fetch(`${this.server.url}/metrics`, { headers: { authorization: `Bearer ${this.tenants[0].client}` } });
    const metrics = await answer.text();
    const counted = Number(metrics.match(/^errand_stale_reports_total (\d+)/m)?.[1] ?? 0);
    if (counted < this.counts.stale || counted > this.counts.stale + this.counts.unsure) {
      this.fault(`the server has counted ${counted} stale reports, and ${this.counts.stale} were refused`);
    }
    await Promise.all(this.tenants.map((tenant) => this.#checkJobs(tenant)));

    this.#following.abort();
    this.stopping = true;
    const { code, signal } = await this.server.stop();
    if (code !== 0) this.fault(`the server ended with ${code ?? signal}`);
    const ids = new Set(this.tenants.flatMap(({ jobs }) => [...jobs.values()].map(({ id }) => id)));
    if (ids.size !== this.counts.acknowledged) this.fault("two keys gave one job");
    const store = verify(verifyStore, this.server, ids);
    if (store.jobs !== ids.size) this.fault(`the store holds ${store.jobs} jobs, and clients know of ${ids.size}`);
    if (store.events !== this.counts.events) this.fault(`the store holds ${store.events} events, and the subscribers got ${this.counts.events}`);
    return { counted, store };
  }

  async #checkJobs(tenant) {
    const other = this.tenants.find((each) => each !== tenant);
    const offers = new Map(this.workers.map(({ name, offers }) => [name, new Set([...offers.values()].map(({ about }) => about))]));
    await each([...tenant.jobs.values()], 8, async (one) => {
      const { data } = await untilAnswered(this.server, () => graphql(this.server, tenant.client, READ, { id: one.id }));
      const history = tenant.histories.get(one.id) ?? [];
      const what = `${one.id} (${one.kind})`;
      const ends = history.filter(({ type }) => type in ENDS).map(({ type }) => ENDS[type]);
      if (!data?.job) {
        this.lost = (this.lost ?? 0) + 1;
        return this.fault(`${what} is lost`);
      }
      const { status, result } = data.job;
      if (status !== one.end || ends.length !== 1 || ends[0] !== one.end) {
        return this.fault(`${what} is ${status} and came to the ends [${ends}]; its history: ${history.map(({ type }) => type)}`);
      }
      if (status !== "SUCCEEDED") return undefined;
      // The result is that of the attempt that the store knows as the last, by a worker that had it.
      const start = history.findLast(({ type }) => type === "started");
      if (result.worker !== start.data.workerBuild || result.attempt !== start.data.attempt) {
        this.fault(`${what} has the result of ${result.worker}, attempt ${result.attempt}, and was last started by ${JSON.stringify(start.data)}`);
      }
      if (!offers.get(result.worker)?.has(`${one.id} ${result.attempt}`)) this.fault(`${what} has a result of ${result.worker}, which never had it`);
      return undefined;
    });
    for (const one of [...tenant.jobs.values()].filter((_, i) => i % 50 === 0)) {
      if (await this.submit(tenant, one) !== one.id) this.fault(`the key ${one.key} made another job in the end`);
      const { data } = await graphql(this.server, other.client, READ, { id: one.id });
      if (data.job) this.fault(`${one.id} was shown to another tenant`);
    }
  }

  // --- how long it took

  /** Each attempt that ended without a word of its worker. */
  recoveries() {
    const byName = new Map(this.workers.map((worker) => [worker.name, worker]));
    const all = [];
    this.startsInSilence = [];
    this.waits = []; // of jobs that nothing happened to
    for (const tenant of this.tenants) {
      for (const [id, history] of tenant.histories) {
        let start;
        let lost;
        let disturbed = false;
        let ready = history[0].time;
        for (const { type, time, data } of history) {
          if (type === "started") {
            if (lost) all.push({ ...lost, id, tenant, ms: time - lost.from, short: tenant.wasShort(lost.at, time) });
            else if (!disturbed && ready !== undefined && !tenant.wasShort(ready, time)) this.waits.push(time - ready);
            lost = undefined;
            ready = undefined;
            start = { time, number: (start?.number ?? 0) + 1, worker: byName.get(data.workerBuild) };
            const silence = start.worker?.silences.find(({ from, to }) => from <= time && time <= (to ?? Infinity));
            if (silence) this.startsInSilence.push({ id, time, silence, tenant });
          } else if (type === "attempt_failed" || type === "released") {
            const scripted = type === "released" ? data.reason === "by its worker" : data.kind !== "LEASE_LOST";
            if (scripted) continue;
            disturbed = true;
            // A worker that goes on is for a while behind with its heartbeats.
            const silences = start.worker?.silences.filter(({ from, to }) => from <= time && time <= (to ?? Infinity) + LEASE_MS) ?? [];
            const silence = silences.findLast(({ kind }) => kind !== "cut") ?? silences.at(-1);
            if (silence) silence.cost = [...silence.cost ?? [], time];
            // Where a connection broke, a job that was on its way is lost; one that the worker had is not.
            const [, offer] = [...start.worker?.offers ?? []]
              .find(([token, { about }]) => about.startsWith(id) && token.startsWith(`${start.number}.`)) ?? []; // a token begins with its number
            const kind = silence && silence.kind !== "cut" ? silence.kind : offer?.had || (offer?.reached && !silence) ? "nothing" : "cut";
            lost = { at: time, kind, from: Math.max(silence?.from ?? 0, start.time), worker: start.worker?.name, offer, silences };
          }
        }
        if (lost) this.fault(`${id} was lost by ${lost.worker} and not started again`);
      }
    }
    return all;
  }
}

function quantiles(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return { count: sorted.length, median: at(0.5), p99: at(0.99), max: sorted.at(-1) };
}

function print(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => String(row[i]).length)));
  const line = (row) => `| ${row.map((text, i) => String(text).padEnd(widths[i])).join(" | ")} |`;
  console.log(line(rows[0]));
  console.log(`|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`);
  for (const row of rows.slice(1)) console.log(line(row));
  console.log();
}

function report(run, { counted, store }) {
  const { counts } = run;
  const seconds = (ms) => (ms === undefined ? "-" : `${(ms / 1_000).toFixed(2)} s`);
  const all = run.recoveries();
  const recovered = all.filter(({ short, kind }) => !short && kind !== "nothing");
  const waits = quantiles(run.waits);
  const lag = run.lag.max / 1e6;
  const allowed = LEASE_MS + 1_000 + (waits.max ?? 0) + lag;
  const slowest = recovered.reduce((most, each) => (each.ms > (most?.ms ?? -1) ? each : most), undefined);
  if (slowest?.ms > allowed) {
    run.fault(`${slowest.id} came back ${seconds(slowest.ms)} after ${slowest.worker} was ${slowest.kind}; allowed are ${seconds(allowed)}: ` +
      run.history(slowest.id).map(({ type, time }) => `${type} ${time}`).join(", "));
  }
  // Heartbeats come at a third of the lease. Where this program, which carries them, cannot run for so long, a lease may be lost by that.
  const reasonless = all.filter(({ kind }) => kind === "nothing");
  if (reasonless.length > 0 && lag < LEASE_MS / 3) {
    for (const { id, worker, at, offer, silences } of reasonless.slice(0, 5)) {
      run.fault(`${worker} had ${id} and lost it at ${at}, though it could report: ${JSON.stringify({ offer, silences })}`);
    }
  }
  // A worker of which nothing was heard for a lease, and which has lost one since, is given nothing more as long as others have free slots.
  const delays = allowed - LEASE_MS - 1_000;
  const inVain = run.startsInSilence.filter(({ time, silence, tenant }) =>
    silence.cost?.some((lost) => silence.from + LEASE_MS + delays < lost && lost < time) && !tenant.wasShort(time - delays, time + delays));
  for (const { id, time, silence } of inVain.slice(0, 5)) {
    run.fault(`${id} was given at ${time} to a worker that had been ${silence.kind} at ${silence.from} and had lost leases by that`);
  }
  if (counts.stale === 0) run.fault("no report came too late: nothing was shown about those");
  if (recovered.length === 0) run.fault("no attempt was lost: nothing was shown about recovery");

  const names = sdks.map(({ name }) => name);
  const staleOf = (name) => run.workers.filter(({ way }) => way.name === name).reduce((sum, worker) => sum + worker.stale, 0);
  print([
    ["Workers disturbed under load", `${(minutes * 60).toFixed(0)} s, seed ${seed}, lease ${seconds(LEASE_MS)}`],
    ["worker processes", `${run.workers.length} in all, ${run.tenants.length * sdks.length} at a time (${names.join(", ")}), ${SLOTS} slots each`],
    ["disturbed", KINDS.map((kind) => `${counts[kind]} ${kind}`).join(", ")],
    ["jobs acknowledged", `${counts.acknowledged}; ${counts.repeated} keys sent twice, one job each`],
    ["lost", run.lost ?? 0],
    ["attempts started", `${store.starts}; ${counts.executions} reached a worker`],
    ["leases lost", store.lostLeases],
    ["started again after a loss", `${all.length}; ${all.filter(({ offer }) => offer?.reached).length} of these had reached a worker before: run more than once`],
    ["given to workers known to be silent", inVain.length],
    ["stale reports refused", `${counts.stale} of ${counts.reports} reports (${names.map((name) => `${staleOf(name)} ${name}`).join(", ")})`],
    ["stale reports by metric", counted],
    ["events", `${store.events} without a gap, folding to the snapshots`],
  ]);
  const row = (name, list) => {
    const { count, median, p99, max } = quantiles(list.map(({ ms }) => ms));
    return [name, count, seconds(median), seconds(p99), seconds(max)];
  };
  print([
    ["Recovery of a lost attempt", "attempts", "median", "p99", "max"],
    ...["killed", "stopped", "stalled"].map((kind) => row(`worker ${kind}`, recovered.filter((each) => each.kind === kind))),
    row("on its way to a cut connection", recovered.filter(({ kind }) => kind === "cut")),
    row("all", recovered),
  ]);
  console.log(`bound: lease + 1 s = ${seconds(LEASE_MS + 1_000)}, ${slowest && slowest.ms <= LEASE_MS + 1_000 ? "kept" : "NOT kept"}; with this ` +
    `machine's own delays ${seconds(allowed)}: an undisturbed job waited ${seconds(waits.median)} (median) to ${seconds(waits.max)} (max) for its start, ` +
    `this program up to ${seconds(lag)} for its turn. Attempts that had to wait for a slot: ${all.filter(({ short }) => short).length}; ` +
    `free slots of a tenant at least: ${Math.min(...run.tenants.map(({ leastFree }) => leastFree))}; leases lost without a reason: ${reasonless.length}` +
    `${counts.unsure > 0 ? `; reports whose answer nobody saw: ${counts.unsure}` : ""}.`);
}

console.log(`worker_kills: ${minutes} minutes, seed ${seed}; ${sdks.map(({ name }) => name).join(", ")}`);
for (const { name, absent } of workerWays) if (absent) console.log(`without ${name}: ${absent}`);
const folder = mkdtempSync(join(tmpdir(), "errand-worker-kills-"));
const run = new Run(folder);
try {
  await run.live();
  report(run, await run.settle());
} catch (error) {
  run.fault(error.stack);
}
if (run.faults.length > 0) {
  console.error(`${run.faults.length} faults; --seed ${seed}, kept ${folder}:\n${run.faults.slice(0, FAULTS_SHOWN).join("\n")}\n` +
    `the server said last:\n${run.server.said().slice(-4_000)}`);
} else {
  rmSync(folder, { recursive: true, force: true });
}
run.stopping = true;
if (run.server.runs) await run.server.kill();
process.exit(run.faults.length > 0 ? 1 : 0);
