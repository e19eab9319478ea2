// ./dev bench graphql: Errand beside the fastest GraphQL servers in JavaScript, in one run on one core. README.md of the folder
// above says what is measured.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const folder = fileURLToPath(new URL(".", import.meta.url));
const kColdAim = 10;
const kCachedAim = 5;

const help = `Usage: ./dev bench graphql [--rounds N] [--seconds S] [--pin CPU]

Builds the release engine and measures it beside npm graphql 17, graphql-jit and mercurius: from the bytes of a request to those
of its response, without sockets, a mutation of 340 bytes and a query of a job's status; cold (parsed, validated and executed
each time) and cached. All answers are compared first. Contenders take turns, each alone on one core; rates are requests to a
second of the contender's own processor time, medians of the rounds.

  --rounds N    rounds (5)
  --seconds S   processor seconds of each measurement (2)
  --pin CPU     the core they run on (the last one)
`;

function fail(why) {
  process.stderr.write(`bench: ${why}\n`);
  process.exit(2);
}

function optionsOf(argv) {
  let values;
  try {
    values = parseArgs({
      args: argv,
      options: {
        help: { type: "boolean", short: "h" },
        errand: { type: "string" },
        rounds: { type: "string", default: "5" },
        seconds: { type: "string", default: "2" },
        pin: { type: "string", default: String((availableParallelism?.() ?? 1) - 1) },
      },
    }).values;
  } catch (error) {
    fail(`${error.message}; see ./dev bench graphql --help`);
  }
  if (values.help) {
    process.stdout.write(help);
    process.exit(0);
  }
  const rounds = Number(values.rounds);
  const seconds = Number(values.seconds);
  if (!Number.isInteger(rounds) || rounds < 1) fail("--rounds wants a whole number from 1");
  if (!(seconds > 0)) fail("--seconds wants a positive number");
  if (!/^\d+$/.test(values.pin)) fail("--pin wants the number of a core");
  return { errand: values.errand, rounds, seconds, pin: values.pin };
}

/** The Node that the lock file pins, or else (on another processor) the one that runs this. */
function nodeProgram() {
  const pinned = `${folder}node_modules/node-linux-${process.arch}/bin/node`;
  return existsSync(pinned) ? pinned : process.execPath;
}

const version = (name) => JSON.parse(readFileSync(`${folder}node_modules/${name}/package.json`)).version;

/** A process that speaks the protocol of contender.mjs, pinned to a core. One command at a time. */
class Contender {
  constructor(spec, pin) {
    Object.assign(this, spec);
    this.rates = { mutation: [], query: [] };
    this.child = spawn("taskset", ["-c", pin, ...spec.command], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, NODE_ENV: "production" },
    });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  async ask(command) {
    this.child.stdin.write(`${command}\n`);
    const { value, done } = await this.lines.next();
    if (done) fail(`${this.label} has ended`);
    return value;
  }

  async rate(request, seconds) {
    const [count, used] = (await this.ask(`run ${request} ${seconds}`)).split(" ").map(Number);
    return count / used;
  }

  median(request) {
    const sorted = [...this.rates[request]].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
  }

  end() {
    this.child.stdin.end();
  }
}

function contenderSpecs(errand) {
  const own = (...options) => [errand, "--folder", folder, ...options];
  const js = (name) => [nodeProgram(), `${folder}contender.mjs`, name];
  const graphql = `graphql ${version("graphql-17")}`;
  const jit = `graphql-jit ${version("graphql-jit")}`;
  return [
    { label: "errand", cold: true, own: true, command: own("--cache-bytes", "0") },
    { label: graphql, cold: true, command: js("graphql-17-cold") },
    { label: "errand", own: true, command: own() },
    { label: `${graphql}, document cache`, command: js("graphql-17-cached") },
    { label: jit, command: js("graphql-jit") },
    { label: `${jit}, own writer`, command: js("graphql-jit-writer") },
    { label: `mercurius ${version("mercurius")}, jit`, command: js("mercurius") },
  ];
}

/** Ends the run unless all give the same JSON, members in the same order. */
async function compareAnswers(contenders, request) {
  let first;
  for (const contender of contenders) {
    const answer = JSON.stringify(JSON.parse(await contender.ask(`answer ${request}`)));
    first ??= answer;
    if (answer !== first) fail(`${contender.label} answers the ${request} differently:\n${answer}\n${first}`);
  }
}

function report(contenders, request) {
  const others = contenders.filter((c) => !c.own);
  const reference = others.find((c) => c.cold).median(request);
  const fastest = others.filter((c) => !c.cold).reduce((a, b) => (a.median(request) >= b.median(request) ? a : b));
  const rate = (value) => Math.round(value).toLocaleString("en");
  const title = `${request}, ${statSync(`${folder}${request}.json`).size} bytes`;
  console.log(`\n${title.padEnd(37)}  requests/s   x cold js  x fastest cached    rounds`);
  for (const c of contenders) {
    const median = c.median(request);
    console.log(
      `  ${c.cold ? "cold  " : "cached"} ${c.label}`.padEnd(37),
      rate(median).padStart(11),
      (median / reference).toFixed(1).padStart(11),
      (median / fastest.median(request)).toFixed(2).padStart(17),
      "  ",
      c.rates[request].map(rate).join(" "),
    );
  }
  const aim = (what, ratio, wanted, whom) =>
    console.log(`  ${what}: errand is ${ratio.toFixed(1)} x ${whom}; aim ${wanted}: ${ratio >= wanted ? "met" : "NOT met"}`);
  const own = (cold) => contenders.find((c) => c.own && Boolean(c.cold) === cold).median(request);
  aim("cold", own(true) / reference, kColdAim, others.find((c) => c.cold).label);
  aim("cached", own(false) / fastest.median(request), kCachedAim, fastest.label);
}

const options = optionsOf(process.argv.slice(2));
if (options.errand === undefined || !existsSync(options.errand)) fail("--errand wants the program errand_graphql_bench");

const contenders = contenderSpecs(options.errand).map((spec) => new Contender(spec, options.pin));
const requests = ["mutation", "query"];
for (const request of requests) await compareAnswers(contenders, request);
for (const request of requests) {
  // Just-in-time compilers come to rest first.
  for (const contender of contenders) await contender.rate(request, options.seconds);
}
for (let round = 1; round <= options.rounds; ++round) {
  process.stderr.write(`bench: round ${round} of ${options.rounds}\n`);
  for (const request of requests) {
    for (const contender of contenders) contender.rates[request].push(await contender.rate(request, options.seconds));
  }
}
const node = execFileSync(nodeProgram(), ["--version"]).toString().trim();
console.log(
  `core ${options.pin}, ${options.rounds} rounds of ${options.seconds} processor seconds; ` +
    `node ${node}, graphql ${version("graphql")} under graphql-jit and mercurius`,
);
for (const request of requests) report(contenders, request);
for (const contender of contenders) contender.end();
