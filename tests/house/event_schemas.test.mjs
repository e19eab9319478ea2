// tools/event_schemas.mjs: that it refuses each incompatible change of a published schema, allows the others, and names each file that
// is not what the program says. Works on copies with a history of their own; the program is a script that prints what it is given.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { incompatibilities } from "../../tools/event_schemas.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const docs = join(root, "docs/protocol");

// --- The rule ----------------------------------------------------------------------------------------------------------

const schema = () => ({
  $id: "https://errand.dev/schemas/dev.errand.job.made_up/1.json",
  title: "Made up",
  type: "object",
  properties: {
    step: { type: "string", description: "A step." },
    note: { type: "string" },
    at: { type: "string", format: "date-time" },
    tags: { type: "array", items: { type: "string" } },
    kind: { $ref: "#/$defs/Kind" },
    error: { $ref: "#/$defs/Error", description: "Why." },
  },
  required: ["step", "kind"],
  $defs: {
    Kind: { type: "string", enum: ["ERROR", "TIMEOUT"] },
    Error: { type: "object", properties: { code: { type: "string" }, cause: { $ref: "#/$defs/Error" } }, required: ["code"] },
  },
});
const changed = (change) => {
  const next = schema();
  change(next);
  return incompatibilities(schema(), next);
};

for (const [what, change] of Object.entries({
  "no change": () => {},
  "a new member that may be missing": (s) => { s.properties.more = { type: "integer" }; },
  "a new object that may be missing": (s) => {
    s.$defs.More = { type: "object", properties: { a: { type: "string" } }, required: ["a"] };
    s.properties.more = { $ref: "#/$defs/More" };
  },
  "a new member of an object that may be missing": (s) => { s.$defs.Error.properties.detail = {}; },
  "other words": (s) => { s.title = "Other"; s.properties.step.description = "Another."; s.$comment = "x"; },
  "another order": (s) => { s.required.reverse(); s.properties = Object.fromEntries(Object.entries(s.properties).reverse()); },
  "a definition that is written out": (s) => { s.properties.kind = s.$defs.Kind; delete s.$defs.Kind; },
})) {
  test(`allowed: ${what}`, () => assert.deepEqual(changed(change), []));
}

for (const [what, [change, fault]] of Object.entries({
  "a removed member": [(s) => { delete s.properties.note; }, "note: was removed"],
  "a removed member of an object": [(s) => { delete s.$defs.Error.properties.code; }, "error.code: was removed"],
  "a renamed member": [(s) => { s.properties.remark = s.properties.note; delete s.properties.note; }, "note: was removed"],
  "another type": [(s) => { s.properties.step.type = "integer"; }, 'step: type was "string" and is "integer"'],
  "a wider type": [(s) => { s.properties.step.type = ["string", "null"]; }, 'step: type was "string" and is ["string","null"]'],
  "another type of an item": [(s) => { s.properties.tags.items.type = "integer"; }, 'tags[]: type was "string" and is "integer"'],
  "a format that is lost": [(s) => { delete s.properties.at.format; }, 'at: format was "date-time" and is not there'],
  "a format that is new": [(s) => { s.properties.step.format = "uri"; }, 'step: format was not there and is "uri"'],
  "a pattern": [(s) => { s.properties.note.pattern = "^a"; }, 'note: pattern was not there and is "^a"'],
  "a new member that must be there": [(s) => { s.properties.more = {}; s.required.push("more"); }, "more: is new and must be there"],
  "a member that must be there now": [(s) => { s.required.push("note"); }, "note: must be there now"],
  "a member that may be missing now": [(s) => { s.required.pop(); }, "kind: may be missing now"],
  "the same in an object": [(s) => { s.$defs.Error.required.push("cause"); }, "error.cause: must be there now"],
  "a narrowed enumeration": [(s) => { s.$defs.Kind.enum.pop(); }, "kind: lost the value TIMEOUT"],
  "a widened enumeration": [(s) => { s.$defs.Kind.enum.push("LOST"); }, "kind: got the value LOST"],
  "members closed": [(s) => { s.additionalProperties = false; }, "the schema: additionalProperties was not there and is false"],
  "another name": [(s) => { s.$id = "https://errand.dev/other"; }, "the schema: $id was"],
})) {
  test(`refused: ${what}`, () => {
    const faults = changed(change);
    assert.equal(faults.length, 1, faults.join("\n"));
    assert.ok(faults[0].startsWith(fault), faults[0]);
  });
}

test("a change and its reverse are both seen, but for what may be missing", () => {
  const wider = schema();
  wider.properties.more = { type: "integer" };
  assert.deepEqual(incompatibilities(wider, schema()), ["more: was removed"]);
});

test("a definition that holds itself is compared once", () => {
  const next = schema();
  next.$defs.Error.properties.code.type = "integer";
  assert.equal(incompatibilities(schema(), next).length, 1);
});

// --- The tool ----------------------------------------------------------------------------------------------------------

const folders = [];
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

/** A repository with the documents as they stand in one commit, and a program that prints `documents`, at first the same. */
function repository() {
  const tree = mkdtempSync(join(tmpdir(), "errand-events-"));
  folders.push(tree);
  mkdirSync(join(tree, "docs/protocol"), { recursive: true });
  cpSync(join(docs, "events"), join(tree, "docs/protocol/events"), { recursive: true });
  cpSync(join(docs, "events.md"), join(tree, "docs/protocol/events.md"));
  const git = (...args) => execFileSync("git", ["-C", tree, "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false",
    ...args], { stdio: "pipe", env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" } });
  const commit = () => { git("add", "docs"); git("commit", "-q", "-m", "x"); };
  git("init", "-q");
  commit();
  const documents = Object.fromEntries(readdirSync(join(docs, "events"), { recursive: true }).filter((path) => path.endsWith(".json"))
    .map((path) => [path === "index.json" ? "/schemas/" : `/schemas/${path}`, readFileSync(join(docs, "events", path), "utf8")]));
  const program = join(tree, "program");
  writeFileSync(program, `#!${process.execPath}\nprocess.stdout.write(require("fs").readFileSync(${JSON.stringify(`${program}.json`)}));\n`,
    { mode: 0o755 });
  const run = (...args) => {
    writeFileSync(`${program}.json`, JSON.stringify(documents));
    const { status, stdout, stderr } = spawnSync(process.execPath,
      [join(root, "tools/event_schemas.mjs"), ...args, "--generator", program, tree], { encoding: "utf8" });
    return { status, output: stdout + stderr };
  };
  const change = (path, how) => {
    const value = JSON.parse(documents[path]);
    how(value);
    documents[path] = `${JSON.stringify(value, null, 2)}\n`;
  };
  const at = (path) => join(tree, "docs/protocol", path);
  return { at, change, commit, documents, run };
}

const waiting = "/schemas/dev.errand.job.waiting/1.json";

test("an untouched copy passes", () => {
  const { run } = repository();
  assert.deepEqual(run("--check"), { status: 0, output: "" });
});

test("each file that is not what the program says is named, and written anew", () => {
  const { at, run } = repository();
  writeFileSync(at("events/index.json"), "{}\n");
  rmSync(at("events/dev.errand.job.ready/1.json"));
  writeFileSync(at("events/dev.errand.job.ready/9.json"), "{}\n");
  writeFileSync(at("events.md"), readFileSync(at("events.md"), "utf8").replace("| `ready` | 1 |", "| `ready` | 2 |"));
  const { status, output } = run("--check");
  assert.equal(status, 1);
  for (const line of ["events/index.json: differs", "events/dev.errand.job.ready/1.json: is missing",
    "events/dev.errand.job.ready/9.json: is of no event", "events.md: differs"]) assert.ok(output.includes(`docs/protocol/${line}`), output);
  assert.equal(output.split("\n").filter((line) => line.startsWith("docs/")).length, 4);
  assert.match(output, /then run: ninja -C build\/dev errand_event_documents && tools\/event_schemas\.mjs/);
  assert.equal(run().status, 0);
  assert.deepEqual(run("--check"), { status: 0, output: "" });
});

test("an incompatible change is refused, written or not, and nothing is written", () => {
  const { at, change, run } = repository();
  change(waiting, (schema) => { delete schema.properties.reason; });
  for (const args of [["--check"], []]) {
    const { status, output } = run(...args);
    assert.equal(status, 1);
    assert.match(output, /docs\/protocol\/events\/dev\.errand\.job\.waiting\/1\.json, as published in [0-9a-f]+: reason: was removed/);
    assert.match(output, /event_types\.cpp/);
  }
  assert.match(readFileSync(at("events/dev.errand.job.waiting/1.json"), "utf8"), /"reason"/);
});

test("a file that was written by hand and committed does not make the change good", () => {
  const { at, change, commit, documents, run } = repository();
  change(waiting, (schema) => { schema.properties.reason.type = "integer"; });
  writeFileSync(at("events/dev.errand.job.waiting/1.json"), documents[waiting]);
  commit();
  const { status, output } = run("--check");
  assert.equal(status, 1);
  assert.match(output, /reason: type was "string" and is "integer"/);
});

test("a schema that was published and is gone is refused", () => {
  const { documents, run } = repository();
  delete documents[waiting];
  const { status, output } = run("--check");
  assert.equal(status, 1);
  assert.match(output, /waiting\/1\.json, as published in [0-9a-f]+: was published and is gone/);
});

test("a new member that may be missing is written, and from then on may not go", () => {
  const { change, commit, run } = repository();
  change(waiting, (schema) => { schema.properties.until = { type: "string", format: "date-time" }; });
  assert.equal(run("--check").status, 1); // the files differ
  assert.equal(run().status, 0);
  commit();
  assert.equal(run("--check").status, 0);
  change(waiting, (schema) => { delete schema.properties.until; });
  assert.match(run("--check").output, /until: was removed/);
});

test("a next version stands beside the one before", () => {
  const { change, documents, run } = repository();
  const next = waiting.replace("1.json", "2.json");
  documents[next] = documents[waiting];
  change(next, (schema) => { schema.$id = schema.$id.replace("1.json", "2.json"); delete schema.properties.reason; });
  change("/schemas/", (index) => {
    const event = index.events.find(({ type }) => type === "dev.errand.job.waiting");
    event.version = 2;
    event.schemas.push({ version: 2, data: next, event: "/schemas/dev.errand.job.waiting/1.event.json" });
  });
  const written = run();
  assert.equal(written.status, 0, written.output);
  assert.equal(run("--check").status, 0);
});

test("without a history the files are compared, and that nothing more is known is said", () => {
  const { at, run } = repository();
  rmSync(at("../../.git"), { recursive: true });
  const { status, output } = run("--check");
  assert.deepEqual([status, output], [0, "no git history here: what was published is not known\n"]);
});
