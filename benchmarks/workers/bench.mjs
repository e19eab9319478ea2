// node bench.mjs ERRAND NOOP_WORKER NOOP_IN_PROCESS [--jobs N] [--rounds N]
//
// Jobs a second from the line to their end, on SQLite, durably, with one worker process of 64 slots and one subscription that
// sees every job end; and the processor time of server and worker for each job. The queue is paused while the jobs are submitted.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { positionals: [errand, worker, inProcess], values } = parseArgs({
  allowPositionals: true,
  options: { jobs: { type: "string", default: "20000" }, rounds: { type: "string", default: "3" } },
});
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const require = createRequire(here("../../tests/e2e/package.json"));
const { createClient } = require("graphql-ws");
const { WebSocket } = require("ws");
const jobs = Number(values.jobs);
const rounds = Number(values.rounds);
const ticksPerSecond = 100;

const ways = [
  { name: "in process" },
  { name: "C++", command: [worker] },
  { name: "TypeScript", command: [process.execPath, here("noop.mjs")] },
  { name: "Python", command: ["/usr/bin/python3", here("noop.py")] },
];

const cpuSeconds = ({ pid }) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
};
const ended = (child) => new Promise((resolve) => child.once("exit", resolve));
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("ERRAND_")));

async function round(way) {
  const data = mkdtempSync(join(tmpdir(), "errand-bench-workers-"));
  const server = way.command
    ? spawn(errand, ["serve", "--schema", here("schema.graphql"), "--data", data, "--port", "0", "--json", "--log-level", "warn"],
        { stdio: ["ignore", "pipe", "inherit"], env: environment })
    : spawn(inProcess, [here("schema.graphql"), data, "0"], { stdio: ["ignore", "pipe", "inherit"], env: environment });
  let running;
  try {
    const line = await new Promise((resolve) => createInterface({ input: server.stdout }).once("line", resolve));
    const { url, tokens } = JSON.parse(line);
    const ask = async (query, variables) => {
      const response = await fetch(`${url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${tokens.client}` },
        body: JSON.stringify({ query, variables }),
      });
      const { data: answer, errors } = await response.json();
      if (errors) throw new Error(JSON.stringify(errors));
      return answer;
    };
    await ask(`mutation { work(n: 0, options: {delay: "1h"}) { id } }`); // makes the queue known
    await ask(`mutation { pauseQueue(queue: "bench") { name } }`);
    if (way.command) {
      running = spawn(way.command[0], way.command.slice(1), { stdio: "ignore", env: { ...environment, ERRAND_URL: url, ERRAND_TOKEN: tokens.worker } });
      while ((await ask("{ workers { id } }")).workers.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const client = createClient({ url: `${url.replace("http", "ws")}/graphql`, webSocketImpl: WebSocket, connectionParams: { authorization: `Bearer ${tokens.client}` }, retryAttempts: 0 });
    let left = jobs;
    let finished;
    const all = new Promise((resolve) => (finished = resolve));
    client.subscribe({ query: `subscription { jobEvents(filter: {}) { __typename } }` }, {
      next: ({ data: { jobEvents } }) => { if (jobEvents.__typename === "JobSucceededEvent" && (left -= 1) === 0) finished(); },
      error: (error) => { throw error; },
      complete: () => {},
    });
    let next = 1;
    await Promise.all(Array.from({ length: 64 }, async () => {
      while (next <= jobs) await ask("mutation ($n: Int!) { work(n: $n) { id } }", { n: next++ });
    }));
    const before = { server: cpuSeconds(server), worker: running ? cpuSeconds(running) : 0 };
    const begin = performance.now();
    await ask(`mutation { resumeQueue(queue: "bench") { name } }`);
    await all;
    const seconds = (performance.now() - begin) / 1000;
    const used = { server: cpuSeconds(server) - before.server, worker: (running ? cpuSeconds(running) : 0) - before.worker };
    client.dispose();
    return { rate: jobs / seconds, server: (used.server / jobs) * 1e6, worker: (used.worker / jobs) * 1e6 };
  } finally {
    for (const child of [running, server]) {
      if (child === undefined || child.exitCode !== null) continue;
      child.kill("SIGTERM");
      await ended(child);
    }
    rmSync(data, { recursive: true, force: true });
  }
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const results = new Map(ways.map((way) => [way, []]));
for (let i = 0; i < rounds; i += 1) {
  for (const way of ways) {
    results.get(way).push(await round(way));
    console.error(`bench: round ${i + 1} of ${rounds}, ${way.name}: ${Math.round(results.get(way).at(-1).rate)} jobs a second`);
  }
}
const base = median(results.get(ways[0]).map(({ rate }) => rate));
console.log(`\n${jobs} jobs, 64 slots, one subscription to all events; medians of ${rounds} rounds\n`);
console.log("way           jobs/s   to in process   server, us CPU a job   worker, us CPU a job   rounds, jobs/s");
for (const way of ways) {
  const of = (name) => results.get(way).map((each) => each[name]);
  console.log(`${way.name.padEnd(11)} ${median(of("rate")).toFixed(0).padStart(8)} ${(median(of("rate")) / base).toFixed(2).padStart(15)} ` +
    `${median(of("server")).toFixed(0).padStart(22)} ${median(of("worker")).toFixed(0).padStart(22)}   ${of("rate").map((rate) => rate.toFixed(0)).join(" ")}`);
}
