// A GraphQL endpoint that answers as a test tells it to.
import { once } from "node:events";
import { createServer } from "node:http";

export const ID = "0193595e-7a00-7abc-8def-0123456789ab";

export function state(status, rest = {}) {
  return {
    __typename: "RenderJob", id: ID, type: "render", status, queue: "default", run: 1, attempt: 1, maxAttempts: 5,
    createdAt: "2026-11-23T20:15:00.000Z", startedAt: null, finishedAt: null, estimatedCompletion: null, progress: null,
    nextSteps: [], error: null, result: null, ...rest,
  };
}

export function event(sequence, name) {
  return { id: `e${sequence}`, cursor: `c${sequence}`, jobId: ID, sequence, type: `dev.errand.job.${name}`, time: "2026-11-23T20:15:00.000Z", data: {} };
}

/** One event stream, from its beginning to its end. */
class Stream {
  constructor(response, operation) {
    this.response = response;
    this.operation = operation;
    this.closed = once(response, "close");
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
  }
  next(data) {
    this.write(`event: next\nid: x\ndata: ${JSON.stringify(data.errors ? data : { data })}\n\n`);
  }
  write(text) {
    this.response.write(text);
  }
  complete() {
    this.response.end("event: complete\ndata:\n\n");
  }
  cut() {
    this.response.destroy();
  }
}

export class FakeServer {
  requests = [];
  streams = [];
  /** Gives `{status, headers, body}` or the response's JSON for a request that asks for no stream; undefined breaks the connection. */
  answer = () => ({ data: {} });
  #waiters = [];

  static async start(port = 0) {
    const server = new FakeServer();
    server.http = createServer(async (request, response) => {
      let text = "";
      for await (const piece of request.setEncoding("utf8")) text += piece;
      const operation = { ...JSON.parse(text), headers: request.headers, path: request.url };
      server.requests.push(operation);
      if (request.headers.accept === "text/event-stream" && !server.refuseStreams) {
        server.streams.push(new Stream(response, operation));
      } else {
        const answer = server.answer(operation);
        if (answer === undefined) response.destroy();
        else if ("body" in answer) response.writeHead(answer.status, answer.headers).end(answer.body);
        else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
      }
      for (const wake of server.#waiters.splice(0)) wake();
    });
    server.http.listen(port, "127.0.0.1");
    await once(server.http, "listening");
    server.url = `http://127.0.0.1:${server.http.address().port}`;
    return server;
  }

  /** Resolves with the stream of this number, from 0, once it is there. */
  async stream(number) {
    while (!this.streams[number]) await new Promise((resolve) => this.#waiters.push(resolve));
    return this.streams[number];
  }

  async stop() {
    this.http.close();
    this.http.closeAllConnections();
    await once(this.http, "close");
  }
}
