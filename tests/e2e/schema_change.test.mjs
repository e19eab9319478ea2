// Jobs outlive schemas: a start that would break live jobs is refused, kept, or drops them, as it is told.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { binary, environment, Server } from "./support/server.mjs";
import { data, poll } from "./support/clients.mjs";

const before = `
type Mutation {
  report(year: Int!): Report @job(queue: "reports")
  render(name: String!): String @job
}
type Report { rows: Int! }
`;
// \`report\` needs another argument and \`render\` is gone.
const breaking = `
type Mutation { report(year: Int!, month: Int!): Report @job(queue: "reports") }
type Report { rows: Int! }
`;
// An optional argument more: clients and stored inputs still fit.
const compatible = before.replace("year: Int!", "year: Int!, month: Int");

const server = await Server.start();
after(() => server.stop());
const file = (name) => join(server.folder, name);
const { client } = server.tokens.acme;

function schemaArguments(name, more = []) {
  const args = [...server.args];
  args[args.indexOf("--schema") + 1] = file(name);
  return [...args, "--port", "0", ...more];
}

async function restart(name, more = []) {
  server.child.kill("SIGTERM");
  await server.exited;
  server.args = schemaArguments(name, more).filter((arg, i, all) => arg !== "--port" && all[i - 1] !== "--port");
  await server.run();
}

const submit = (query) => data(server, client, query);
const job = (id) => data(server, client, "query ($id: ID!) { job(id: $id) { status error { code } } }", { id });

test("a schema that breaks live jobs", async (t) => {
  await writeFile(file("before.graphql"), before);
  await writeFile(file("breaking.graphql"), breaking);
  await writeFile(file("compatible.graphql"), compatible);
  await restart("before.graphql");
  const report = (await submit("mutation { report(year: 2026) { id } }")).report.id;
  const render = (await submit('mutation { render(name: "x") { id } }')).render.id;

  await t.test("errand schema check lists what breaks and the live jobs it hits", () => {
    const run = spawnSync(binary, ["schema", "check", file("before.graphql"), file("breaking.graphql"), "--database",
      join(server.folder, "data", "errand.db")], { encoding: "utf8", env: environment });
    assert.equal(run.status, 1, run.stderr);
    assert.match(run.stdout, /BREAKING.*report/);
    assert.match(run.stdout, /BREAKING.*render/);
    assert.match(run.stdout, /render: 1 live job/);
  });

  await t.test("a compatible change says so", () => {
    const run = spawnSync(binary, ["schema", "check", file("before.graphql"), file("compatible.graphql")], { encoding: "utf8", env: environment });
    assert.equal(run.status, 0, run.stdout + run.stderr);
    assert.doesNotMatch(run.stdout, /BREAKING/);
  });

  server.child.kill("SIGTERM");
  await server.exited;

  await t.test("is refused at the start, with the types, the jobs and the remedy", () => {
    const run = spawnSync(binary, schemaArguments("breaking.graphql"), { encoding: "utf8", env: environment });
    assert.equal(run.status, 1);
    assert.match(run.stderr, /SCHEMA_INCOMPATIBLE/);
    assert.match(run.stderr, /render: 1 live job/);
    assert.match(run.stderr, /--on-change keep-old/);
  });

  await t.test("starts with keep-old, and the jobs are there", async () => {
    server.args = schemaArguments("breaking.graphql", ["--on-change", "keep-old"]).filter((arg, i, all) => arg !== "--port" && all[i - 1] !== "--port");
    await server.run();
    assert.equal((await job(report)).job.status, "PENDING");
  });

  await t.test("starts with drop, and the jobs are killed", async () => {
    await restart("breaking.graphql", ["--on-change", "drop"]);
    assert.equal((await poll(() => job(report), ({ job }) => job.status !== "PENDING")).job.status, "CANCELED");
  });

  await t.test("after that the old types start again, and the dropped job is still in the history", async () => {
    await restart("before.graphql");
    assert.equal((await job(render)).job.status, "CANCELED");
  });
});
