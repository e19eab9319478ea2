// Errand under npm's @graphql-tools/stitch, beside a schema that knows the accounts.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { AnsweringWorker, startErrand } from "./support.mjs";

const require = createRequire(import.meta.url);
const { execute, parse, subscribe } = require("graphql");
const { makeExecutableSchema } = require("@graphql-tools/schema");
const { stitchSchemas } = require("@graphql-tools/stitch");
const { schemaFromExecutor } = require("@graphql-tools/wrap");
const { buildHTTPExecutor } = require("@graphql-tools/executor-http");
const { buildGraphQLWSExecutor } = require("@graphql-tools/executor-graphql-ws");
const { createClient } = require("graphql-ws");
const { WebSocket } = require("ws");

let server;
let worker;
const stitched = {}; // by tenant
const closing = []; // WebSocket clients

/** The stitched schema as one tenant's gateway has it. */
async function stitch(token) {
  const overHttp = buildHTTPExecutor({
    endpoint: `${server.url}/graphql`,
    headers: { authorization: `Bearer ${token}` },
  });
  const client = createClient({
    url: `${server.url.replace("http", "ws")}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
  });
  closing.push(client);
  const overWebSocket = buildGraphQLWSExecutor(client);
  const accounts = makeExecutableSchema({
    typeDefs: `
      type Query { account(id: ID!): Account lastExport: ExportReportJob }
      type Account { id: ID! name: String! }
      type ExportReportJob { id: ID! invoice: String! }
      type Mutation { forget: Boolean }`,
    resolvers: {
      Query: { account: (_, { id }) => ({ id }), lastExport: () => ({ id: stitched.last }) },
      Account: { name: ({ id }) => `Account ${id}` },
      ExportReportJob: { invoice: ({ id }) => `invoice of ${id}` },
    },
  });
  return stitchSchemas({
    subschemas: [
      {
        schema: await schemaFromExecutor(overHttp),
        executor: (request) => (request.operationType === "subscription" ? overWebSocket(request) : overHttp(request)),
        merge: {
          ExportReportJob: { selectionSet: "{ id }", fieldName: "job", args: ({ id }) => ({ id }) },
        },
      },
      {
        schema: accounts,
        merge: { Account: { selectionSet: "{ id }", fieldName: "account", args: ({ id }) => ({ id }) } },
      },
    ],
  });
}

const run = async (tenant, source, variableValues = {}) =>
  JSON.parse(JSON.stringify(await execute({ schema: stitched[tenant], document: parse(source), variableValues, contextValue: {} })));

before(async () => {
  server = await startErrand();
  for (const tenant of ["acme", "bolt"]) stitched[tenant] = await stitch(server.tokens[tenant].client);
  worker = await AnsweringWorker.start(server, server.tokens.acme.worker, "exportReport", ({ input }) => ({
    rows: 2,
    account: { id: input.account },
  }));
});
after(async () => {
  for (const client of closing) await client.dispose();
  await worker?.stop();
  await server?.stop();
});

test("a mutation makes a job, and the account of its result comes from the other schema", async () => {
  const { data, errors } = await run("acme", `mutation {
    exportReport(input: { account: "7", year: 2026 }, options: { waitFor: "30s" }) { id status result { rows account { id name } } } }`);
  assert.equal(errors, undefined);
  assert.equal(data.exportReport.status, "SUCCEEDED");
  assert.deepEqual(data.exportReport.result, { rows: 2, account: { id: "7", name: "Account 7" } });
  stitched.last = data.exportReport.id;
});

test("a type is merged by id", async () => {
  const { data, errors } = await run("acme", "{ lastExport { id invoice status queue } }");
  assert.equal(errors, undefined);
  assert.deepEqual(data.lastExport, { id: stitched.last, invoice: `invoice of ${stitched.last}`, status: "SUCCEEDED", queue: "reports" });
});

test("another tenant sees no job", async () => {
  const { data } = await run("bolt", "query ($id: ID!) { job(id: $id) { id } lastExport { id status } jobs { nodes { id } } }", { id: stitched.last });
  assert.equal(data.job, null);
  assert.equal(data.lastExport?.status ?? null, null);
  assert.deepEqual(data.jobs.nodes, []);
});

test("errors come through with their codes", async () => {
  const { data, errors } = await run("acme", 'mutation { exportReport(input: { account: "7", year: 1 }) { id } }');
  assert.equal(data.exportReport, null);
  assert.equal(errors[0].extensions.code, "CONSTRAINT_VIOLATION");
  assert.deepEqual(errors[0].path, ["exportReport"]);
});

test("a subscription follows a job to its end", async () => {
  const { data } = await run("acme", 'mutation { exportReport(input: { account: "8", year: 2026 }) { id } }');
  const stream = await subscribe({
    schema: stitched.acme,
    document: parse("subscription ($id: ID!) { job(id: $id) { id status ... on ExportReportJob { result { account { name } } } } }"),
    variableValues: { id: data.exportReport.id },
    contextValue: {},
  });
  let last;
  for await (const result of stream) {
    assert.equal(result.errors, undefined);
    last = result.data.job;
  }
  assert.equal(last.status, "SUCCEEDED");
  assert.equal(last.result.account.name, "Account 8");
});
