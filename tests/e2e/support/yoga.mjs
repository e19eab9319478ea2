// An existing GraphQL server, npm's graphql-yoga with graphql-ws beside it, that knows nothing of Errand.
import { EventEmitter, once } from "node:events";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { useDeferStream } from "@graphql-yoga/plugin-defer-stream";
import { useServer } from "graphql-ws/lib/use/ws";
import { createGraphQLError, createSchema, createYoga } from "graphql-yoga";
import { WebSocketServer } from "ws";

const typeDefs = `
  scalar File
  type Query { viewer: Viewer boom: Int echo(text: String!): String slow: Slow large(bytes: Int!): String headers: [String!]! hang: Int }
  type Viewer { id: ID! name: String! }
  type Slow { quick: String late: String }
  type Mutation { rename(name: String!): Viewer upload(file: File!): String count: Int }
  type Subscription { ticks(to: Int!): Int forever: Int denied: Int }
`;

export class Yoga {
  /**
   * @param port  0: any
   * @param tls  {key, cert}, where it serves HTTPS
   */
  static async start(port = 0, tls = undefined) {
    const yoga = new Yoga();
    yoga.tls = tls;
    await yoga.run(port);
    return yoga;
  }

  async run(port) {
    this.counted = 0;
    this.open = 0; // subscriptions to `forever`
    this.hanging = 0;
    this.events = new EventEmitter();
    this.sockets = 0;
    const schema = createSchema({ typeDefs, resolvers: this.resolvers() });
    const handler = createYoga({
      schema,
      batching: true,
      logging: false,
      cors: { origin: "https://app.example", credentials: true },
      plugins: [useDeferStream()],
      context: ({ request }) => ({ user: /^jwt (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1], headers: request.headers }),
    });
    this.server = this.tls ? createSecureServer(this.tls, handler) : createServer(handler);
    const sockets = new WebSocketServer({ server: this.server, path: "/graphql" });
    sockets.on("connection", () => ++this.sockets);
    useServer({
      schema,
      onConnect: (context) => context.connectionParams?.token !== "refused",
      context: (context) => ({
        user: context.connectionParams?.token,
        headers: new Headers({ cookie: context.extra.request.headers.cookie ?? "" }),
      }),
    }, sockets);
    this.server.listen(port, "127.0.0.1");
    await once(this.server, "listening");
    this.port = this.server.address().port;
    this.url = `${this.tls ? "https" : "http"}://127.0.0.1:${this.port}/graphql`;
    this.webSocketServer = sockets;
  }

  resolvers() {
    const viewer = (_, _arguments, { user }) => (user ? { id: `u-${user}`, name: user } : null);
    const yoga = this;
    const count = async function* (to) {
      for (let i = 1; i <= to; ++i) yield i;
    };
    return {
      Query: {
        viewer,
        boom: () => {
          throw createGraphQLError("it went boom", { extensions: { code: "BOOM", http: { status: 418 } } });
        },
        echo: (_, { text }) => text,
        slow: () => ({ quick: "now", late: () => once(yoga.events, "late").then(() => "later") }),
        large: (_, { bytes }) => "0123456789abcdef".repeat(bytes / 16),
        headers: (_, _arguments, { headers }) => [...headers].map(([name, value]) => `${name}: ${value}`),
        hang: () => {
          ++yoga.hanging;
          yoga.events.emit("hanging");
          return new Promise(() => {});
        },
      },
      Mutation: {
        rename: (_, { name }, context) => ({ ...viewer(_, {}, context), name }),
        upload: async (_, { file }) => `${file.name} ${file.type} ${Buffer.from(await file.arrayBuffer()).toString("hex")}`,
        count: () => ++yoga.counted,
      },
      Subscription: {
        ticks: { subscribe: (_, { to }) => count(to), resolve: (i) => i },
        forever: {
          // An event source of its own, so that its end is seen when the client's is.
          subscribe: () => {
            ++yoga.open;
            let first = true;
            let end;
            const ended = new Promise((resolve) => (end = resolve));
            return {
              [Symbol.asyncIterator]() {
                return this;
              },
              next: () => (first ? ((first = false), Promise.resolve({ value: 1, done: false })) : ended),
              return() {
                --yoga.open;
                yoga.events.emit("closed");
                end({ value: undefined, done: true });
                return Promise.resolve({ value: undefined, done: true });
              },
            };
          },
          resolve: (i) => i,
        },
        denied: {
          subscribe: () => {
            throw createGraphQLError("not for you", { extensions: { code: "DENIED" } });
          },
        },
      },
    };
  }

  /** Returns when no subscription is open any more. */
  async allClosed() {
    while (this.open > 0) await once(this.events, "closed");
  }

  /** Cuts all connections, as a server that dies does. */
  async stop() {
    for (const socket of this.webSocketServer.clients) socket.terminate();
    const closed = once(this.server, "close");
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }
}
