// A GraphQL server that takes its time and knows nothing of jobs (graphql-yoga), behind a proxy that cuts requests at 5 s: its mutation
// cannot be had directly, and can be had as a job, with Errand in front.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { connect, createServer as createTcpServer } from "node:net";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createSchema, createYoga } from "graphql-yoga";
import { Server } from "./support/server.mjs";

const CUT_MS = 5_000;
const WORK_MS = 20_000;

/** A yoga server; `calls` holds what its mutations were called with. */
async function startYoga() {
  const calls = [];
  const failures = [];
  const typeDefs = /* GraphQL */ `
    type Row { n: Int! }
    type Report { id: ID! year: Int! url(size: Int): String rows: [Row!]! }
    input ExportInput { year: Int! = 2026 ms: Int = 0 }
    type Query { hello(name: String): String! }
    type Mutation {
      "Renders the yearly report."
      exportReport(input: ExportInput!): Report!
      touch(fail: String): Boolean
    }`;
  const resolvers = {
    Query: { hello: (_, { name }) => `hello ${name}` },
    Mutation: {
      exportReport: async (_, { input }, { request }) => {
        calls.push({ input, headers: Object.fromEntries(request.headers) });
        await new Promise((resolve) => setTimeout(resolve, input.ms));
        return { id: "r1", year: input.year, url: "https://files.example/r1", rows: [{ n: 1 }, { n: 2 }] };
      },
      touch: (_, { fail }, { request }) => {
        calls.push({ touch: fail, headers: Object.fromEntries(request.headers) });
        const failure = failures.shift();
        if (failure) throw failure;
        return true;
      },
    },
  };
  const yoga = createYoga({ schema: createSchema({ typeDefs, resolvers }), logging: false, maskedErrors: false });
  const http = createServer(yoga).listen(0, "127.0.0.1");
  await once(http, "listening");
  return {
    calls, failures, url: `http://127.0.0.1:${http.address().port}/graphql`, port: http.address().port,
    async stop() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

/** A link that ends each connection CUT_MS after its last request began, as a load balancer does. */
async function startProxy(port) {
  const sockets = new Set();
  let cuts = 0;
  const server = createTcpServer((client) => {
    const target = connect(port, "127.0.0.1");
    let timer;
    const end = () => {
      clearTimeout(timer);
      client.destroy();
      target.destroy();
      sockets.delete(client);
    };
    sockets.add(client);
    client.on("data", () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        ++cuts;
        end();
      }, CUT_MS);
    });
    for (const side of [client, target]) side.on("error", end).on("close", end);
    client.pipe(target);
    target.on("data", () => clearTimeout(timer));
    target.pipe(client);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/graphql`,
    get cuts() { return cuts; },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

let folder;
let yoga;
let errand;
let toYoga;
let toErrand;

before(async () => {
  yoga = await startYoga();
  folder = await mkdtemp(join(tmpdir(), "errand-front-jobs-"));
  const toml = join(folder, "errand.toml");
  await writeFile(toml, `
[upstream]
url = "${yoga.url}"
forward_headers = ["cookie", "authorization"]
on_behalf_of = "x-on-behalf-of"
transient = ["BUSY"]
[upstream.jobs.exportReport]
job = 'queue: "reports", timeout: "5m"'
[upstream.jobs.touch]
replace = true
job = 'maxAttempts: 3, backoff: {kind: FIXED, interval: "1ms"}'
`);
  errand = await Server.start(["--config", toml], null);
  toYoga = await startProxy(yoga.port);
  toErrand = await startProxy(new URL(errand.url).port);
});

after(async () => {
  await toYoga.stop();
  await toErrand.stop();
  await errand.stop();
  await yoga.stop();
  await rm(folder, { recursive: true });
});

async function ask(url, query, variables = {}, headers = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

const token = (tenant = "acme") => ({ authorization: `Bearer ${errand.tokens[tenant].client}` });

async function data(query, variables, headers = {}) {
  const answer = await ask(toErrand.url, query, variables, { ...token(), ...headers });
  assert.equal(answer.errors, undefined, JSON.stringify(answer.errors));
  return answer.data;
}

/** Waits for the end of a job with polls that are shorter than the proxy's patience. */
async function ended(id, more = "") {
  while (true) {
    const { job } = await data(`query ($id: ID!) {
      job(id: $id, waitFor: "1s", until: [SUCCEEDED, FAILED]) { status attempt error { code message remediation } ${more} }
    }`, { id });
    if (job.status === "SUCCEEDED" || job.status === "FAILED") return job;
  }
}

test("a mutation of 20 s behind a proxy that cuts at 5 s is had as a job, and not otherwise", { timeout: 120_000 }, async () => {
  const input = { year: 2026, ms: WORK_MS };
  await assert.rejects(ask(toYoga.url, "mutation ($input: ExportInput!) { exportReport(input: $input) { id } }", { input }));
  assert.equal(toYoga.cuts, 1);

  const started = Date.now();
  const { exportReportJob: handle } = await data(
    "mutation ($input: ExportInput!) { exportReportJob(input: $input, options: {idempotencyKey: \"k1\"}) { id status } }", { input });
  const answered = Date.now() - started;
  const job = await ended(handle.id, "... on ExportReportJob { result { __typename id year url rows { n } } }");
  const took = Date.now() - started;
  assert.equal(job.status, "SUCCEEDED", JSON.stringify(job));
  assert.equal(job.attempt, 1);
  assert.deepEqual(job.result,
    { __typename: "ExportReportJobReport", id: "r1", year: 2026, url: "https://files.example/r1", rows: [{ n: 1 }, { n: 2 }] });
  assert.equal(toErrand.cuts, 0);
  assert.ok(took >= WORK_MS);
  // One by the client that was cut off, one by the job.
  assert.deepEqual(yoga.calls.filter((call) => call.input?.ms === WORK_MS).map((call) => call.input.year), [2026, 2026]);
  console.log(`# direct: cut after ${CUT_MS} ms; as a job: answered in ${answered} ms, SUCCEEDED after ${took} ms, ` +
    `${toErrand.cuts} cut`);
});

test("a job goes with the credentials of its client, an idempotency key and a trace", async () => {
  const { exportReportJob } = await data("mutation { exportReportJob(input: {}) { id } }", {}, { cookie: "session=ann" });
  assert.equal((await ended(exportReportJob.id)).status, "SUCCEEDED");
  const { headers, input } = yoga.calls.at(-1);
  assert.deepEqual(input, { year: 2026, ms: 0 });
  assert.equal(headers.cookie, "session=ann");
  assert.equal(headers["idempotency-key"], `"${exportReportJob.id}-r1"`);
  assert.equal(headers["x-on-behalf-of"], "client:acme");
  assert.match(headers.traceparent, /^00-/);
  // A token of ours is for us.
  assert.equal(headers.authorization, undefined);
});

test("its errors are another attempt or the end, as their codes say", async () => {
  const error = (message, code) => Object.assign(new Error(message), { extensions: code && { code } });
  const touch = async (...failures) => {
    yoga.failures.push(...failures);
    const answer = await data("mutation { touch { id } }");
    return ended(answer.touch.id, "... on TouchJob { result }");
  };
  assert.deepEqual(await touch(error("busy", "BUSY"), error("boom")),
    { status: "SUCCEEDED", attempt: 3, error: null, result: true });
  const forbidden = await touch(error("not yours", "FORBIDDEN"));
  assert.deepEqual([forbidden.status, forbidden.attempt, forbidden.error.code, forbidden.error.message],
    ["FAILED", 1, "FORBIDDEN", "not yours"]);
  const expired = await touch(error("log in", "UNAUTHENTICATED"));
  assert.equal(expired.attempt, 1);
  assert.match(expired.error.remediation, /Submit it again with fresh ones/);
});

test("another tenant sees nothing of it", async () => {
  const { touch } = await data("mutation { touch { id } }");
  await ended(touch.id);
  const other = await ask(errand.url + "/graphql", `{ job(id: "${touch.id}") { id } }`, {}, token("bolt"));
  assert.equal(other.data.job, null);
});

test("the schema shows the mutation and its job side by side", async () => {
  const { __type } = await data("{ __type(name: \"Mutation\") { fields { name type { name kind ofType { name } } } } }");
  const types = Object.fromEntries(__type.fields.map(({ name, type }) => [name, type.name ?? `${type.ofType.name}!`]));
  assert.equal(types.exportReport, "Report!");
  assert.equal(types.exportReportJob, "ExportReportJob");
  assert.equal(types.touch, "TouchJob");
});
