// Events to five endpoints, three of them sick, while the server is killed: see --help.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { once } from "node:events";
import { MortalServer, graphql, makeToken, pause, random, untilAnswered } from "../support/kills.mjs";
import { verifies } from "../support/receiver.mjs";

const HELP = `Usage: node webhook_storm.test.mjs ERRAND [--events N] [--seed N] [--kills N] [--rate N] [--queue N]

One server with five endpoints that all get the same events, one for each job that is submitted:

  steady-1, steady-2   healthy; of the second the events of one job come in their order (per-job)
  slow                 answers nothing in its first half, so that its requests time out (1 s)
  flaky                answers every second request with 500, per-job
  down                 refuses connections for the first half

Each job has two events (enqueued, canceled), so that an order can be told. Up to --queue deliveries wait for an endpoint: beyond it the endpoint
follows the log. First a part of the events (a quarter) goes to the healthy endpoints alone, undisturbed: their delays are what those of the rest are held
against. Delay is the time from the event, as it says itself, to its arrival. The server is killed (SIGKILL) at even distances; what is delayed by a kill, from
a second before it until the server has listened again for three, is left out of both. Retries come after 0.2 s to 3 s (webhooks.retry_schedule), so that
the end does not take days.

In the end each event has come to each endpoint, under one id, signed, and in order where that is asked for. The long form asserts as well that the
healthy endpoints' p99 delay is at most 1.5 times that without the sick ones.

  --events N   events to each endpoint: 400; 10000 with ./dev test --long
  --seed N     of flaky; the time unless given
  --kills N    2; 5 with ./dev test --long
  --rate N     events a second: 60
  --queue N    limits.queue_length: a tenth of the events

Examples:
  node webhook_storm.test.mjs build/dev/errand --events 10000 --kills 5
  ./dev test --long --filter webhook_storm
`;

const long = Boolean(process.env.DEV_TEST_MINUTES);
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    events: { type: "string", default: long ? "10000" : "400" }, seed: { type: "string", default: String(Date.now() % 4294967296) },
    kills: { type: "string", default: long ? "5" : "2" }, rate: { type: "string", default: "60" }, queue: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const usage = (what) => {
  process.stderr.write(`webhook_storm: ${what}; --help says more\n`);
  process.exit(2);
};
const [errand] = positionals;
if (!errand) usage("the program errand is to be named");
for (const name of ["events", "seed", "kills", "rate"]) if (!(Number(values[name]) >= 0)) usage(`--${name} takes a number, not "${values[name]}"`);
const [EVENTS, seed, KILLS, RATE] = ["events", "seed", "kills", "rate"].map((name) => Number(values[name]));
const QUEUE = Number(values.queue ?? Math.max(20, Math.floor(EVENTS / 10)));
const JOBS = Math.floor(EVENTS / 2);
const QUIET = Math.floor(JOBS / 4);

const NAMES = ["steady-1", "steady-2", "slow", "flaky", "down"];
const SICK = ["slow", "flaky", "down"];
const ORDERED = new Set(["steady-2", "flaky"]);
const faults = [];
const fault = (what) => faults.push(what);
const draw = random(seed);
const begin = Date.now();
const say = (what) => console.log(`${((Date.now() - begin) / 1000).toFixed(1).padStart(6)} s  ${what}`);

/** One endpoint with a port of its own. */
class Endpoint {
  came = new Map(); // id of the event -> {first, times, body}
  order = new Map(); // job -> sequences as they were taken
  sick = true;
  requests = 0;
  inFlight = new Set();

  constructor(name) {
    this.name = name;
  }
  async listen(port = 0) {
    this.http = createServer((request, response) => void this.take(request, response).catch(() => response.destroy()));
    this.http.listen(port, "127.0.0.1");
    await once(this.http, "listening");
    this.port = this.http.address().port;
  }
  async take(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const at = Date.now();
    const body = Buffer.concat(chunks).toString();
    this.requests += 1;
    const id = request.headers["webhook-id"];
    if (!verifies(this.secret, body, request.headers)) fault(`${this.name}: ${id} does not verify`);
    if (this.name === "slow" && this.sick) return; // nothing is ever answered: it times out
    if (this.name === "flaky" && draw() < 0.5) return void response.writeHead(500).end("not now");
    const event = JSON.parse(body);
    if (event.id !== id) fault(`${this.name}: ${id} holds ${event.id}`);
    const known = this.came.get(id);
    if (known) {
      known.times += 1;
      if (known.body !== body) fault(`${this.name}: ${id} came with two bodies`);
    } else {
      this.came.set(id, { first: at, times: 1, body, event });
    }
    const job = event.subject;
    const list = this.order.get(job) ?? this.order.set(job, []).get(job);
    list.push(Number(id.slice(id.lastIndexOf("-") + 1)));
    response.writeHead(204).end();
  }
  close() {
    this.http.closeAllConnections();
    this.http.close();
  }
}

const quantile = (list, share) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * share))];

const folder = mkdtempSync(join(tmpdir(), "errand-webhook-storm-"));
const endpoints = Object.fromEntries(NAMES.map((name) => [name, new Endpoint(name)]));
for (const endpoint of Object.values(endpoints)) await endpoint.listen();
writeFileSync(join(folder, "schema.graphql"), `
type Mutation {
  quiet(n: Int!): Int @job(queue: "quiet")
  loud(n: Int!): Int @job(queue: "loud")
}
`);
const url = (name) => `http://127.0.0.1:${endpoints[name].port}/${name}`;
writeFileSync(join(folder, "errand.toml"), `
[limits]
queue_length = ${Math.max(QUEUE, 1)}
[outbound]
allow = ["127.0.0.1"]
http = "on"
ports = [${NAMES.map((name) => `"${endpoints[name].port}"`).join(", ")}]
[webhooks]
retry_schedule = [${["200ms", "500ms", "1s", "2s", ...Array(40).fill("3s")].map((wait) => `"${wait}"`).join(", ")}]
${NAMES.map((name) => `[webhooks.endpoints.${name}]
url = "${url(name)}"
types = ["dev.errand.job.enqueued", "dev.errand.job.canceled"]
${SICK.includes(name) ? 'job_types = ["loud"]' : ""}
timeout = "${name === "slow" ? "1s" : "10s"}"
${ORDERED.has(name) ? 'ordering = "per-job"' : ""}
`).join("")}
`);
const credentials = join(folder, "credentials.toml");
const token = makeToken(errand, credentials, "acme", "client:acme", "jobs:*");
const server = new MortalServer(errand, folder, ["--config", join(folder, "errand.toml"), "--credentials", credentials, "--log-format", "json"]);
await server.start();
for (const name of NAMES) {
  endpoints[name].secret = execFileSync(errand, ["webhook", "secret", name, "--data", server.data], { encoding: "utf8", env: server.environment }).trim();
}
endpoints.down.close(); // its port refuses connections from here on

const disturbed = []; // [from, to] around each kill
const jobs = { quiet: [], loud: [] };
async function submit(field, n) {
  const made = await untilAnswered(server, () => graphql(server, token,
    `mutation ($n: Int!, $key: String!) { ${field}(n: $n, options: { idempotencyKey: $key }) { id } }`, { n, key: `${field}-${n}` }));
  const id = made.data?.[field]?.id;
  if (!id) return void fault(`${field} ${n}: ${JSON.stringify(made)}`);
  jobs[field].push(id);
  const ended = await untilAnswered(server, () => graphql(server, token, "mutation ($id: ID!) { cancelJob(id: $id) { status } }", { id }));
  if (ended.data?.cancelJob?.status !== "CANCELED" && ended.errors?.[0]?.extensions?.code !== "JOB_ENDED") {
    fault(`${id} was not canceled: ${JSON.stringify(ended)}`);
  }
}
/** Submits at an even rate, each when its time has come. */
async function load(field, count, meanwhile = () => {}) {
  const start = Date.now();
  const running = new Set();
  for (let n = 0; n < count; ++n) {
    const due = start + (n * 2_000) / RATE;
    if (due > Date.now()) await pause(due - Date.now());
    while (running.size >= 50) await Promise.race(running);
    const one = submit(field, n).finally(() => running.delete(one));
    running.add(one);
    meanwhile(n);
  }
  await Promise.all(running);
}
const kills = [];
async function kill() {
  const from = Date.now() - 1_000;
  await server.kill();
  await server.start();
  disturbed.push([from, Date.now() + 3_000]);
  said += server.said();
}
let said = "";

async function settle(names, expected, patience) {
  for (let last = 0, since = Date.now(); ; await pause(200)) {
    const missing = names.reduce((sum, name) => sum + expected(name) - endpoints[name].came.size, 0);
    if (missing <= 0) return;
    const sum = names.reduce((all, name) => all + endpoints[name].came.size, 0);
    if (sum !== last) [last, since] = [sum, Date.now()];
    if (Date.now() - since > patience) return fault(`${missing} deliveries did not come: ${names.map((name) => `${name} ${endpoints[name].came.size}/${expected(name)}`).join(", ")}`);
  }
}

try {
  say(`${EVENTS} events to ${NAMES.length} endpoints, ${KILLS} kills, queues of ${QUEUE}, seed ${seed}`);
  await load("quiet", QUIET);
  await settle(["steady-1", "steady-2"], () => 2 * jobs.quiet.length, 30_000);
  say("the sick ones join");
  const every = Math.floor((JOBS - QUIET) / (KILLS + 1));
  let half = false;
  await load("loud", JOBS - QUIET, (n) => {
    if (every > 0 && n > 0 && n % every === 0 && kills.length < KILLS) kills.push(kills.reduce((before, each) => before.then(() => each), Promise.resolve()).then(kill));
    if (!half && n >= (JOBS - QUIET) / 2) {
      half = true;
      endpoints.slow.sick = false;
      void endpoints.down.listen(endpoints.down.port);
      say(`half way: ${NAMES.map((name) => `${name} ${endpoints[name].came.size}`).join(", ")}`);
    }
  });
  await Promise.all(kills);
  say(`all submitted: ${NAMES.map((name) => `${name} ${endpoints[name].came.size}`).join(", ")}`);
  await settle(NAMES, (name) => 2 * (jobs.loud.length + (SICK.includes(name) ? 0 : jobs.quiet.length)), 90_000);
  said += server.said();
  say("all came");

  for (const name of NAMES) {
    for (const job of [...(SICK.includes(name) ? [] : jobs.quiet), ...jobs.loud]) {
      const list = endpoints[name].order.get(`job/${job}`) ?? [];
      if (new Set(list).size !== 2) fault(`${name}: of ${job} came ${JSON.stringify(list)}`);
      // One that came again, since the answer to it was lost, is no disorder.
      const firsts = list.filter((each, i) => list.indexOf(each) === i);
      if (ORDERED.has(name) && firsts.some((each, i) => i > 0 && each < firsts[i - 1])) fault(`${name}: ${job} came as ${JSON.stringify(list)}`);
    }
  }
  const calm = (at) => !disturbed.some(([from, to]) => at >= from && at <= to);
  const delays = (field) => ["steady-1", "steady-2"].flatMap((name) => {
    const mine = new Set(jobs[field].map((id) => `job/${id}`));
    return [...endpoints[name].came.values()].filter(({ event }) => mine.has(event.subject) && calm(Date.parse(event.time)))
      .map(({ first, event }) => first - Date.parse(event.time));
  });
  const [without, beside] = [delays("quiet"), delays("loud")];
  const ratio = quantile(beside, 0.99) / Math.max(1, quantile(without, 0.99));
  console.log(`healthy endpoints, delay without the sick ones: median ${quantile(without, 0.5)} ms, p99 ${quantile(without, 0.99)} ms (${without.length})`);
  console.log(`healthy endpoints, delay beside the sick ones:  median ${quantile(beside, 0.5)} ms, p99 ${quantile(beside, 0.99)} ms (${beside.length}); p99 ratio ${ratio.toFixed(2)}`);
  if (long && ratio > 1.5) fault(`the p99 delay of healthy endpoints is ${ratio.toFixed(2)} times that without the sick ones`);
  for (const name of NAMES) {
    const all = [...endpoints[name].came.values()];
    console.log(`${name.padEnd(9)} ${all.length} events in ${endpoints[name].requests} requests, ${all.reduce((sum, { times }) => sum + times - 1, 0)} delivered more than once`);
  }
  const fell = (what) => said.split("\n").filter((line) => line.includes(what)).length;
  console.log(`catch-ups begun ${fell("webhook endpoint is behind")}, ended ${fell("webhook endpoint has caught up")} (by the log, which a kill may cut short)`);
} catch (error) {
  fault(error.stack);
}
if (faults.length > 0) {
  console.error(`${faults.length} faults; --seed ${seed}, kept ${folder}:\n${faults.slice(0, 20).join("\n")}\nthe server said last:\n${server.said().slice(-3_000)}`);
} else {
  rmSync(folder, { recursive: true, force: true });
}
if (server.runs) await server.kill();
process.exit(faults.length > 0 ? 1 : 0);
