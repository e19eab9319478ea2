// What a stranger can send or start wrongly: a clear error each, no crash, nothing lost.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { curl, data, graphql, RawWorker } from "./support/clients.mjs";
import { binary, environment, schemaFile, Server } from "./support/server.mjs";

let server;
let token;
before(async () => {
  server = await Server.start();
  token = server.tokens.acme.client;
});
after(async () => {
  assert.deepEqual(await server.stop(), { code: 0, signal: null }, "the server has survived it all");
});

const alive = async () => assert.equal((await data(server, token, "{ __typename }")).__typename, "Query");

/** Runs the program to its end. */
async function errand(...args) {
  const child = spawn(binary, args, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  child.stdout.on("data", (bytes) => (text += bytes));
  child.stderr.on("data", (bytes) => (text += bytes));
  const [code, signal] = await once(child, "close");
  return { code, signal, text };
}

/** Sends raw bytes, half-closes if asked, and reads to the end. */
async function raw(bytes, { half = false } = {}) {
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  let text = "";
  socket.on("data", (chunk) => (text += chunk));
  socket.on("error", () => {});
  await once(socket, "connect");
  if (half) socket.end(bytes);
  else socket.write(bytes);
  await once(socket, "close");
  return text;
}

test("malformed HTTP is answered and closed", async () => {
  assert.match(await raw("\x16\x03\x01nonsense\r\n\r\n"), /^HTTP\/1\.1 400 /);
  assert.match(await raw("GET / HTTP/1.1\r\n\r\n"), /^HTTP\/1\.1 400 /);
  assert.match(await raw(`GET / HTTP/1.1\r\nHost: x\r\nA: ${"b".repeat(40_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
  assert.match(await raw("POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{", { half: true }), /^HTTP\/1\.1 400 /);
  await alive();
});

test("a half-closed client gets its answer, and its job is kept", async () => {
  const body = JSON.stringify({ query: 'mutation { greet(input: { name: "half" }) { id } }' });
  const text = await raw(
    `POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
    { half: true },
  );
  const { id } = JSON.parse(text.split("\r\n\r\n")[1]).data.greet;
  assert.equal((await data(server, token, "query ($id: ID!) { job(id: $id) { id } }", { id })).job.id, id);
});

test("oversized bodies, documents and nesting are refused", async () => {
  const headers = ["-H", `Authorization: Bearer ${token}`, "-H", "Content-Type: application/json"];
  const big = JSON.stringify({ query: "{__typename}", x: "y".repeat(2 << 20) });
  assert.equal((await curl(`${server.url}/graphql`, [...headers, "--data-binary", "@-"], big)).status, 413);

  for (const query of [
    "{ ".repeat(100_000),
    `{ ${"a: __typename ".repeat(10_000)} }`,
    `{ jobs { nodes { ${"events { nodes { id } } ".repeat(3_000)} } } }`,
    "query A { ...F } fragment F on Query { ...F }",
  ]) {
    const { status, json } = await graphql(server, token, query);
    assert.equal(status, 400);
    assert.ok(json.errors.length > 0);
    assert.equal("data" in json, false);
  }
  await alive();
});

test("malformed frames close the socket with a reason", async () => {
  const open = async (path, protocol, bearer) => {
    const socket = new WebSocket(`${server.url.replace("http", "ws")}${path}`, protocol, {
      headers: bearer ? { authorization: `Bearer ${bearer}` } : {},
    });
    await once(socket, "open");
    return socket;
  };
  for (const frame of ["{", "[]", '{"type":"start"}', '{"type":"subscribe","id":1}']) {
    const socket = await open("/graphql", "graphql-transport-ws", token);
    socket.send(frame);
    const [code, reason] = await once(socket, "close");
    assert.equal(code, 4400, frame);
    assert.notEqual(String(reason), "");
  }
  // Without a subprotocol: the npm client hides the close code where another one is not accepted.
  const other = await open("/graphql", [], token);
  assert.equal((await once(other, "close"))[0], 4406);
  const big = await open("/graphql", "graphql-transport-ws", token);
  big.send("x".repeat(3 << 20));
  assert.equal((await once(big, "close"))[0], 1009);
  for (const frame of ["{", '"x"', '{"type":"nonsense"}']) {
    const worker = new RawWorker(server, server.tokens.acme.worker);
    await worker.opened;
    worker.socket.send(frame);
    assert.equal((await worker.closed).code, 4400, frame);
  }
  await alive();
});

test("a stale lease changes nothing", async () => {
  const { id } = (await data(server, token, 'mutation { greet(input: { name: "stale" }) { id } }')).greet;
  const worker = new RawWorker(server, server.tokens.acme.worker);
  await worker.opened;
  worker.send({ type: "hello", types: ["greet"], slots: 10 });
  worker.send({ type: "credits", add: 10 });
  const job = await worker.frame((frame) => frame.type === "job" && frame.jobId === id);
  worker.send({ type: "release", ref: "r1", jobId: id, token: job.token });
  await worker.frame((frame) => frame.type === "ack" && frame.ref === "r1");
  worker.send({ type: "complete", ref: "r2", jobId: id, token: job.token, result: { text: "late" } });
  const late = await worker.frame((frame) => frame.type === "ack" && frame.ref === "r2");
  assert.equal(late.status, "REFUSED");
  assert.equal(late.error.code, "LEASE_LOST");
  worker.socket.close();
  const { job: state } = await data(server, token, "query ($id: ID!) { job(id: $id) { status } }", { id });
  assert.notEqual(state.status, "SUCCEEDED");
});

test("a start that cannot work says why and how to mend it", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "errand-e2e-"));
  t.after(async () => {
    await chmod(folder, 0o700);
    await rm(folder, { recursive: true, force: true });
  });
  const serve = (...args) => errand("serve", "--schema", schemaFile, "--data", join(folder, "data"), "--port", "0", ...args);

  const busy = await errand("serve", "--schema", schemaFile, "--data", join(folder, "busy"), "--port", String(server.summary.port));
  assert.notEqual(busy.code, 0);
  assert.match(busy.text, /in use/);

  const second = await errand(...server.args, "--port", "0");
  assert.notEqual(second.code, 0);
  assert.match(second.text, /STORE_LOCKED/);

  const exposed = await serve("--listen", "0.0.0.0");
  assert.notEqual(exposed.code, 0);
  assert.match(exposed.text, /authentication/);

  const broken = join(folder, "broken.graphql");
  await writeFile(broken, "type Mutation {\n  a(x: Missing): Int! @job(queue: 3)\n}\n");
  const refused = await errand("serve", "--schema", broken, "--data", join(folder, "data"), "--port", "0");
  assert.notEqual(refused.code, 0);
  assert.match(refused.text, /broken\.graphql:2:\d+/);

  const config = join(folder, "errand.toml");
  await writeFile(config, "[server]\nprot = 1\n");
  const unknown = await serve("--config", config);
  assert.notEqual(unknown.code, 0);
  assert.match(unknown.text, /prot/);

  for (const { signal } of [busy, second, exposed, refused, unknown]) assert.equal(signal, null, "no crash");
  await alive();
});
