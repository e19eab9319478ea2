// The other subgraphs, a gateway over them and Errand, and a worker for Errand's jobs.
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { RawWorker } from "../e2e/support/clients.mjs";
import { Server } from "../e2e/support/server.mjs";

// By require: these packages are CommonJS, and all of them must meet the same graphql.
const require = createRequire(import.meta.url);
const { getOperationAST, parse, validate } = require("graphql");
const { composeServices } = require("@apollo/composition");
const { buildSubgraphSchema } = require("@apollo/subgraph");
const { ApolloGateway, LocalGraphQLDataSource, RemoteGraphQLDataSource } = require("@apollo/gateway");

export const schemaFile = fileURLToPath(new URL("subgraph.graphql", import.meta.url));

export const startErrand = (more = []) => Server.start(more, schemaFile);

/** A GraphQL request to Errand itself. */
export async function ask(server, token, query, variables = {}) {
  const response = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

/** The SDL that Errand gives for composition. */
export async function subgraphSdl(server) {
  const { data, errors } = await ask(server, server.tokens.acme.client, "{ _service { sdl } }");
  if (errors) throw new Error(JSON.stringify(errors));
  return data._service.sdl;
}

/** Knows the accounts that reports are of, and adds an invoice to one type of job. */
export const accountsSdl = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])
  type Query { account(id: ID!): Account }
  type Account @key(fields: "id") { id: ID! name: String! lastExport: ExportReportJob }
  type ExportReportJob @key(fields: "id") { id: ID! invoice: String! }
`;

/** Adds notes to every job, whatever its type. */
export const notesSdl = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@interfaceObject"])
  type Query { noted(id: ID!): Job }
  type Job @key(fields: "id") @interfaceObject { id: ID! note: String! }
`;

/** @param lastExport  id of the job that accounts.lastExport refers to */
export function localSubgraphs(lastExport = () => null) {
  return {
    accounts: buildSubgraphSchema({
      typeDefs: parse(accountsSdl),
      resolvers: {
        Query: { account: (_, { id }) => ({ id }) },
        Account: {
          __resolveReference: ({ id }) => ({ id }),
          name: ({ id }) => `Account ${id}`,
          lastExport: () => lastExport() && { id: lastExport() },
        },
        ExportReportJob: { __resolveReference: ({ id }) => ({ id }), invoice: ({ id }) => `invoice of ${id}` },
      },
    }),
    notes: buildSubgraphSchema({
      typeDefs: parse(notesSdl),
      resolvers: {
        Query: { noted: (_, { id }) => ({ id }) },
        Job: { __resolveReference: ({ id }) => ({ id }), note: ({ id }) => `note on ${id}` },
      },
    }),
  };
}

/** Composes SDL by name; the result of @apollo/composition. */
export const compose = (subgraphs) =>
  composeServices(Object.entries(subgraphs).map(([name, sdl]) => ({ name, url: `http://${name}.invalid`, typeDefs: parse(sdl) })));

/** Forwards who asks. */
class ForwardingDataSource extends RemoteGraphQLDataSource {
  willSendRequest({ request, context }) {
    if (context.authorization) request.http.headers.set("authorization", context.authorization);
  }
}

export class Gateway {
  static async start(server, lastExport) {
    const composed = compose({ errand: await subgraphSdl(server), accounts: accountsSdl, notes: notesSdl });
    if (composed.errors) throw new Error(composed.errors.map(String).join("\n"));
    const local = localSubgraphs(lastExport);
    const gateway = new Gateway();
    const quiet = { debug() {}, info() {}, warn() {}, error() {} };
    gateway.inner = new ApolloGateway({
      supergraphSdl: composed.supergraphSdl,
      logger: quiet,
      buildService: ({ name }) =>
        name === "errand"
          ? new ForwardingDataSource({ url: `${server.url}/graphql` })
          : new LocalGraphQLDataSource(local[name]),
    });
    const { schema, executor } = await gateway.inner.load();
    gateway.schema = schema;
    gateway.execute = async (query, variables, token) => {
      const document = parse(query);
      const faults = validate(schema, document);
      if (faults.length > 0) throw faults[0];
      return executor({
        request: { query, variables, http: { headers: new Map() } },
        document,
        source: query,
        queryHash: query,
        operation: getOperationAST(document),
        operationName: null,
        schema,
        schemaHash: "",
        logger: quiet,
        metrics: {},
        cache: new Map(),
        context: { authorization: token && `Bearer ${token}` },
      });
    };
    return gateway;
  }

  stop() {
    return this.inner.stop();
  }
}

/** Answers each job of `type` with `result(arguments)` until stop(). */
export class AnsweringWorker {
  static async start(server, token, type, result) {
    const worker = new AnsweringWorker();
    worker.raw = new RawWorker(server, token);
    await worker.raw.opened;
    worker.raw.socket.on("message", (bytes) => {
      for (const frame of [JSON.parse(bytes.toString())].flat()) {
        if (frame.type !== "job") continue;
        worker.raw.send({ type: "complete", ref: frame.jobId, jobId: frame.jobId, token: frame.token, result: result(frame.arguments) });
        worker.raw.send({ type: "credits", add: 1 });
      }
    });
    worker.raw.send({ type: "hello", types: [type], slots: 4 });
    await worker.raw.frame((frame) => frame.type === "welcome");
    worker.raw.send({ type: "credits", add: 4 });
    return worker;
  }

  async stop() {
    this.raw.socket.close();
    await this.raw.closed;
  }
}
