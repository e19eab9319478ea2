// node yoga.mjs: a graphql-yoga server; prints its URL.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(fileURLToPath(new URL("../../tests/e2e/package.json", import.meta.url)));
const { createSchema, createYoga } = require("graphql-yoga");

const products = Array.from({ length: 50 }, (_, i) => ({ id: String(i), name: `Product ${i}`, price: i * 1.5, tags: ["a", "b"] }));
const yoga = createYoga({
  logging: false,
  schema: createSchema({
    typeDefs: "type Query { hello: String products(first: Int!): [Product!]! } type Product { id: ID! name: String! price: Float! tags: [String!]! }",
    resolvers: { Query: { hello: () => "world", products: (_, { first }) => products.slice(0, first) } },
  }),
});
const server = createServer(yoga);
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/graphql`));
process.on("SIGTERM", () => process.exit(0));
