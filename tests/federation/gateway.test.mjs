// Errand behind npm's @apollo/gateway, beside two subgraphs that npm's @apollo/subgraph serves.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AnsweringWorker, Gateway, startErrand } from "./support.mjs";

let server;
let gateway;
let worker;
let acme;
let bolt;
let exported; // the job that the accounts subgraph refers to
const submit = `mutation ($account: ID!, $year: Int = 2026, $options: JobOptions) {
  exportReport(input: { account: $account, year: $year }, options: $options) {
    __typename id status invoice note result { rows account { id name } } } }`;

before(async () => {
  server = await startErrand();
  acme = server.tokens.acme.client;
  bolt = server.tokens.bolt.client;
  gateway = await Gateway.start(server, () => exported);
  worker = await AnsweringWorker.start(server, server.tokens.acme.worker, "exportReport", ({ input }) => ({
    rows: 3,
    account: { id: input.account },
  }));
});
after(async () => {
  await worker?.stop();
  await gateway?.stop();
  await server?.stop();
});

test("a mutation through the gateway makes a job, and other subgraphs complete its result", async () => {
  const { data, errors } = await gateway.execute(submit, { account: "7", options: { waitFor: "30s" } }, acme);
  assert.equal(errors, undefined);
  const job = data.exportReport;
  assert.equal(job.__typename, "ExportReportJob");
  assert.equal(job.status, "SUCCEEDED");
  assert.deepEqual(JSON.parse(JSON.stringify(job.result)), { rows: 3, account: { id: "7", name: "Account 7" } });
  assert.equal(job.invoice, `invoice of ${job.id}`);
  assert.equal(job.note, `note on ${job.id}`);
  exported = job.id;
});

test("a query of another subgraph reaches a job by its id", async () => {
  const { data, errors } = await gateway.execute(
    "{ account(id: 9) { name lastExport { id status type result { rows } } } }", {}, acme);
  assert.equal(errors, undefined);
  assert.equal(data.account.name, "Account 9");
  assert.deepEqual({ ...data.account.lastExport, result: { ...data.account.lastExport.result } },
    { id: exported, status: "SUCCEEDED", type: "exportReport", result: { rows: 3 } });
});

test("a job comes by its interface from a subgraph that knows no job types", async () => {
  const { data, errors } = await gateway.execute(
    "query ($id: ID!) { noted(id: $id) { __typename note queue ... on ExportReportJob { result { rows } } } }",
    { id: exported }, acme);
  assert.equal(errors, undefined);
  assert.equal(data.noted.__typename, "ExportReportJob");
  assert.equal(data.noted.queue, "reports");
  assert.equal(data.noted.note, `note on ${exported}`);
  assert.equal(data.noted.result.rows, 3);
});

test("a list of jobs has fields of all subgraphs", async () => {
  const { data, errors } = await gateway.execute(
    "{ jobs { nodes { id note ... on ExportReportJob { invoice } } pageInfo { hasNextPage } } }", {}, acme);
  assert.equal(errors, undefined);
  assert.ok(data.jobs.nodes.length > 0);
  for (const job of data.jobs.nodes) assert.deepEqual([job.note, job.invoice], [`note on ${job.id}`, `invoice of ${job.id}`]);
});

test("the caller's token decides: another tenant's job is as one that is not there", async () => {
  const query = "query ($id: ID!) { job(id: $id) { id } noted(id: $id) { id queue } account(id: 1) { lastExport { id status } } }";
  const theirs = await gateway.execute(query, { id: exported }, bolt);
  assert.equal(theirs.data.job, null);
  const mine = exported;
  exported = "018f0000-0000-7000-8000-000000000000";
  const none = await gateway.execute(query, { id: exported }, bolt);
  assert.equal(JSON.stringify(theirs).replaceAll(mine, exported), JSON.stringify(none));
  exported = mine;
});

test("errors come through with their codes", async () => {
  const early = await gateway.execute(submit, { account: "7", year: 1999 }, acme);
  assert.equal(early.errors.length, 1);
  assert.equal(early.errors[0].extensions.code, "CONSTRAINT_VIOLATION");
  assert.equal(early.errors[0].extensions.serviceName, "errand");
  assert.equal(early.data?.exportReport ?? null, null);
  const unknown = await gateway.execute('mutation { cancelJob(id: "x") { id } }', {}, acme);
  assert.equal(unknown.errors[0].extensions.code, "NOT_FOUND");
  const nobody = await gateway.execute("{ jobs { nodes { id } } }", {}, null);
  assert.equal(nobody.errors[0].extensions.code, "UNAUTHENTICATED");
});
