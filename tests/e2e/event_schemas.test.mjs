// What is served of events, /schemas/, and `errand events`, which prints the same: both are the files of docs/protocol/events.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { curl } from "./support/clients.mjs";
import { Server, binary } from "./support/server.mjs";

const docs = new URL("../../docs/protocol/events/", import.meta.url);
const file = (path) => readFileSync(new URL(path === "/schemas/" ? "index.json" : path.slice("/schemas/".length), docs), "utf8");
const index = JSON.parse(file("/schemas/"));

let server;
before(async () => { server = await Server.start([]); });
after(() => server.stop());
const get = (path, args = []) => curl(`${server.url}${path}`, args);

function errand(...args) {
  const { status, stdout, stderr } = spawnSync(binary, ["events", ...args], { encoding: "utf8", timeout: 60_000 });
  return { status, stdout, stderr };
}

test("the index and all that it names are served without a token, with type and tag, to pages of every origin", async () => {
  const paths = ["/schemas/", index.asyncapi, ...index.events.flatMap(({ schemas }) => schemas.flatMap(({ data, event }) => [data, event]))];
  assert.equal(paths.length, 48);
  for (const path of paths) {
    const { status, headers, body } = await get(path, ["-H", "Origin: https://any.example"]);
    assert.equal(status, 200, path);
    assert.equal(body, file(path), path);
    const type = path === "/schemas/" ? "application/json"
      : path === index.asyncapi ? "application/vnd.aai.asyncapi+json" : "application/schema+json";
    assert.equal(headers["content-type"], type, path);
    assert.equal(headers["access-control-allow-origin"], "*", path);
    assert.equal(headers["cache-control"], "public, max-age=3600", path);
  }
});

test("who has a schema is not sent it again", async () => {
  const path = index.events[0].schemas[0].data;
  const { headers } = await get(path);
  const again = await get(path, ["-H", `If-None-Match: ${headers.etag}`]);
  assert.deepEqual([again.status, again.body], [304, ""]);
});

test("an unknown schema is answered with the index, an unknown path with the list of paths", async () => {
  const unknown = await get("/schemas/dev.errand.job.started/99.json");
  assert.equal(unknown.status, 404);
  assert.deepEqual(JSON.parse(unknown.body).available, ["GET /schemas/"]);
  assert.ok(JSON.parse((await get("/nowhere")).body).available.includes("GET /schemas/*"));
});

test("errand events prints the same without a server", () => {
  for (const { type, schemas } of index.events) {
    const { data, event } = schemas.at(-1);
    assert.equal(errand("schema", type).stdout, file(data));
    assert.equal(errand("schema", type.slice("dev.errand.job.".length), "--whole").stdout, file(event));
    assert.equal(JSON.parse(errand("example", type).stdout).type, type);
  }
  assert.equal(errand("asyncapi").stdout, file(index.asyncapi));
  assert.deepEqual(errand("list").stdout.match(/^\S+/gm), index.events.map(({ type }) => type));
});

test("errand events says what was wrong, and has examples", () => {
  const unknown = errand("schema", "begun");
  assert.equal(unknown.status, 2);
  assert.match(unknown.stderr, /there is no event "begun"; errand events list/);
  assert.match(errand("schema", "started", "--schema-version", "7").stderr, /versions 1 to 1/);
  for (const command of [["--help"], ["schema", "--help"], ["example", "--help"]]) assert.match(errand(...command).stdout, /Examples:/);
});
