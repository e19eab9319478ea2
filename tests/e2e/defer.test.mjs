// A mutation that answers at once and delivers its job's result in the same response, as today's clients read it: Apollo
// Client in both formats, urql, and graphql-ws.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ApolloClient, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { Defer20220824Handler, GraphQL17Alpha9Handler } from "@apollo/client/incremental";
import { Worker } from "@errand/worker";
import { Client as UrqlClient, fetchExchange } from "@urql/core";
import { subscriber } from "./support/clients.mjs";
import { Server } from "./support/server.mjs";

let server;
let worker;
let running;
let headers;
/** Called with what ends a job, when it has started. */
let onStart;

before(async () => {
  server = await Server.start();
  headers = { authorization: `Bearer ${server.tokens.acme.client}` };
  worker = new Worker({ url: server.url, token: server.tokens.acme.worker, logger: { info() {}, warn() {}, error() {} } });
  worker.handle("greet", async (job) => {
    await new Promise(onStart);
    return { text: `Hello, ${job.input.name}!` };
  });
  running = worker.run();
});

after(async () => {
  await worker?.stop?.();
  await running;
  assert.deepEqual(await server.stop(), { code: 0, signal: null }, "SIGTERM ends the server well");
});

const mutation = `mutation Greet($name: String!) {
  greet(input: { name: $name }) { id ... @defer { finishedAt result { text } error { code } } }
}`;

/** Lets the next job run until the returned function is called, so that its end cannot come with the first part. */
function holdNextJob() {
  const started = new Promise((resolve) => (onStart = resolve));
  return async () => (await started)();
}

/** A fetch that notes the type of each answer. */
function recorder() {
  const types = [];
  const recorded = async (...request) => {
    const response = await fetch(...request);
    types.push(response.headers.get("content-type"));
    return response;
  };
  return { types, recorded };
}

for (const [format, Handler] of [["incrementalSpec=v0.2", GraphQL17Alpha9Handler], ["deferSpec=20220824", Defer20220824Handler]]) {
  test(`Apollo Client, ${format}`, async () => {
    const { types, recorded } = recorder();
    const client = new ApolloClient({
      link: new HttpLink({ uri: `${server.url}/graphql`, headers, fetch: recorded }),
      cache: new InMemoryCache(),
      incrementalHandler: new Handler(),
    });
    const finish = holdNextJob();
    const answer = client.mutate({ mutation: gql(mutation), variables: { name: "Ada" } });
    await finish();
    const { greet } = (await answer).data;
    assert.equal(greet.result.text, "Hello, Ada!");
    assert.equal(greet.error, null);
    assert.match(types[0], /^multipart\/mixed;/);
    assert.ok(types[0].includes(format), types[0]);
    client.stop();
  });
}

test("urql", async () => {
  const { types, recorded } = recorder();
  const client = new UrqlClient({ url: `${server.url}/graphql`, fetchOptions: { headers }, exchanges: [fetchExchange], fetch: recorded });
  const finish = holdNextJob();
  const parts = [];
  await new Promise((resolve, reject) => {
    client.mutation(mutation, { name: "Eve" }).subscribe(({ data, error, hasNext }) => {
      if (error) reject(error);
      parts.push(structuredClone(data.greet));
      if (parts.length === 1) finish();
      if (!hasNext) resolve();
    });
  });
  assert.match(types[0], /^(multipart\/mixed|text\/event-stream)/, types[0]);
  assert.equal(parts[0].result, undefined, "the handle comes first");
  assert.equal(parts.at(-1).result.text, "Hello, Eve!");
});

test("graphql-ws", async () => {
  const client = subscriber(server, server.tokens.acme.client);
  const finish = holdNextJob();
  const parts = [];
  for await (const part of client.iterate({ query: mutation, variables: { name: "Kim" } })) {
    parts.push(part);
    if (parts.length === 1) await finish();
  }
  assert.equal(parts[0].data.greet.result, undefined);
  assert.equal(parts[0].hasNext, true);
  assert.equal(parts.at(-1).incremental[0].data.result.text, "Hello, Kim!");
  assert.equal(parts.at(-1).hasNext, false);
  await client.dispose();
});
