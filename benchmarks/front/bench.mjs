// node bench.mjs ERRAND [--requests N] [--rounds N]
//
// What passing through costs: the time of a query to a graphql-yoga server, directly and through Errand in front of it, in turns,
// each from one client on one kept connection. Prints the medians of all rounds and their ratio.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { positionals: [errand], values } = parseArgs({
  allowPositionals: true,
  options: { requests: { type: "string", default: "2000" }, rounds: { type: "string", default: "5" } },
});
const requests = Number(values.requests);
const rounds = Number(values.rounds);
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("ERRAND_")));
const firstLine = (child) => new Promise((resolve, reject) => {
  createInterface({ input: child.stdout }).once("line", resolve);
  child.once("exit", () => reject(new Error(`${child.spawnfile} ended early`)));
});
const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];

const queries = {
  "small query": JSON.stringify({ query: "{ hello }" }),
  "50 objects": JSON.stringify({ query: "query Q($n: Int!) { products(first: $n) { id name price tags } }", variables: { n: 50 } }),
};

/** One query after the other on one connection. Gives the microseconds of each. */
async function measure(url, body, count) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const times = [];
  for (let i = 0; i < count; ++i) {
    const begin = performance.now();
    await new Promise((resolve, reject) => {
      const sent = request(url, { method: "POST", agent, headers: { "content-type": "application/json", "content-length": body.length } }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`));
        response.on("data", () => {}).on("end", resolve);
      });
      sent.on("error", reject);
      sent.end(body);
    });
    times.push((performance.now() - begin) * 1000);
  }
  agent.destroy();
  return times;
}

const data = mkdtempSync(join(tmpdir(), "errand-bench-front-"));
const yoga = spawn(process.execPath, [here("yoga.mjs")], { stdio: ["ignore", "pipe", "inherit"] });
let server;
try {
  const direct = await firstLine(yoga);
  server = spawn(errand, ["serve", "--upstream", direct, "--data", data, "--port", "0", "--json", "--log-level", "warn"],
    { stdio: ["ignore", "pipe", "inherit"], env: environment });
  const through = `${JSON.parse(await firstLine(server)).url}/graphql`;
  for (const body of Object.values(queries)) {
    for (const url of [direct, through]) await measure(url, body, requests); // until both are warm
  }
  console.log(`${"".padEnd(14)}${"direct".padStart(12)}${"through".padStart(12)}${"ratio".padStart(9)}${"added p99".padStart(12)}`);
  for (const [name, body] of Object.entries(queries)) {
    const times = { direct: [], through: [] };
    for (let round = 0; round < rounds; ++round) {
      times.direct.push(...await measure(direct, body, requests));
      times.through.push(...await measure(through, body, requests));
    }
    for (const list of Object.values(times)) list.sort((a, b) => a - b);
    const [a, b] = [quantile(times.direct, 0.5), quantile(times.through, 0.5)];
    const tail = quantile(times.through, 0.99) - quantile(times.direct, 0.99);
    console.log(`${name.padEnd(14)}${`${a.toFixed(0)} us`.padStart(12)}${`${b.toFixed(0)} us`.padStart(12)}${(b / a).toFixed(2).padStart(9)}${`${tail.toFixed(0)} us`.padStart(12)}`);
  }
} finally {
  for (const child of [server, yoga]) {
    if (child === undefined || child.exitCode !== null) continue;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
  }
  rmSync(data, { recursive: true, force: true });
}
