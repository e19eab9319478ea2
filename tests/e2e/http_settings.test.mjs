// Settings of GraphQL over HTTP, as an operator writes them: the draft's statuses, CORS, batches, gzip.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { curl, graphql } from "./support/clients.mjs";
import { Server } from "./support/server.mjs";

let server;
let token;
let folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "errand-http-"));
  const file = join(folder, "errand.toml");
  await writeFile(file, `
[graphql]
status_profile = "draft"
batch_max = 3

[cors]
origins = ["https://app.example"]
max_age = "1m"

[server]
gzip_bytes_min = 100
`);
  server = await Server.start(["--config", file]);
  token = server.tokens.acme.client;
});
after(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const url = () => `${server.url}/graphql`;
const json = () => ["-H", `Authorization: Bearer ${token}`, "-H", "Content-Type: application/json"];

test("statuses are those of the draft", async () => {
  assert.equal((await graphql(server, token, "{ nope }")).status, 422);
  assert.equal((await graphql(server, token, "{")).status, 400);
  const body = JSON.stringify({ query: "{ nope }" });
  assert.equal((await curl(url(), [...json(), "-H", "Accept: application/json", "--data-binary", "@-"], body)).status, 422);
});

test("a page of a listed origin may use GraphQL, another may not", async () => {
  const preflight = (origin) =>
    curl(url(), ["-X", "OPTIONS", "-H", `Origin: ${origin}`, "-H", "Access-Control-Request-Method: POST",
      "-H", "Access-Control-Request-Headers: authorization,content-type"]);
  const listed = await preflight("https://app.example");
  assert.equal(listed.status, 204);
  assert.equal(listed.headers["access-control-allow-origin"], "https://app.example");
  assert.match(listed.headers["access-control-allow-methods"], /\bPOST\b/);
  assert.match(listed.headers["access-control-allow-headers"], /\bAuthorization\b/);
  assert.equal(listed.headers["access-control-max-age"], "60");
  assert.equal((await preflight("https://evil.example")).status, 403);
  const answer = await graphql(server, token, "{ __typename }", {}, { Origin: "https://app.example" });
  assert.equal(answer.headers["access-control-allow-origin"], "https://app.example");
  assert.match(answer.headers.vary, /\bOrigin\b/);
});

test("two equal mutations of a batch are two jobs, and the batch sent again is a replay", async () => {
  const item = { query: 'mutation { greet(input: { name: "batch" }) { id } }' };
  const batch = async (items) => {
    const args = [...json(), "-H", "Idempotency-Key: batch-1", "--data-binary", "@-"];
    const { status, body } = await curl(url(), args, JSON.stringify(items));
    return { status, json: JSON.parse(body) };
  };
  const first = await batch([item, item, { query: "{ nope }" }]);
  assert.equal(first.status, 200);
  const [a, b, c] = first.json;
  assert.notEqual(a.data.greet.id, b.data.greet.id);
  assert.equal(c.errors[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
  assert.deepEqual((await batch([item, item, { query: "{ nope }" }])).json, first.json);
  assert.equal((await batch([item, item, item, item])).status, 422);
});

test("long answers are packed for who takes gzip", async () => {
  const body = JSON.stringify({ query: "{ __schema { types { name description } } }" });
  const plain = await curl(url(), [...json(), "--data-binary", "@-"], body);
  const packed = await curl(url(), [...json(), "--compressed", "-H", "Accept-Encoding: gzip", "--data-binary", "@-"], body);
  assert.equal(packed.headers["content-encoding"], "gzip");
  assert.ok(Number(packed.headers["content-length"]) < plain.body.length / 2);
  assert.deepEqual(JSON.parse(packed.body), JSON.parse(plain.body));
});
