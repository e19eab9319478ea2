// ERRAND_BINARY=build/dev/errand node tests/ways/conformance.mjs [--way NAME] [--scenario TEXT] [--keep]
//
// Runs each scenario by each way and prints the table of both; fails if one of them fails. README.md says more.
import { parseArgs } from "node:util";
import { Arena, LEASE_MS } from "./arena.mjs";
import { handsOf } from "./hands.mjs";
import { Link } from "./proxy.mjs";
import { scenarios } from "./scenarios.mjs";
import { ways } from "./ways.mjs";

const { values: options } = parseArgs({
  options: {
    way: { type: "string", multiple: true }, scenario: { type: "string", multiple: true }, keep: { type: "boolean" },
    "ways-at-once": { type: "string", default: "2" }, "scenarios-at-once": { type: "string", default: "8" },
  },
});
const SCENARIO_MS = 60_000 + 10 * LEASE_MS;
const LOG_LINES = 12;

/** What a scenario has to work with. */
class Stage {
  #cleanup = [];

  constructor(arena, way, scenario) {
    Object.assign(this, { arena, way, scenario, jobs: [], processes: [], staleLeast: 0, staleMost: 0 });
  }
  field(type = "") {
    return this.scenario.id + type;
  }
  get fields() {
    return Object.keys(this.scenario.types ?? { "": 1 }).map((type) => this.field(type));
  }
  async submit(script, { type, ...more } = {}) {
    const id = await this.arena.submit(this.field(type), script, more);
    this.jobs.push(id);
    return id;
  }
  job(id, type) {
    return this.arena.job(this.field(type), id);
  }
  /** Its handler runs, and has said so. */
  async begun(id) {
    if (this.arena.upstream) await this.arena.upstream.begun(id);
    else await this.arena.until(id, "progressed");
    return id;
  }
  /** The job, once it has ended. */
  async end(id, type) {
    await this.arena.ended(id);
    return this.job(id, type);
  }
  cancel(id) {
    return this.arena.graphql("mutation ($id: ID!) { cancelJob(id: $id) { id } }", { id });
  }
  /** A worker of the way; where the server runs the jobs itself there is none to start. */
  work(settings) {
    if (!this.way.command) return undefined;
    const worker = this.arena.work(this.fields, settings);
    this.processes.push(worker);
    return worker;
  }
  async link() {
    const link = await Link.open(this.arena);
    this.#cleanup.push(() => link.close());
    return link;
  }
  async hands() {
    const hands = await handsOf[this.way.hands].open(this.arena, this.fields);
    this.#cleanup.push(() => hands.close());
    return hands;
  }
  /** The next job, whose request stays open where it is pushed. */
  async hold() {
    return (await (await this.hands()).take(1, false))[0];
  }
  /** Submits jobs and takes them, in this order. */
  async helds(scripts) {
    const hands = await this.hands();
    const taking = hands.take(scripts.length);
    const ids = await Promise.all(scripts.map((script) => this.submit(script)));
    const held = await taking;
    return ids.map((id) => held.find((one) => one.id === id));
  }
  async held(script) {
    return (await this.helds([script]))[0];
  }
  otherVersion() {
    return handsOf[this.way.hands].otherVersion(this.arena);
  }
  /** So many stale reports come from this scenario. */
  stale(least, most = least) {
    this.staleLeast += least;
    this.staleMost += most;
  }
  async eventually(condition) {
    while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 30));
  }
  async clear() {
    await Promise.all(this.processes.map((worker) => worker.kill()));
    for (const undo of this.#cleanup) undo();
  }
  /** What is worth knowing once it has failed. */
  evidence() {
    const tail = (lines) => lines.slice(-LOG_LINES).map((line) => `    ${line.slice(0, 400)}`);
    return [
      ...this.jobs.slice(0, 12).map((id) => `  job ${id}: ${this.arena.history(id)
        .map(({ type, data }) => (data?.error ? `${type}(${data.error.code}: ${data.error.message})` : type)).join(", ")}`),
      ...this.processes.flatMap((worker, i) => [`  worker ${i + 1}, the end of its log:`, ...tail(worker.log)]),
      "  the server about these jobs:",
      ...tail(this.arena.log.filter((line) => this.jobs.some((id) => line.includes(id)))),
    ].join("\n");
  }
}

/** Runs `task` for each item, `width` at a time. */
async function each(items, width, task) {
  const rest = items[Symbol.iterator]();
  await Promise.all(Array.from({ length: width }, async () => {
    for (const item of rest) await task(item);
  }));
}

function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took longer than ${ms / 1000} s`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** What is left to hold against the arena when everything in it is over. @return faults */
async function settle(arena, stages) {
  const faults = [...arena.faults, ...(arena.endpoint ?? arena.upstream ?? { faults: [] }).faults];
  if (stages.every(({ failed }) => !failed)) {
    const stale = await arena.staleReports();
    const [least, most] = ["staleLeast", "staleMost"].map((name) => stages.reduce((sum, stage) => sum + stage[name], 0));
    if (stale < least || stale > most) {
      const refused = arena.log.filter((line) => line.includes('"report refused"'));
      const owner = (line) => stages.find(({ jobs }) => jobs.includes(JSON.parse(line).job_id))?.scenario.name;
      faults.push(`${stale} stale reports were counted, expected ${least} to ${most}:\n` +
        refused.map((line) => `  ${owner(line)}: ${line}`).join("\n"));
    }
  }
  const { code, signal } = await arena.close();
  if (code !== 0) faults.push(`the server ended with ${code ?? signal}:\n${arena.log.slice(-LOG_LINES).join("\n")}`);
  return faults;
}

/** @return cells by scenario: "ok", "FAILED", or what it lacks */
async function conform(way, chosen, failures) {
  const cells = new Map();
  const fail = (name, what) => {
    cells.set(name, "FAILED");
    failures.push(`--- ${way.name} · ${name}\n${what}`);
    process.stderr.write(`${failures.at(-1)}\n`);
  };
  const able = chosen.filter(({ name, needs = [] }) => {
    const lack = needs.find((need) => way.lacks[need]);
    if (lack) cells.set(name, { lack, reason: way.lacks[lack] });
    return !lack;
  });

  const perform = async (stage) => {
    const { name, run } = stage.scenario;
    const begin = performance.now();
    try {
      await within(SCENARIO_MS, run(stage));
      cells.set(name, "ok");
    } catch (error) {
      stage.failed = true;
      fail(name, `${error.stack}\n${stage.evidence()}`);
    } finally {
      stage.seconds = (performance.now() - begin) / 1000;
      await stage.clear();
    }
  };

  const together = able.filter(({ own }) => !own);
  const whole = "log without gaps, stale reports counted";
  const faults = [];
  const inOne = async () => {
    if (together.length === 0) return;
    const arena = await Arena.open(way, together, { keep: options.keep });
    const shared = together.filter((scenario) => scenario.shared);
    if (shared.length > 0 && way.command) {
      arena.work(shared.flatMap(({ id, types = { "": 1 } }) => Object.keys(types).map((type) => id + type)), { slots: 100, name: "shared" });
    }
    const stages = together.map((scenario) => new Stage(arena, way, scenario));
    await each(stages, Number(options["scenarios-at-once"]), perform);
    faults.push(...(await settle(arena, stages)));
  };
  const alone = async (scenario) => {
    const clock = scenario.own === "clock" ? { clock: true, leaseMs: 120_000 } : {};
    const arena = await Arena.open(way, [scenario], { ...clock, keep: options.keep });
    const stage = new Stage(arena, way, scenario);
    await perform(stage);
    faults.push(...(await settle(arena, [stage])));
  };
  await Promise.all([inOne(), ...able.filter(({ own }) => own).map(alone)]);
  if (faults.length > 0) fail(whole, faults.join("\n"));
  else cells.set(whole, "ok");
  return cells;
}

function print(columns, names, table) {
  const reasons = [];
  const cell = (way, name) => {
    if (way.absent) return "absent";
    const value = table.get(way).get(name);
    if (typeof value !== "object") return value ?? "-";
    if (!reasons.includes(value.reason)) reasons.push(value.reason);
    return `n/a ${reasons.indexOf(value.reason) + 1}`;
  };
  const rows = [["", ...columns.map(({ name }) => name)], ...names.map((name) => [name, ...columns.map((way) => cell(way, name))])];
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const line = (row) => `| ${row.map((text, i) => text.padEnd(widths[i])).join(" | ")} |\n`;
  const out = process.stdout;
  out.write(line(rows[0]));
  out.write(`|${widths.map((width) => "-".repeat(width + 2)).join("|")}|\n`);
  for (const row of rows.slice(1)) out.write(line(row));
  out.write("\n");
  for (const [i, reason] of reasons.entries()) out.write(`n/a ${i + 1}: ${reason}\n`);
  for (const way of columns) if (way.absent) out.write(`absent: ${way.name}: ${way.absent}\n`);
}

const fits = (wanted, name) => !wanted || wanted.some((text) => name.toLowerCase().includes(text.toLowerCase()));
const exact = options.way?.every((name) => ways.some((way) => way.name === name));
const columns = ways.filter(({ name }) => (exact ? options.way.includes(name) : fits(options.way, name)));
const chosen = scenarios.filter(({ name, id }) => fits(options.scenario, name) || fits(options.scenario, id));
if (columns.length === 0 || chosen.length === 0) throw new Error("no way or no scenario of that name");

const begin = performance.now();
const failures = [];
const table = new Map();
await each(columns.filter(({ absent }) => !absent), Number(options["ways-at-once"]), async (way) => {
  table.set(way, await conform(way, chosen, failures));
});
const names = [...chosen.map(({ name }) => name), "log without gaps, stale reports counted"];
print(columns, names, table);

const cells = [...table.values()].flatMap((column) => [...column.values()]);
const absent = columns.filter((way) => way.absent);
const count = (value) => cells.filter((cell) => cell === value).length;
const lacking = cells.filter((cell) => typeof cell === "object").length;
process.stdout.write(`\n${count("ok")} passed, ${count("FAILED")} failed, ${lacking} not applicable, ${absent.length} ways skipped; ` +
  `${Math.round((performance.now() - begin) / 1000)} s\n`);
process.exit(failures.length > 0 || (absent.length > 0 && process.env.ERRAND_REQUIRE_ALL) ? 1 : 0);
