// In front of a graphql-yoga server: what passes, unchanged, and what does not.
import { File } from "node:buffer"; // no global of Node 18
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createClient as createSseClient } from "graphql-sse";
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";
import { data, graphql, poll } from "./support/clients.mjs";
import { Server } from "./support/server.mjs";
import { Yoga } from "./support/yoga.mjs";

let yoga;
let server;
let front; // URL of GraphQL through Errand
before(async () => {
  yoga = await Yoga.start();
  server = await Server.start(["--upstream", yoga.url], fileURLToPath(new URL("front.graphql", import.meta.url)));
  front = `${server.url}/graphql`;
});
after(async () => {
  await server.stop();
  await yoga.stop();
});

const json = { "content-type": "application/json", authorization: "jwt alice" };
const post = (url, body, headers = {}) =>
  fetch(url, { method: "POST", headers: { ...json, ...headers }, body: typeof body === "string" ? body : JSON.stringify(body) });

/** What a client sees of an answer, but for what names the request or the moment. */
async function seen(response) {
  const headers = Object.fromEntries(response.headers);
  for (const name of ["date", "connection", "keep-alive", "transfer-encoding", "content-length", "x-request-id"]) delete headers[name];
  return { status: response.status, headers, body: await response.text() };
}

/** The pieces of a body as texts. */
async function* pieces(response) {
  const decoder = new TextDecoder();
  for await (const bytes of response.body) yield decoder.decode(bytes, { stream: true });
}

const requests = {
  "a query": (url) => post(url, { query: "{ viewer { id name } }" }),
  "a query with variables": (url) => post(url, { query: "query ($t: String!) { echo(text: $t) }", variables: { t: "ü\u2028\"" } }),
  "the operation that is named": (url) => post(url, { query: "query A { echo(text: \"a\") } query B { echo(text: \"b\") }", operationName: "B" }),
  "a mutation": (url) => post(url, { query: "mutation { rename(name: \"bob\") { id name } }" }),
  "the modern media type": (url) => post(url, { query: "{ viewer { id } }" }, { accept: "application/graphql-response+json" }),
  "an error of a resolver": (url) => post(url, { query: "{ boom }" }),
  "an error of validation": (url) => post(url, { query: "{ nobodyKnows }" }),
  "an error of syntax": (url) => post(url, { query: "{ viewer {" }),
  "a body that is no JSON": (url) => post(url, "{broken"),
  "no query at all": (url) => post(url, {}),
  "another content type": (url) => post(url, "x", { "content-type": "text/csv" }),
  "a query by GET": (url) => fetch(`${url}?query=${encodeURIComponent("{ viewer { id } }")}&variables=%7B%7D`, { headers: json }),
  "a mutation by GET": (url) => fetch(`${url}?query=${encodeURIComponent("mutation { count }")}`, { headers: json }),
  "a page for people": (url) => fetch(url, { headers: { accept: "text/html" } }),
  "a batch": (url) => post(url, [{ query: "{ echo(text: \"a\") }" }, { query: "{ echo(text: \"b\") }" }]),
  "a packed answer": (url) => post(url, { query: "{ large(bytes: 65536) }" }, { "accept-encoding": "gzip" }),
  "a preflight": (url) =>
    fetch(url, {
      method: "OPTIONS",
      headers: { origin: "https://app.example", "access-control-request-method": "POST", "access-control-request-headers": "authorization" },
    }),
};
for (const [name, send] of Object.entries(requests)) {
  test(`answers as the upstream itself: ${name}`, async () => {
    assert.deepEqual(await seen(await send(front)), await seen(await send(yoga.url)));
  });
}

test("what a mutation does is done once", async () => {
  const before = yoga.counted;
  await post(front, { query: "mutation { count }" });
  assert.equal(yoga.counted, before + 1);
});

test("headers reach the upstream, with the client's address and a trace", async () => {
  const { data: { headers } } = await (await post(front, { query: "{ headers }" }, { cookie: "s=1", "x-mine": "2" })).json();
  for (const header of ["cookie: s=1", "x-mine: 2", "authorization: jwt alice", "x-forwarded-for: 127.0.0.1", "x-forwarded-proto: http"]) {
    assert.ok(headers.includes(header), `${header} in ${headers.join("\n")}`);
  }
  assert.ok(headers.some((header) => /^traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-01$/.test(header)));
  assert.ok(headers.includes(`host: 127.0.0.1:${yoga.port}`));
});

test("a file is uploaded (multipart request)", async () => {
  const form = () => {
    const parts = new FormData();
    parts.set("operations", JSON.stringify({ query: "mutation ($f: File!) { upload(file: $f) }", variables: { f: null } }));
    parts.set("map", JSON.stringify({ 0: ["variables.f"] }));
    parts.set("0", new File([new Uint8Array([0, 255, 13, 10, 45, 45])], "a.bin", { type: "application/x-thing" }));
    return parts;
  };
  const response = await fetch(front, { method: "POST", body: form() });
  assert.deepEqual(await response.json(), { data: { upload: "a.bin application/x-thing 00ff0d0a2d2d" } });
});

test("a deferred fragment comes in a part of its own, later", async () => {
  const response = await post(front, { query: "{ slow { quick ... @defer { late } } }" }, { accept: "multipart/mixed" });
  assert.match(response.headers.get("content-type"), /^multipart\/mixed; boundary/);
  let text = "";
  let asked = false;
  for await (const piece of pieces(response)) {
    text += piece;
    if (!asked && text.includes('"quick":"now"')) {
      assert.ok(!text.includes("later"));
      asked = true;
      yoga.events.emit("late");
    }
  }
  assert.match(text, /"late":"later"/);
  assert.match(text, /-----\r\n$/);
});

test("a large answer comes whole", async () => {
  const digest = async (url) => createHash("sha256").update(Buffer.from(await (await post(url, { query: "{ large(bytes: 33554432) }" })).arrayBuffer())).digest("hex");
  assert.equal(await digest(front), await digest(yoga.url));
});

test("a subscription comes as events, by graphql-sse", async () => {
  const client = createSseClient({ url: front, headers: { authorization: "jwt alice" } });
  const got = [];
  for await (const result of client.iterate({ query: "subscription { ticks(to: 3) }" })) got.push(result.data.ticks);
  assert.deepEqual(got, [1, 2, 3]);
  client.dispose();
});

test("a subscription ends at the upstream when its client leaves", async () => {
  const abort = new AbortController();
  const response = await fetch(front, {
    method: "POST",
    headers: { ...json, accept: "text/event-stream" },
    body: JSON.stringify({ query: "subscription { forever }" }),
    signal: abort.signal,
  });
  let text = "";
  for await (const piece of pieces(response)) {
    text += piece;
    if (text.includes('"forever":1')) break;
  }
  assert.equal(yoga.open, 1);
  abort.abort();
  await yoga.allClosed();
});

const socketClient = (connectionParams, options = {}) =>
  createClient({ url: front.replace("http", "ws"), webSocketImpl: WebSocket, connectionParams, retryAttempts: 0, ...options });

test("a socket carries queries, mutations and subscriptions, by graphql-ws", async () => {
  const sockets = yoga.sockets;
  const client = socketClient({ token: "carol" });
  const results = async (query) => {
    const all = [];
    for await (const result of client.iterate({ query })) all.push(result);
    return all;
  };
  const [queried, mutated, ticks, invalid] = await Promise.all([
    results("{ viewer { name } }"),
    results('mutation { rename(name: "dave") { id name } }'),
    results("subscription { ticks(to: 3) }"),
    results("{ nobodyKnows }").catch((errors) => errors),
  ]);
  assert.deepEqual(queried, [{ data: { viewer: { name: "carol" } } }]);
  assert.deepEqual(mutated, [{ data: { rename: { id: "u-carol", name: "dave" } } }]);
  assert.deepEqual(ticks.map((tick) => tick.data.ticks), [1, 2, 3]);
  assert.match(invalid[0].message, /Cannot query field "nobodyKnows"/);
  assert.equal(yoga.sockets, sockets + 1, "one connection for all of them");
  await client.dispose();
});

test("a socket's subscription ends at the upstream with the client's complete, and with the client", async () => {
  const client = socketClient({ token: "carol" });
  const first = client.iterate({ query: "subscription { forever }" });
  assert.deepEqual((await first.next()).value, { data: { forever: 1 } });
  assert.equal(yoga.open, 1);
  await first.return();
  await yoga.allClosed();
  const second = client.iterate({ query: "subscription { forever }" });
  assert.deepEqual((await second.next()).value, { data: { forever: 1 } });
  client.terminate();
  await yoga.allClosed();
  await assert.rejects(second.next());
});

test("a socket that the upstream refuses fails its operations with that reason", async () => {
  const client = socketClient({ token: "refused" });
  await assert.rejects(
    client.iterate({ query: "{ viewer { id } }" }).next(),
    (errors) => errors[0].extensions.code === "FORBIDDEN" && /4403 Forbidden/.test(errors[0].message),
  );
  await client.dispose();
});

test("operations of both servers share a socket, each under its own credentials", async () => {
  const client = socketClient({ authorization: `Bearer ${server.tokens.acme.client}`, token: "carol" });
  const [own, theirs] = await Promise.all([
    client.iterate({ query: "{ jobs(first: 1) { nodes { id } } }" }).next(),
    client.iterate({ query: "{ viewer { id } }" }).next(),
  ]);
  assert.ok(Array.isArray(own.value.data.jobs.nodes));
  assert.equal(theirs.value.data.viewer.id, "u-carol");
  await client.dispose();

  const stranger = socketClient({ token: "carol" });
  await assert.rejects(
    stranger.iterate({ query: "{ jobs(first: 1) { nodes { id } } }" }).next(),
    (errors) => errors[0].extensions.code === "UNAUTHENTICATED",
  );
  assert.equal((await stranger.iterate({ query: "{ viewer { id } }" }).next()).value.data.viewer.id, "u-carol");
  await stranger.dispose();
});

test("jobs are served beside it, and an operation with fields of both is refused", async () => {
  const token = server.tokens.acme.client;
  const { greet } = await data(server, token, 'mutation { greet(input: { name: "Ada" }) { id status } }');
  assert.equal((await data(server, token, "query ($id: ID!) { job(id: $id) { status } }", { id: greet.id })).job.status, "PENDING");
  const { json: mixed } = await graphql(server, token, "{ jobs(first: 1) { nodes { id } } viewer { id } }");
  assert.equal(mixed.errors[0].extensions.code, "MIXED_OPERATION");
  assert.match(mixed.errors[0].message, /jobs belongs to the job server, viewer to the server behind it/);
  assert.equal((await data(server, token, "{ __schema { queryType { name } } }")).__schema.queryType.name, "Query");
});

test("an upstream that dies is said, in streams too, and found again when it is back", async () => {
  const { port } = yoga;
  const stream = await post(front, { query: "subscription { forever }" }, { accept: "text/event-stream" });
  const reader = stream.body.getReader();
  await reader.read();
  const client = socketClient({ token: "carol" });
  const socket = client.iterate({ query: "subscription { forever }" });
  await socket.next();
  const hanging = once(yoga.events, "hanging");
  const waiting = post(front, { query: "{ hang }" });
  await hanging;

  await yoga.stop();
  const cut = await waiting;
  assert.equal(cut.status, 502);
  assert.equal((await cut.json()).errors[0].extensions.code, "UNAVAILABLE");
  await assert.rejects(async () => {
    while (!(await reader.read()).done);
  }, "a body that breaks off does not look whole");
  await assert.rejects(socket.next(), (errors) => errors[0].extensions.code === "UNAVAILABLE");
  const refused = await post(front, { query: "{ viewer { id } }" });
  assert.equal(refused.status, 502);
  const text = await refused.text();
  assert.match(text, /cannot be reached/);
  assert.ok(!text.includes(String(port)));
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200);

  await yoga.run(port);
  assert.equal((await (await post(front, { query: "{ viewer { id } }" })).json()).data.viewer.id, "u-alice");
  assert.equal((await client.iterate({ query: "{ viewer { id } }" }).next()).value.data.viewer.id, "u-carol");
  await client.dispose();
});

test("an upstream with TLS is reached where its certificate is trusted, and only there", async () => {
  const folder = await mkdtemp(join(tmpdir(), "errand-front-"));
  const [key, cert, trusting, strange] = ["key.pem", "cert.pem", "trusting.toml", "strange.toml"].map((name) => join(folder, name));
  await promisify(execFile)("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
    "-subj", "/CN=upstream", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert]);
  const secure = await Yoga.start(0, { key: await readFile(key), cert: await readFile(cert) });
  const sdl = join(folder, "upstream.graphql");
  await writeFile(sdl, "type Query { viewer: Viewer } type Viewer { id: ID! } type Mutation { count: Int }");
  await writeFile(trusting, `[upstream]\nurl = "${secure.url}"\nschema = "upstream.graphql"\n[outbound]\nca_file = "cert.pem"\n`);
  await writeFile(strange, `[upstream]\nurl = "${secure.url}"\nschema = "upstream.graphql"\n`);
  const viewers = async (config) => {
    const errand = await Server.start(["--config", config], fileURLToPath(new URL("front.graphql", import.meta.url)));
    const client = createClient({ url: `${errand.url.replace("http", "ws")}/graphql`, webSocketImpl: WebSocket, connectionParams: { token: "carol" }, retryAttempts: 0 });
    try {
      return {
        http: await (await post(`${errand.url}/graphql`, { query: "{ viewer { id } }" })).json(),
        socket: await client.iterate({ query: "{ viewer { id } }" }).next().then(({ value }) => value, (errors) => ({ errors })),
      };
    } finally {
      await client.dispose();
      await errand.stop();
    }
  };
  try {
    const trusted = await viewers(trusting);
    assert.equal(trusted.http.data.viewer.id, "u-alice");
    assert.equal(trusted.socket.data.viewer.id, "u-carol");
    const refused = await viewers(strange);
    assert.equal(refused.http.errors[0].extensions.code, "UNAVAILABLE");
    assert.equal(refused.socket.errors[0].extensions.code, "UNAVAILABLE");
  } finally {
    await secure.stop();
    await rm(folder, { recursive: true });
  }
});

test("whom the upstream knows uses jobs under its credentials, in its own tenant", async () => {
  const folder = await mkdtemp(join(tmpdir(), "errand-front-"));
  const config = join(folder, "errand.toml");
  await writeFile(config, `[upstream]\nurl = "${yoga.url}"\n[upstream.identity]\nquery = "{ viewer { id name } }"\nsubject = "viewer.id"\ntenant = "viewer.name"\n`);
  const errand = await Server.start(["--config", config], fileURLToPath(new URL("front.graphql", import.meta.url)));
  try {
    const as = async (authorization, query, variables) => (await post(`${errand.url}/graphql`, { query, variables }, { authorization })).json();
    const { data: { greet } } = await as("jwt alice", 'mutation { greet(input: { name: "Ada" }) { id } }');
    const job = "query ($id: ID!) { job(id: $id) { id } viewerless: __typename }";
    assert.equal((await as("jwt alice", job, greet)).data.job.id, greet.id);
    assert.equal((await as("jwt bob", job, greet)).data.job, null, "another tenant's");
    assert.equal((await as("nonsense", job, greet)).errors[0].extensions.code, "UNAUTHENTICATED");
    assert.equal((await as(`Bearer ${errand.tokens.acme.client}`, "{ jobs(first: 1) { nodes { id } } }")).data.jobs.nodes.length, 0);
    const client = createClient({ url: `${errand.url.replace("http", "ws")}/graphql`, webSocketImpl: WebSocket, connectionParams: { authorization: "jwt alice" }, retryAttempts: 0 });
    const { value } = await client.iterate({ query: "subscription ($id: ID!) { job(id: $id) { status } }", variables: greet }).next();
    assert.equal(value.data.job.status, "PENDING");
    await client.dispose();
  } finally {
    await errand.stop();
    await rm(folder, { recursive: true });
  }
});

test("what was passed on is counted", async () => {
  const metrics = async () => (await fetch(`${server.url}/metrics`)).text();
  const text = await poll(metrics, (now) => now.includes("errand_upstream_websockets 0")); // the last one is still closing
  assert.match(text, /errand_upstream_requests_total\{outcome="2xx"\} \d+/);
  assert.match(text, /errand_upstream_requests_total\{outcome="connect"\} 1\n/);
  assert.match(text, /errand_upstream_operations_total\{outcome="completed"\} \d+/);
});
