// node crash_points.test.mjs ERRAND VERIFY_STORE [--runs N] [--point LABEL] [--seed N] [--parallel N]
//
// The server kills itself with SIGKILL at each of the points of base/crash_point.h, at a pass drawn from a seed, while clients
// submit, cancel and retry jobs, workers run them, and a subscriber follows the log. It is started again on the same data, everyone
// goes on, and then the account is made, from what was written down outside of the server and from the store itself: every
// acknowledged job is there and has ended, one key has made one job, no report under a token that was over has counted, the
// subscriber has each event once and in order, and VERIFY_STORE finds the store sound. Prints a table.
//
// Each point is run once; with DEV_TEST_MINUTES (./dev test --long) 50 times, however long it takes; DEV_CRASH_RUNS says
// otherwise. A failure names its point and seed.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { PermanentError, TransientError, Worker } from "../../../sdk/typescript/dist/index.js";
import { follow } from "../support/event_log.mjs";
import { MortalServer, each, graphql, pause, post, random, silent, untilAnswered, verify } from "../support/kills.mjs";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string" }, point: { type: "string" }, seed: { type: "string" }, parallel: { type: "string", default: "2" },
  },
});
const [errand, verifyStore] = positionals;
assert.ok(verifyStore, "usage: crash_points.test.mjs ERRAND VERIFY_STORE");

// At which pass the server dies, at most. What a point needs besides the usual load:
//   prefer  half of the jobs are of this kind
//   text    clients also submit jobs that are large, until the write-ahead log is due for a checkpoint
//   prune   jobs end, and the clock is put past their retention
//   stop    SIGTERM comes in the midst of all
//   again   the server dies at another point first, and at this one when it is started
const POINTS = {
  "lane.before_decide": { least: 5, most: 150 }, // the first ones come while it starts
  "commit.before_begin": { most: 80 },
  "commit.between_statements": { most: 400 },
  "commit.before_commit": { most: 80 },
  "commit.after_commit": { most: 80 },
  "lane.after_apply": { most: 80 },
  "lane.before_answers": { least: 5, most: 150 },
  "response.before_write": { most: 120 },
  "response.after_write": { most: 120 },
  "dispatch.before_send": { most: 50 },
  "web_socket.after_write": { most: 100 },
  "report.read": { most: 50 },
  "report.before_ack": { most: 50 },
  "heartbeat.before_ack": { least: 3, most: 6, prefer: "slow" }, // the first two come with the connections
  "progress.flush": { most: 20, prefer: "progress" },
  "timer.fired": { most: 20, prefer: "delayed" },
  checkpoint: { most: 3, text: true },
  prune: { most: 11, prune: true },
  recovery: { most: 8, again: "commit.after_commit" },
  drain: { most: 3, stop: true },
};

const schema = `
input WorkInput { number: Int!  kind: String! }
type Work { number: Int!  by: String! }
type Mutation {
  work(input: WorkInput!): Work! @job(queue: "work", maxAttempts: 50, backoff: {initial: "10ms", max: "50ms"})
  fleeting(input: WorkInput!): Work!
    @job(queue: "fleeting", maxAttempts: 50, backoff: {initial: "10ms", max: "50ms"}, retention: "30s")
  unserved(text: String!): Work! @job(queue: "unserved")
}
`;
const environment = { ERRAND_WORKER_LEASE: "1s", ERRAND_SERVER_DRAIN_TIMEOUT: "500ms" };
const flags = ["--test-clock", "--log-level", "warn"];
const CLIENTS = 6;
const JOBS_MOST = 300;
const PAST_JOBS = 12;
const FLEETING_JOBS = 8;
const TEXT_BYTES = 800_000;
const TEXTS_MOST = 30;
const HELD_MOST = 2;
/** So many lost leases, one after the other, without a change: what has not ended by then is not there. */
const VAIN_MOST = 60;
/** A run that takes longer hangs. */
const RUN_MS = 120_000;

const job = (type) => `mutation ($input: WorkInput!, $options: JobOptions) { made: ${type}(input: $input, options: $options) { id } }`;
const SUBMIT = {
  work: job("work"),
  fleeting: job("fleeting"),
  unserved: "mutation ($text: String!, $options: JobOptions) { made: unserved(text: $text, options: $options) { id } }",
};
const READ = `query ($after: String) {
  jobs(first: 100, after: $after, orderBy: OLDEST_FIRST) {
    nodes { id status ... on WorkJob { result { number by } } ... on FleetingJob { result { number by } } }
    pageInfo { hasNextPage endCursor }
  }
}`;
const STALE = ["LEASE_LOST", "JOB_ENDED"];

/** The data that every run begins with: a few jobs that wait. Its first event is where subscribers begin. */
async function makePast() {
  const folder = mkdtempSync(join(tmpdir(), "errand-crash-past-"));
  writeFileSync(join(folder, "schema.graphql"), schema);
  const server = new MortalServer(errand, folder, flags, environment);
  const { tokens } = await server.start();
  const jobs = [];
  for (let number = 0; number < PAST_JOBS; number += 1) {
    const one = { key: `past-${number}`, type: "work", variables: { input: { number, kind: "plain" } } };
    const { data } = await graphql(server, tokens.client, SUBMIT.work, { ...one.variables, options: { idempotencyKey: one.key } });
    jobs.push({ ...one, id: data.made.id });
  }
  const first = "query ($id: ID!) { job(id: $id) { events(first: 1) { edges { cursor } } } }";
  const { data } = await graphql(server, tokens.client, first, { id: jobs[0].id });
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
  return { folder, tokens, jobs, cursor: data.job.events.edges[0].cursor };
}

/** One server with its two lives, and everyone who deals with it. */
class Run {
  constructor(past, label, seed, divisor) {
    this.past = past;
    this.label = label;
    this.point = POINTS[label];
    this.draw = random(seed);
    const least = this.point.least ?? 1;
    const most = Math.max(least, Math.ceil(this.point.most / divisor));
    this.pass = least + Math.floor(this.draw() * (most - least + 1));
    this.folder = mkdtempSync(join(tmpdir(), "errand-crash-"));
    cpSync(past.folder, this.folder, { recursive: true });
    this.server = new MortalServer(errand, this.folder, flags, environment);

    this.submitted = 0;
    this.jobs = new Map(past.jobs.map((each) => [each.key, each])); // by key: what was acknowledged
    this.accounts = new Map(past.jobs.map((each) => [each.id, newAccount()])); // by id
    this.accounts.get(past.jobs[0].id).sequence = 1;
    this.events = 0;
    this.lastNews = performance.now();
    this.clock = undefined; // what the server's clock showed when it was last put forward, less the machine's
    this.executions = 0;
    this.held = 0;
    this.stale = 0; // reports that were refused as such
    this.repeated = 0; // reports that were acknowledged again
    this.errands = new Set(); // what goes on beside the load
    this.faults = [];
    this.lost = 0; // acknowledged jobs that are not there
    this.dead = false;
    this.over = false;
    this.stopFollowing = new AbortController();
    this.revived = new Promise((resolve) => (this.revive = resolve));
  }

  account(id) {
    if (!this.accounts.has(id)) this.accounts.set(id, newAccount());
    return this.accounts.get(id);
  }

  aside(errand) {
    const done = errand.catch((error) => this.faults.push(error.message)).finally(() => this.errands.delete(done));
    this.errands.add(done);
  }

  async ask(query, variables, allowed = []) {
    const answer = await untilAnswered(this.server, () => graphql(this.server, this.past.tokens.client, query, variables));
    const code = answer.errors?.[0]?.extensions?.code;
    if (answer.errors && !allowed.includes(code)) this.faults.push(`${query}: ${JSON.stringify(answer.errors)}`);
    return answer.data;
  }

  // --- clients

  async submit(one) {
    const data = await this.ask(SUBMIT[one.type], { ...one.variables, options: { ...one.options, idempotencyKey: one.key } });
    const id = data?.made?.id;
    const known = this.jobs.get(one.key)?.id;
    if (!id || (known && known !== id)) this.faults.push(`the key ${one.key} gave ${id} after ${known}`);
    return id;
  }

  async load() {
    while (!this.over && this.submitted < JOBS_MOST) {
      const last = this.dead; // one more each in the second life
      const number = PAST_JOBS + this.submitted++;
      const one = this.next(number);
      const id = await this.submit(one);
      this.jobs.set(one.key, { ...one, id });
      this.account(id);
      if (one.variables.input.kind === "cancel") {
        this.aside(this.ask("mutation ($id: ID!) { cancelJob(id: $id) { id } }", { id }, ["JOB_ENDED", "JOB_NOT_CANCELABLE"]));
      }
      if (last) return;
      if (this.point.prefer === "slow") await pause(10);
    }
  }

  next(number) {
    const fleeting = this.point.prune && number < PAST_JOBS + FLEETING_JOBS;
    const kind = fleeting ? "plain" : this.kind();
    return {
      key: `job-${number}`,
      type: fleeting ? "fleeting" : "work",
      variables: { input: { number, kind } },
      options: kind === "delayed" ? { delay: `${1 + Math.floor(this.draw() * 30)}ms` } : {},
    };
  }

  kind() {
    const { prefer } = this.point;
    if (prefer && this.draw() < 0.5 && (prefer !== "slow" || this.submitted < 16)) return prefer;
    const kinds = ["transient", "permanent", "delayed", "cancel", "progress", "plain", "plain", "plain"];
    return kinds[Math.floor(this.draw() * kinds.length)];
  }

  /** Jobs that nobody runs and that are canceled: their input is what counts. */
  async loadTexts() {
    for (let i = 0; i < TEXTS_MOST && !this.dead && !this.over; i += 1) {
      const one = { key: `text-${this.submitted++}`, type: "unserved", variables: { text: "x".repeat(TEXT_BYTES) } };
      const id = await this.submit(one);
      this.jobs.set(one.key, { ...one, id });
      this.account(id);
      this.aside(this.ask("mutation ($id: ID!) { cancelJob(id: $id) { id } }", { id }, ["JOB_ENDED", "JOB_NOT_CANCELABLE"]));
    }
  }

  /** Once the fleeting jobs have ended and the subscriber knows it, their retention passes. */
  async letRetentionPass() {
    const fleeting = () => [...this.jobs.values()].filter(({ type }) => type === "fleeting");
    while (fleeting().length < FLEETING_JOBS || fleeting().some(({ id }) => !this.account(id).ended)) {
      await pause(2);
      if (this.dead || this.over) return;
    }
    await this.advance(30_000).catch(() => {});
  }

  async advance(ms) {
    this.clock = (this.clock ?? 0) + ms;
    await post(this.server, this.past.tokens.client, "/test/clock", { advance: `${ms}ms` });
  }

  // --- subscriber

  follow() {
    return follow({
      address: async () => (await this.server.listens, this.server.url), token: this.past.tokens.client,
      fields: "cursor jobId sequence type", cursor: this.past.cursor, signal: this.stopFollowing.signal,
      hear: (event) => this.hear(event),
      told: (errors) => this.faults.push(`the subscriber was told ${JSON.stringify(errors)}`),
    });
  }

  hear({ jobId, sequence, type }) {
    const account = this.account(jobId);
    this.events += 1;
    this.lastNews = performance.now();
    if (sequence !== account.sequence + 1) this.faults.push(`${jobId}: the subscriber got event ${sequence} after ${account.sequence}`);
    account.sequence = sequence;
    const name = type.slice("dev.errand.job.".length);
    if (name === "failed") this.aside(this.ask("mutation ($id: ID!) { retryJob(id: $id) { id } }", { id: jobId }, ["INVALID_TRANSITION"]));
    if (["succeeded", "canceled", "expired"].includes(name)) account.end();
  }

  // --- workers

  startWorkers() {
    const logger = {
      ...silent,
      warn: (sentence, { code }) => {
        if (sentence === "the server refused a report" && STALE.includes(code)) this.stale += 1;
      },
    };
    this.workers = [1, 2].map((name) => {
      const worker = new Worker({
        url: this.server.url, token: this.past.tokens.worker, slots: 8, name: String(name), logger, handleSignals: false,
        reconnectMs: { first: 20, longest: 100 }, drainTimeoutMs: 5_000,
      });
      for (const type of ["work", "fleeting"]) worker.handle(type, (job) => this.execute(job));
      return { worker, done: worker.run() };
    });
  }

  async execute(job) {
    const { id, run, attempt, input } = job;
    const account = this.account(id);
    const by = `worker:${++this.executions}`;
    account.executions += 1;
    await pause(1 + this.draw() * 12);
    if (input.kind === "slow") await pause(700);
    for (let completed = 1; input.kind === "progress" && completed <= 3; completed += 1) {
      job.progress({ completed, total: 3 });
      await pause(this.draw() * 5);
    }
    if (input.kind === "transient" && attempt === 1) {
      account.excused += 1;
      throw new TransientError("the first attempt fails", { retryAfter: 5 });
    }
    if (input.kind === "permanent" && run === 1) {
      account.excused += 1;
      throw new PermanentError("the first run fails");
    }
    account.given.add(by);
    return { number: input.number, by };
  }

  /** Takes jobs by long poll, and does with them what workers should not, or not twice. */
  async mistreat() {
    while (!this.dead && !this.over) {
      await this.server.listens;
      try {
        const { messages = [] } = await post(this.server, this.past.tokens.worker, "/worker/v1/poll",
          { types: ["work"], slots: 1, waitMs: 100 });
        const offer = messages.find(({ type }) => type === "job");
        if (!offer) continue;
        const account = this.account(offer.jobId);
        account.executions += 1;
        const held = { jobId: offer.jobId, token: offer.token };
        const by = `poller:${++this.executions}`;
        const complete = { type: "complete", ...held, result: { number: offer.arguments.input.number, by } };
        if (this.held < HELD_MOST) {
          this.held += 1;
          this.aside(this.hold(account, complete));
        } else {
          const ways = [
            () => this.giveUp(account, { type: "release", ...held }, complete),
            () => this.giveUp(account, { type: "fail", ...held, error: { kind: "TRANSIENT", message: "no", retryAfterMs: 1 } }, complete),
            () => this.repeat(account, complete),
          ];
          this.aside(ways[Math.floor(this.draw() * ways.length)]());
        }
      } catch {
        await pause(5);
      }
    }
  }

  /** Says nothing until the job has ended without it. */
  async hold(account, complete) {
    await account.over;
    await this.beRefused(complete);
  }

  /** Gives the job back or fails, and then thinks better of it. */
  async giveUp(account, report, complete) {
    account.excused += 1;
    await this.report(report);
    await this.beRefused(complete);
  }

  /** Says it again after the crash, as one that has not heard the answer. */
  async repeat(account, complete) {
    account.given.add(complete.result.by);
    const ack = await this.report(complete);
    if (ack.status !== "OK") return this.count(ack);
    await this.revived;
    const again = await this.report(complete);
    if (again.status === "OK") this.repeated += 1;
    else this.faults.push(`a report that had been acknowledged was refused: ${JSON.stringify(again)}`);
  }

  async beRefused(report) {
    const ack = await this.report(report);
    if (ack.status === "OK") this.faults.push(`${report.jobId}: a report under a token that was over was taken`);
    else this.count(ack);
  }

  count(ack) {
    if (STALE.includes(ack.error?.code)) this.stale += 1;
    else this.faults.push(`an unexpected answer to a report: ${JSON.stringify(ack)}`);
  }

  async report(message) {
    for (;;) {
      const answer = await untilAnswered(this.server, () =>
        post(this.server, this.past.tokens.worker, "/worker/v1/messages", message));
      const ack = answer.messages?.[0];
      if (!ack) throw new Error(`no answer to a report, but ${JSON.stringify(answer)}`);
      if (ack.status === "OK" || !ack.error?.retryable) return ack;
      await pause(20);
    }
  }

  // --- the run

  /** @return whether the server died at its point. */
  async live() {
    const first = this.point.again ?? this.label;
    const pass = this.point.again ? 1 + Math.floor(this.draw() * POINTS[first].most) : this.pass;
    await this.server.start({ ERRAND_CRASH_POINT: `${first}:${pass}` });
    const death = this.server.exited;

    this.following = this.follow();
    for (let i = 0; i < 2; i += 1) this.aside(this.mistreat());
    this.startWorkers();
    this.loads = Array.from({ length: CLIENTS }, () => this.load());
    if (this.point.text) this.loads.push(this.loadTexts(), this.loadTexts());
    if (this.point.prune) this.aside(this.letRetentionPass());
    if (this.point.stop) this.aside(this.stopInTheMidst(PAST_JOBS + 5 + Math.floor(this.draw() * 60)));

    if (!await this.diedAt(first, await Promise.race([death, this.nothingMore()]))) return false;
    this.dead = true;
    if (!this.point.again) return true;
    await this.server.launch({ ERRAND_CRASH_POINT: `${this.label}:${this.pass}` });
    return this.diedAt(this.label, this.server.runs ? null : await this.server.exited);
  }

  async diedAt(label, exit) {
    return exit?.signal === "SIGKILL" && this.server.said().includes(`crash point ${label}\n`);
  }

  /** Resolves, with null, when the load has come to its end and the server is alive. */
  async nothingMore() {
    await Promise.all(this.loads);
    while (performance.now() - this.lastNews < 1_500 && !this.over) await pause(50);
    return null;
  }

  async stopInTheMidst(acknowledged) {
    while (this.jobs.size < acknowledged && !this.dead && !this.over) await pause(1);
    if (!this.over) this.server.process.kill("SIGTERM");
  }

  async liveAgain() {
    await this.server.start();
    if (this.clock) {
      const time = new Date(Date.now() + this.clock).toISOString();
      await post(this.server, this.past.tokens.client, "/test/clock", { set: time });
    }
    this.revive();
    await Promise.all(this.loads);

    // What nobody runs is held by those who do not report, or by nobody, since its worker was not told: its lease has to be lost.
    for (let vain = 0, events = 0; [...this.jobs.values()].some(({ id }) => !this.account(id).ended);) {
      await pause(5);
      const busy = this.workers.some(({ worker }) => worker.running > 0);
      if (busy || performance.now() - this.lastNews < 80) continue;
      vain = this.events > events ? 0 : vain + 1;
      events = this.events;
      if (vain > VAIN_MOST) {
        await this.checkJobs();
        throw new Error("jobs that clients were told of do not end");
      }
      await this.advance(1_100);
      this.lastNews = performance.now();
    }
    while (this.errands.size > 0) await Promise.all(this.errands);
  }

  async checkJobs() {
    const stored = new Map();
    for (let after = null; ;) {
      const { jobs } = await this.ask(READ, { after });
      for (const job of jobs.nodes) stored.set(job.id, job);
      if (!jobs.pageInfo.hasNextPage) break;
      after = jobs.pageInfo.endCursor;
    }
    for (const one of this.jobs.values()) {
      if (this.point.prune && one.type === "fleeting") continue;
      const job = stored.get(one.id);
      const kind = one.variables.input?.kind;
      const statuses = one.type === "unserved" ? ["CANCELED"] : kind === "cancel" ? ["SUCCEEDED", "CANCELED"] : ["SUCCEEDED"];
      if (!job) this.lost += 1;
      else if (!statuses.includes(job.status)) this.faults.push(`${one.id}, ${kind}: ended ${job.status}`);
      else if (job.status !== "SUCCEEDED") continue;
      else if (job.result.number !== one.variables.input.number) this.faults.push(`${one.id}: has the result of another job`);
      else if (!this.account(one.id).given.has(job.result.by)) this.faults.push(`${one.id}: a stale result was taken: ${job.result.by}`);
    }
    if (this.lost > 0) this.faults.push(`${this.lost} acknowledged jobs are lost`);
  }

  async settle() {
    await this.checkJobs();
    // The first and the last keys, and some in between.
    const again = [...this.jobs.values()].filter(({ type }, i, all) => type === "work" && (i < 2 || i > all.length - 4 || this.draw() < 0.05));
    await each(again, 4, (one) => this.submit(one));

    await Promise.all(this.workers.map(async ({ worker, done }) => { await worker.stop(); await done; }));
    this.stopFollowing.abort();
    const exit = await this.server.stop();
    if (exit.code !== 0) this.faults.push(`the server did not stop cleanly: ${JSON.stringify(exit)}`);

    const pruned = [...this.jobs.values()].filter(({ type }) => this.point.prune && type === "fleeting").map(({ id }) => id);
    const ids = new Set([...this.jobs.values()].map(({ id }) => id));
    if (ids.size !== this.jobs.size) this.faults.push("two keys gave one job");
    for (const id of pruned) ids.delete(id);
    const store = verify(verifyStore, this.server, ids);
    if (store.jobs !== ids.size) this.faults.push(`the store holds ${store.jobs} jobs, and clients know of ${ids.size}`);
    if (pruned.length === 0 && store.events !== this.events + 1) {
      this.faults.push(`the store holds ${store.events} events, and the subscriber got ${this.events} after the first`);
    }
    let duplicated = 0;
    for (const { executions, excused } of this.accounts.values()) duplicated += Math.max(0, executions - excused - 1);
    return {
      acknowledged: this.jobs.size, lost: this.lost, executions: this.executions, duplicated, stale: this.stale,
      repeated: this.repeated,
    };
  }

  /** Leaves nothing running. */
  async abandon() {
    this.over = true;
    this.dead = true;
    this.stopFollowing.abort();
    for (const { worker } of this.workers ?? []) void worker.stop();
    if (this.server.runs) await this.server.kill();
  }
}

function newAccount() {
  const account = { sequence: 0, ended: false, executions: 0, excused: 0, given: new Set() };
  account.over = new Promise((resolve) => (account.end = () => {
    account.ended = true;
    resolve();
  }));
  return account;
}

function deadline(run) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`hangs: ${JSON.stringify(
      [...run.jobs.values()].filter(({ id }) => !run.account(id).ended).slice(0, 5).map(({ id, variables }) => [id, variables.input]))}`)), RUN_MS);
  });
  return { late, clear: () => clearTimeout(timer) };
}

/** Runs until the server died at its point, with an ever smaller pass. */
async function runOnce(past, label, seed) {
  const begin = performance.now();
  for (let divisor = 1; divisor <= 27; divisor *= 3) {
    const run = new Run(past, label, seed, divisor);
    const { late, clear } = deadline(run);
    let sound = false;
    try {
      const died = await Promise.race([run.live(), late]);
      if (!died) {
        if (run.server.process.signalCode || (run.server.process.exitCode && !run.point.stop)) {
          throw new Error(`the server ended by itself: ${JSON.stringify(await run.server.exited)}`);
        }
        sound = true;
        continue;
      }
      await Promise.race([run.liveAgain(), late]);
      const counts = await Promise.race([run.settle(), late]);
      if (run.faults.length > 0) throw new Error(run.faults.slice(0, 10).join("\n"));
      sound = true;
      return { ...counts, again: divisor > 1, ms: performance.now() - begin };
    } catch (error) {
      // Not into the error itself: that of a request which took too long is a DOMException and cannot be changed.
      const told = new Error(`--point ${label} --seed ${seed}, pass ${run.pass}, kept ${run.folder}: ${error.stack}\n` +
        [...new Set(run.faults)].slice(0, 10).join("\n") + `\nthe server said last:\n${run.server.said().slice(-2_000)}`);
      told.lost = run.lost;
      throw told;
    } finally {
      clear();
      await run.abandon();
      if (sound) rmSync(run.folder, { recursive: true, force: true });
    }
  }
  throw new Error(`--point ${label} --seed ${seed}: the point was not reached`);
}

/** The program's own list of labels, which it names when it is given one that it does not know. */
function labelsOfProgram() {
  const { status, stderr } = spawnSync(errand, ["serve"], {
    encoding: "utf8", env: { PATH: process.env.PATH, ERRAND_CRASH_POINT: "nowhere:1" },
  });
  assert.equal(status, 2, "a label that does not exist was taken");
  return stderr.trim().split("the labels are ")[1].split(" ");
}

function print(table, seconds, seed) {
  const columns = [
    ["point", (row) => row.label], ["runs", (row) => row.runs], ["died there", (row) => row.died],
    ["acknowledged", (row) => row.acknowledged], ["lost", (row) => row.lost], ["executions", (row) => row.executions],
    ["duplicated", (row) => row.duplicated], ["stale refused", (row) => row.stale], ["repeats taken", (row) => row.repeated],
  ];
  const total = { label: "all" };
  for (const row of table) for (const [name, value] of Object.entries(row)) if (name !== "label") total[name] = (total[name] ?? 0) + value;
  const lines = [columns.map(([name]) => name), ...[...table, total].map((row) => columns.map(([, of]) => String(of(row))))];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  for (const line of lines) console.log(line.map((text, i) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i]))).join("  "));
  console.log(`${total.died} of ${total.runs} runs died at their point (${total.again} of them at a second try with an earlier pass) and ` +
    `were sound; ${seconds.toFixed(0)} s, ${(total.ms / total.died / 1_000).toFixed(2)} s a run; seed ${seed}`);
  return total;
}

assert.deepEqual(labelsOfProgram(), Object.keys(POINTS), "the labels of the test are not those of the program");
const labels = values.point ? [values.point] : Object.keys(POINTS);
const runs = Number(values.runs ?? process.env.DEV_CRASH_RUNS ?? (process.env.DEV_TEST_MINUTES ? 50 : 1));
const firstSeed = values.seed ? Number(values.seed) : Date.now() % 4294967296;
console.log(`${labels.length} crash points, ${runs} runs each, first seed ${firstSeed}`);

const begin = performance.now();
const past = await makePast();
const table = new Map(labels.map((label) => [label,
  { label, runs: 0, died: 0, acknowledged: 0, lost: 0, executions: 0, duplicated: 0, stale: 0, repeated: 0, again: 0, ms: 0 }]));
// A run's seed is the first one plus its place, so that a run can be made again alone.
const todo = Array.from({ length: runs }, (_, i) => labels.map((label) => ({ label, seed: (firstSeed + i) % 4294967296 }))).flat();
const failures = [];
let said = performance.now();
await each(todo, Number(values.parallel), async ({ label, seed }) => {
  if (failures.length >= 5) return;
  const row = table.get(label);
  row.runs += 1;
  try {
    const counts = await runOnce(past, label, seed);
    row.died += 1;
    for (const name of Object.keys(row)) if (!["label", "runs", "died"].includes(name)) row[name] += Number(counts[name]);
  } catch (error) {
    row.lost += error.lost ?? 0;
    failures.push(error.message);
    console.error(`FAILED ${error.message}`);
  }
  if (performance.now() - said > 30_000) {
    said = performance.now();
    console.log(`${[...table.values()].reduce((sum, { died }) => sum + died, 0)} of ${todo.length} runs, ${failures.length} failed`);
  }
});
rmSync(past.folder, { recursive: true, force: true });
const total = print([...table.values()], (performance.now() - begin) / 1_000, firstSeed);
if (failures.length > 0) console.error(`${failures.length} runs failed:\n${failures.map((each) => each.split("\n")[0]).join("\n")}`);
else if (total.stale === 0) console.error("no stale report was tried");
process.exit(failures.length > 0 || total.stale === 0 ? 1 : 0);
