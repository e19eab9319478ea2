// One JavaScript contender of ./dev bench graphql: `node contender.mjs NAME`. Answers request bodies from memory.
//
// The protocol, which contender.cpp speaks too, is lines on standard input, each answered by one line:
//   answer NAME       the response to the request in NAME.json
//   run NAME SECONDS  "<requests> <seconds>": answers NAME.json again and again for that long, in seconds of this process's
//                     processor time
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const file = (name) => readFileSync(new URL(name, import.meta.url));
const sdl = file("schema.graphql").toString();
const data = JSON.parse(file("data.json"));
// Root fields answer with their member of the prepared data; the fields below take the member of their name, which is what
// a resolver that is not there does.
const root = { job: data.job, exportReport: data.exportReport };

const parameters = (body) => JSON.parse(body.toString());
const bytes = (response) => Buffer.from(JSON.stringify(response));
const valid = (faults) => {
  if (faults.length > 0) throw faults[0];
};

async function compiled(customJSONSerializer) {
  const { buildSchema, parse, validate } = await import("graphql");
  const { compileQuery } = await import("graphql-jit");
  const schema = buildSchema(sdl);
  const queries = new Map();
  return (body) => {
    const { query, variables, operationName } = parameters(body);
    let known = queries.get(query);
    if (known === undefined) {
      const document = parse(query);
      valid(validate(schema, document));
      known = compileQuery(schema, document, operationName, { customJSONSerializer });
      if (known.query === undefined) known = compileQuery(schema, document, operationName);
      queries.set(query, known);
    }
    return Buffer.from(known.stringify(known.query(root, {}, variables)));
  };
}

// Each gives a function from the bytes of a request to those of its response, or a promise of it.
const contenders = {
  // Parses, validates and executes, as graphql() does, but without making a promise of an answer that is there.
  async "graphql-17-cold"() {
    const { buildSchema, execute, parse, validate } = await import("graphql-17");
    const schema = buildSchema(sdl);
    return (body) => {
      const { query, variables, operationName } = parameters(body);
      const document = parse(query);
      valid(validate(schema, document));
      return bytes(execute({ schema, document, rootValue: root, variableValues: variables, operationName }));
    };
  },

  async "graphql-17-cached"() {
    const { buildSchema, execute, parse, validate } = await import("graphql-17");
    const schema = buildSchema(sdl);
    const documents = new Map();
    return (body) => {
      const { query, variables, operationName } = parameters(body);
      let document = documents.get(query);
      if (document === undefined) {
        document = parse(query);
        valid(validate(schema, document));
        documents.set(query, document);
      }
      return bytes(execute({ schema, document, rootValue: root, variableValues: variables, operationName }));
    };
  },

  "graphql-jit": () => compiled(false),

  // With the writer of responses that graphql-jit compiles for a query; it has none for one with custom scalars, which is
  // written by JSON.stringify then.
  "graphql-jit-writer": () => compiled(true),

  async mercurius() {
    const { default: fastify } = await import("fastify");
    const { default: mercurius } = await import("mercurius");
    const app = fastify();
    app.register(mercurius, { schema: sdl, resolvers: {}, jit: 1 });
    await app.ready();
    app.graphql.defineResolvers({
      Query: { job: () => root.job },
      Mutation: { exportReport: () => root.exportReport },
      Job: { resolveType: (value) => value.__typename },
      Node: { resolveType: (value) => value.__typename },
    });
    return async (body) => {
      const { query, variables, operationName } = parameters(body);
      return bytes(await app.graphql(query, {}, variables, operationName));
    };
  },
};

const answer = await contenders[process.argv[2]]();
const bodies = { mutation: file("mutation.json"), query: file("query.json") };

const cpuSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

async function run(body, seconds) {
  const begin = cpuSeconds();
  let count = 0;
  let used = 0;
  do {
    for (let i = 0; i < 64; ++i) {
      const response = answer(body);
      if (response instanceof Promise) await response;
    }
    count += 64;
    used = cpuSeconds() - begin;
  } while (used < seconds);
  return `${count} ${used}`;
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command, name, seconds] = line.split(" ");
  const body = bodies[name];
  console.log(command === "answer" ? (await answer(body)).toString() : await run(body, Number(seconds)));
}
process.exit(0);
