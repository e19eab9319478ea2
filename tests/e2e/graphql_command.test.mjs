// `errand graphql`: the commands, their files and exit statuses. What they answer is for tests/conformance.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { binary } from "./support/server.mjs";

const folder = mkdtempSync(join(tmpdir(), "errand-graphql-"));
after(() => rmSync(folder, { recursive: true }));

function file(name, content) {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

function graphql(args, input) {
  const { status, stdout, stderr } = spawnSync(binary, ["graphql", ...args], { encoding: "utf8", input, maxBuffer: 2 ** 28 });
  return { status, stdout, stderr, answer: status === 0 && stdout.startsWith("{") ? JSON.parse(stdout.split("\n")[0]) : undefined };
}

const schema = file("schema.graphql", "type Query { hello(name: String = \"you\"): String next: Query } type Subscription { tick: Int }");
const query = file("query.graphql", "query A($n: String) { hello(name: $n) } query B { hello }");

test("help says what each command does, with examples", () => {
  for (const command of ["parse", "validate", "schema", "introspect", "execute", "subscribe", "batch"]) {
    const run = graphql([command, "--help"]);
    assert.equal(run.status, 0, command);
    assert.match(run.stdout, /Examples:/, command);
  }
});

test("each command prints one object, and exits with 0 also when the verdict is bad", () => {
  assert.equal(graphql(["parse", "--query", query]).answer.ok, true);
  assert.deepEqual(graphql(["parse", "--query", file("bad.graphql", "{")]).answer,
    { ok: false, errors: [{ message: "Syntax Error: Expected Name, found <EOF>.", locations: [{ line: 1, column: 2 }] }] });
  assert.equal(graphql(["validate", "--schema", schema, "--query", query]).answer.ok, true);
  assert.equal(graphql(["schema", "--schema", schema]).answer.ok, true);
  assert.equal(graphql(["introspect", "--schema", schema]).answer.data.__schema.queryType.name, "Query");
  assert.deepEqual(graphql(["execute", "--schema", schema, "--query", query, "--operation-name", "A", "--variables", file("variables.json", { n: "x" }),
    "--data", file("data.json", { hello: { $arg: "name" } })]).answer, { data: { hello: "x" } });
  assert.deepEqual(graphql(["subscribe", "--schema", schema, "--query", file("tick.graphql", "subscription { tick }"), "--data", file("ticks.json", { tick: [{ tick: 1 }, 2] })]).answer,
    { results: [{ data: { tick: 1 } }, { data: { tick: 2 } }] });
});

test("a schema may stand in several files", () => {
  const more = file("more.graphql", "extend type Query { more: Strin }");
  const { answer } = graphql(["schema", "--schema", schema, "--schema", more]);
  assert.equal(answer.errors[0].message, "Unknown type \"Strin\". Did you mean \"String\"?");
  assert.deepEqual(answer.errors[0].extensions, { source: more });
});

test("a batch answers in order, whatever a line holds", () => {
  const cases = [{ id: 1, op: "parse", query: "{ a }" }, "{ nonsense", { id: "two", op: "dance" }, { id: null, op: "validate", schema: "type Query { a: Int }", query: "{ b }" }];
  const input = `${cases.map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join("\n\n")}\n`;
  for (const run of [graphql(["batch", "--cases", "-"], input), graphql(["batch", "--cases", file("cases.jsonl", input)])]) {
    assert.equal(run.status, 0);
    const answers = run.stdout.trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(answers.map(({ id, ok, unsupported }) => [id, ok, unsupported]), [[1, true, undefined], [null, undefined, true], ["two", undefined, true], [null, false, undefined]]);
  }
});

test("wrong calls say what is wrong", () => {
  for (const [args, message] of [
    [["parse"], /there is no query/], [["validate", "--query", query], /there is no schema/], [["parse", "--query", join(folder, "missing")], /missing: No such file/],
    [["execute", "--schema", schema, "--query", query, "--variables", file("list.json", [1])], /is no JSON object/], [["execute", "--schema", schema, "--query", query, "--data", query], /not valid JSON/],
    [["batch", "--cases", join(folder, "missing")], /No such file/],
  ]) {
    const run = graphql(args);
    assert.equal(run.status, 2, args.join(" "));
    assert.match(run.stderr, message);
  }
});

test("documents nested 1,000 deep are answered, deeper ones refused", () => {
  const nested = (depth) => `${"{ next ".repeat(depth - 1)}{ hello }${"}".repeat(depth - 1)}`;
  const data = (depth) => JSON.parse(`${"{\"next\":".repeat(depth - 1)}{"hello":"x"}${"}".repeat(depth - 1)}`);
  const sdl = "type Query { hello: String next: Query }";
  const run = graphql(["batch", "--cases", "-"], [
    { id: 0, op: "parse", query: nested(1000) }, { id: 1, op: "validate", schema: sdl, query: nested(1000) }, { id: 2, op: "execute", schema: sdl, query: nested(1000), data: data(1000) },
    { id: 3, op: "parse", query: nested(1001) }, { id: 4, op: "parse", query: `{ a(x: ${"[".repeat(990)}1${"]".repeat(990)}) }` },
    { id: 5, op: "execute", schema: "scalar Any type Query { a(x: Any): Any }", query: `{ a(x: ${"[".repeat(990)}1${"]".repeat(990)}) }`, data: { a: { $arg: "x" } } },
    { id: 6, op: "parse", query: "{ a ".repeat(200_000) },
  ].map((one) => JSON.stringify(one)).join("\n"));
  assert.equal(run.status, 0, run.stderr);
  const answers = run.stdout.trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(answers.map(({ ok }) => ok), [true, true, undefined, false, true, undefined, false]);
  assert.match(answers[3].errors[0].message, /nested deeper than 1000 levels/);
  assert.equal(JSON.stringify(answers[2].data).match(/next/g).length, 999);
  assert.equal(JSON.stringify(answers[5].data).match(/\[/g).length, 990);
});

test("ten megabytes are answered in bounded time", { timeout: 250_000 }, () => {
  const fields = "hello ".repeat(100_000);
  const run = graphql(["batch", "--cases", "-"], [
    { id: 0, op: "parse", query: `{ a(x: "${"x".repeat(10_000_000)}") }` }, { id: 1, op: "validate", schema: "type Query { hello: String }", query: `{ ${fields} }` },
    { id: 2, op: "parse", query: `# ${"c".repeat(10_000_000)}\n{ a ? }` },
  ].map((one) => JSON.stringify(one)).join("\n"));
  assert.equal(run.status, 0, run.stderr);
  const answers = run.stdout.trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(answers.map(({ ok }) => ok), [true, true, false]);
  assert.deepEqual(answers[2].errors[0].locations, [{ line: 2, column: 5 }]);
});
