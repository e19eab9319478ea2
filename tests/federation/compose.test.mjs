// What npm's @apollo/composition makes of Errand's SDL.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { binary, environment } from "../e2e/support/server.mjs";
import { accountsSdl, ask, compose, notesSdl, schemaFile, startErrand, subgraphSdl } from "./support.mjs";

let folder;
before(() => (folder = mkdtempSync(join(tmpdir(), "errand-federation-"))));
after(() => rmSync(folder, { recursive: true, force: true }));

/** What `errand schema print --subgraph` prints for `sdl`. */
function printed(sdl, ...flags) {
  const file = join(folder, "schema.graphql");
  writeFileSync(file, sdl);
  return execFileSync(binary, ["schema", "print", file, "--subgraph", ...flags], { env: environment, encoding: "utf8" });
}

const link = (imports, version = "v2.3") =>
  `extend schema @link(url: "https://specs.apollo.dev/federation/${version}", import: [${imports.map((name) => `"${name}"`).join(" ")}])\n`;
const messages = ({ errors }) => (errors ?? []).map((error) => error.message);

test("the program prints what the running server gives", async () => {
  const server = await startErrand();
  const sdl = await subgraphSdl(server);
  assert.equal(execFileSync(binary, ["schema", "print", schemaFile, "--subgraph"], { env: environment, encoding: "utf8" }), sdl);
  assert.equal(compose({ errand: sdl, accounts: accountsSdl, notes: notesSdl }).errors, undefined);
  const { data } = await ask(server, server.tokens.acme.client,
    `{ __type(name: "_Entity") { kind possibleTypes { name } } query: __type(name: "Query") { fields { name } } }`);
  assert.deepEqual(data.__type.possibleTypes.map(({ name }) => name), ["ExportReportJob", "MailReportJob"]);
  for (const field of ["_entities", "_service"]) assert.ok(data.query.fields.some(({ name }) => name === field));
  await server.stop();
});

// Names of what Apollo's compatibility list asks of a subgraph library; jobs are the entities, so keys of users' types are
// references, and @requires is refused.
const features = {
  "@link with imports": [link(["@key", "@shareable"]), ""],
  "@link without imports, directives by their full names": [
    link([], "v2.0"),
    'type R @federation__shareable { a: Int } type Account @federation__key(fields: "id", resolvable: false) { id: ID! }',
  ],
  "@link with a renamed import": [link(["@key"]).replace('"@key"', '{ name: "@key", as: "@id" }'), 'type Account @id(fields: "id", resolvable: false) { id: ID! }'],
  "@link with a namespace": ['extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", as: "fed")\n', "type R @fed__shareable { a: Int }"],
  "@key single": [link(["@key"]), 'type Account @key(fields: "id", resolvable: false) { id: ID! }'],
  "@key multi": [
    link(["@key"]),
    'type Account @key(fields: "id", resolvable: false) @key(fields: "number", resolvable: false) { id: ID! number: Int! }',
  ],
  "@key composite": [
    link(["@key"]),
    'type Account @key(fields: "id bank { id }", resolvable: false) { id: ID! bank: Bank! } type Bank { id: ID! }',
  ],
  "@provides and @external": [
    link(["@key", "@provides", "@external"]),
    'type R { account: Account @provides(fields: "name") } type Account @key(fields: "id", resolvable: false) { id: ID! name: String @external }',
    { accounts: link(["@key", "@shareable"]) + 'type Query { account: Account } type Account @key(fields: "id") { id: ID! name: String @shareable }' },
  ],
  "@shareable": [
    link(["@shareable"]),
    "type Money @shareable { amount: Int! }",
    { other: link(["@shareable"]) + "type Query { a: Money } type Money @shareable { amount: Int! }" },
  ],
  "@override": [
    link(["@override"]),
    'extend type Mutation { moved: Int @job @override(from: "legacy") }',
    {
      legacy: link(["@key"]) + `type Query { a: Int } type Mutation { moved(options: JobOptions): MovedJob }
        type MovedJob @key(fields: "id") { id: ID! } input JobOptions { waitFor: Duration } scalar Duration`,
    },
  ],
  "@tag": [link(["@tag"]), 'enum Color @tag(name: "a") { RED @tag(name: "b") } type R @tag(name: "c") { color: Color @tag(name: "d") }'],
  "@inaccessible": [link(["@inaccessible"]), "type R { a: Int b: Secret @inaccessible } type Secret @inaccessible { c: Int }"],
  "@composeDirective": [
    link(["@composeDirective"]).trimEnd() +
      ' @link(url: "https://acme.example/audit/v1.0", import: ["@audit"]) @composeDirective(name: "@audit")\ndirective @audit on OBJECT\n',
    "type R @audit { a: Int }",
  ],
  "@interfaceObject": [
    link(["@key", "@interfaceObject"]),
    'type R { media: Media } type Media @key(fields: "id", resolvable: false) @interfaceObject { id: ID! }',
    { media: link(["@key"]) + 'type Query { media: Media } interface Media @key(fields: "id") { id: ID! } type Book implements Media @key(fields: "id") { id: ID! }' },
  ],
  "@authenticated, @requiresScopes, @policy": [
    link(["@authenticated", "@requiresScopes", "@policy"], "v2.6"),
    'type R @authenticated { a: Int @requiresScopes(scopes: [["x"], ["y", "z"]]) b: Int @policy(policies: [["p"]]) }',
  ],
  "extend type of another subgraph": [link(["@key"]), 'extend type Account @key(fields: "id", resolvable: false) { id: ID! }'],
};
for (const [name, [head, types, others = {}]] of Object.entries(features)) {
  test(`composes: ${name}`, () => {
    const errand = printed(`${head}type Mutation { run: Int @job }\n${types}`);
    assert.deepEqual(messages(compose({ errand, ...others })), []);
  });
}

test("composes: a schema as of federation 1, by the setting", () => {
  const sdl = printed('extend type Mutation { run: R @job } type R { account: Account }\n' +
    'extend type Account @key(fields: "id", resolvable: false) { id: ID! @external }');
  assert.match(sdl, /@link\(url: "https:\/\/specs.apollo.dev\/federation\/v2.3", import: \["@extends", "@external", "@key", "@shareable"\]\)/);
  assert.deepEqual(messages(compose({ errand: sdl, accounts: accountsSdl.replace("lastExport: ExportReportJob", "") })), []);
});

test("two Errands compose with a prefix each, and name what collides without", () => {
  const one = "type Mutation { first: Int @job }";
  const two = "type Mutation { second: Int @job }";
  assert.deepEqual(messages(compose({ one: printed(one), two: printed(two, "--prefix", "Two") })), []);
  const clash = messages(compose({ one: printed(one), two: printed(two) }));
  assert.ok(clash.some((text) => text.startsWith('Non-shareable field "Query.job" is resolved from multiple subgraphs')), clash.join("\n"));
});

test("a page type of Relay's shape is shared", () => {
  const relay = link(["@shareable"]) +
    "type Query { a: PageInfo } type PageInfo @shareable { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }";
  assert.deepEqual(messages(compose({ errand: printed("type Mutation { run: Int @job }"), relay })), []);
});

test("what is wrong is told with its place and remedy", () => {
  const file = join(folder, "wrong.graphql");
  writeFileSync(file, link(["@kee"]) + "type Mutation { run: Int @job }");
  const { status, stderr } = spawnSync(binary, ["schema", "check", file], { env: environment, encoding: "utf8" });
  assert.equal(status, 2);
  assert.match(stderr, /wrong\.graphql:1:\d+: federation v2\.3 has no @kee; remove the import\. Did you mean "@key"\?/);
});
