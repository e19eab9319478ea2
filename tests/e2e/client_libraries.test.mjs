// The libraries that applications use, each with a query, a mutation and a subscription: npm's graphql-sse in both
// modes, Apollo Client, urql and Relay's network layer.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { Worker } from "@errand/worker";
import { Client as UrqlClient, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient as createSseClient } from "graphql-sse";
import relay from "relay-runtime";
import { WebSocket } from "ws";
import { subscriber } from "./support/clients.mjs";
import { Server } from "./support/server.mjs";

globalThis.WebSocket ??= WebSocket; // Apollo Client's link looks at it to tell errors apart

let server;
let worker;
let running;
let headers;

before(async () => {
  server = await Server.start();
  headers = { authorization: `Bearer ${server.tokens.acme.client}` };
  worker = new Worker({ url: server.url, token: server.tokens.acme.worker, logger: { info() {}, warn() {}, error() {} } });
  worker.handle("greet", async (job) => ({ text: `Hello, ${job.input.name}!` }));
  running = worker.run();
});

after(async () => {
  await worker?.stop?.();
  await running;
  assert.deepEqual(await server.stop(), { code: 0, signal: null }, "SIGTERM ends the server well");
});

const greet = "mutation Greet($name: String!) { greet(input: { name: $name }) { id type } }";
const job = "query Job($id: ID!) { job(id: $id) { id type } }";
const events = "subscription Events($id: ID!) { jobEvents(id: $id) { sequence type } }";
const wrong = "subscription Wrong { jobEvents(nope: 1) { sequence } }";

/**
 * What every client has to do. Each function resolves to the `data` of its operation; subscribe() to those of every event,
 * once the subscription has ended.
 */
async function exercise({ mutate, query, subscribe }) {
  const handle = (await mutate(greet, { name: "Ada" })).greet;
  assert.equal(handle.type, "greet");
  assert.equal((await query(job, { id: handle.id })).job.id, handle.id);
  const seen = (await subscribe(events, { id: handle.id })).map(({ jobEvents }) => jobEvents);
  assert.deepEqual(seen.map((event) => event.sequence), seen.map((_, i) => i + 1), "every event, once, in order");
  assert.equal(seen.at(-1).type, "dev.errand.job.succeeded", "the stream ends with the job");
}

/** The data of all results of an observable, at its end. */
function collect(observable) {
  return new Promise((resolve, reject) => {
    const all = [];
    observable.subscribe({
      next: ({ data, error, errors }) => (error ?? errors ? reject(error ?? new Error(JSON.stringify(errors))) : all.push(data)),
      error: reject,
      complete: () => resolve(all),
    });
  });
}

/** As collect(), of an async iterable. */
async function collectIterable(results) {
  const all = [];
  for await (const { data, errors } of results) {
    if (errors) throw new Error(JSON.stringify(errors));
    all.push(data);
  }
  return all;
}

for (const singleConnection of [false, true]) {
  test(`graphql-sse in ${singleConnection ? "single connection" : "distinct connections"} mode`, async () => {
    // A copy: the client writes its token into the object.
    const client = createSseClient({ url: `${server.url}/graphql/stream`, singleConnection, headers: { ...headers }, retryAttempts: 0 });
    const run = (query, variables) => collectIterable(client.iterate({ query, variables }));
    const one = async (query, variables) => (await run(query, variables))[0];
    await exercise({ mutate: one, query: one, subscribe: run });
    // Several at once, over one stream or several.
    const handles = await Promise.all(["Bob", "Eve", "Kim"].map((name) => one(greet, { name })));
    for (const all of await Promise.all(handles.map(({ greet: { id } }) => run(events, { id })))) {
      assert.equal(all.at(-1).jobEvents.type, "dev.errand.job.succeeded");
    }
    await assert.rejects(run(wrong, {}));
    client.dispose();
  });
}

function apollo(link) {
  const client = new ApolloClient({ link, cache: new InMemoryCache(), defaultOptions: { query: { fetchPolicy: "no-cache" } } });
  return {
    client,
    mutate: async (mutation, variables) => (await client.mutate({ mutation: gql(mutation), variables })).data,
    query: async (query, variables) => (await client.query({ query: gql(query), variables })).data,
    subscribe: (query, variables) => collect(client.subscribe({ query: gql(query), variables })),
  };
}

test("Apollo Client over HTTP, with subscriptions in multipart", async () => {
  const types = [];
  const recorded = async (...request) => {
    const response = await fetch(...request);
    types.push(response.headers.get("content-type"));
    return response;
  };
  const { client, ...operations } = apollo(new HttpLink({ uri: `${server.url}/graphql`, headers, fetch: recorded }));
  await exercise(operations);
  assert.match(types.at(-1), /^multipart\/mixed;.*subscriptionSpec=1\.0/);
  assert.ok(types.slice(0, -1).every((type) => type.includes("json")), types.join("\n"));
  await assert.rejects(operations.subscribe(wrong, {}), /nope/);
  client.stop();
});

test("Apollo Client over WebSocket", async () => {
  const socket = subscriber(server, server.tokens.acme.client);
  const { client, ...operations } = apollo(ApolloLink.from([new GraphQLWsLink(socket)]));
  await exercise(operations);
  await assert.rejects(operations.subscribe(wrong, {}), /nope/);
  client.stop();
  await socket.dispose();
});

function urql(options) {
  const client = new UrqlClient({ url: `${server.url}/graphql`, fetchOptions: { headers }, ...options });
  const one = async (result) => {
    const { data, error } = await result;
    if (error) throw error;
    return data;
  };
  return {
    mutate: (query, variables) => one(client.mutation(query, variables).toPromise()),
    query: (query, variables) => one(client.query(query, variables).toPromise()),
    // urql tells an observer nothing of the end; the job's last event is known.
    subscribe: (query, variables) =>
      new Promise((resolve, reject) => {
        const all = [];
        const { unsubscribe } = client.subscription(query, variables).subscribe(({ data, error }) => {
          if (error) reject(error);
          all.push(data);
          if (data?.jobEvents.type !== "dev.errand.job.succeeded") return;
          setImmediate(() => unsubscribe());
          resolve(all);
        });
      }),
  };
}

test("urql over HTTP, with subscriptions as the first of its list, server-sent events", async () => {
  const types = [];
  const recorded = async (...request) => {
    const response = await fetch(...request);
    types.push(response.headers.get("content-type"));
    return response;
  };
  const operations = urql({ exchanges: [fetchExchange], fetchSubscriptions: true, fetch: recorded });
  await exercise(operations);
  assert.deepEqual(types.map((type) => type.split(";")[0]), [
    "application/graphql-response+json", "application/graphql-response+json", "text/event-stream",
  ]);
  await assert.rejects(operations.subscribe(wrong, {}), /nope/);
});

test("urql over WebSocket", async () => {
  const socket = subscriber(server, server.tokens.acme.client);
  const forward = ({ query, variables }) => ({
    subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
  });
  await exercise(urql({ exchanges: [subscriptionExchange({ forwardSubscription: forward, enableAllOperations: true })] }));
  await socket.dispose();
});

/** Relay's network layer; its compiler would write the requests. */
function relayNetwork(subscribeFunction) {
  const fetchFunction = async ({ text }, variables) => {
    const response = await fetch(`${server.url}/graphql`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json", accept: "application/graphql-response+json" },
      body: JSON.stringify({ query: text, variables }),
    });
    return response.json();
  };
  const network = relay.Network.create(fetchFunction, subscribeFunction);
  const execute = (operationKind, text, variables) =>
    network.execute({ name: text.split(/\W/)[1], operationKind, text, id: null, cacheID: text, metadata: {} }, variables, { force: true });
  return {
    mutate: async (text, variables) => (await execute("mutation", text, variables).toPromise()).data,
    query: async (text, variables) => (await execute("query", text, variables).toPromise()).data,
    subscribe: (text, variables) => collect(execute("subscription", text, variables)),
  };
}

for (const transport of ["WebSocket", "SSE"]) {
  test(`Relay's network layer, with subscriptions over ${transport}`, async () => {
    const client =
      transport === "SSE"
        ? createSseClient({ url: `${server.url}/graphql/stream`, headers, retryAttempts: 0 })
        : subscriber(server, server.tokens.acme.client);
    await exercise(
      relayNetwork(({ text }, variables) =>
        relay.Observable.create((sink) => client.subscribe({ query: text, variables }, sink))),
    );
    await client.dispose();
  });
}
