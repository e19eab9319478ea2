// The clients: curl for GraphQL over HTTP, npm's graphql-ws for subscriptions, a raw worker connection.
import { execFile } from "node:child_process";
import { inspect, promisify } from "node:util";
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";

const run = promisify(execFile);

/** Sends a request by curl. Gives status, headers (lower case) and body. */
export async function curl(url, args = [], body = "") {
  const running = run("curl", ["-sS", "-i", "--max-time", "60", ...args, url], { maxBuffer: 1 << 26 });
  running.child.stdin.on("error", () => {}); // curl may leave it unread
  running.child.stdin.end(body);
  const { stdout } = await running;
  // An interim 100 Continue has a head of its own.
  const parts = stdout.split("\r\n\r\n");
  while (/^HTTP\/1\.1 100/.test(parts[0])) parts.shift();
  const [start, ...fields] = parts.shift().split("\r\n");
  const headers = Object.fromEntries(
    fields.map((field) => {
      const colon = field.indexOf(":");
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
    }),
  );
  return { status: Number(start.split(" ")[1]), headers, body: parts.join("\r\n\r\n") };
}

/** A GraphQL request by curl. */
export async function graphql(server, token, query, variables = {}, headers = {}) {
  const response = await curl(`${server.url}/graphql`, [
    "-H", "Content-Type: application/json",
    "-H", "Accept: application/graphql-response+json",
    ...(token ? ["-H", `Authorization: Bearer ${token}`] : []),
    ...Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
    "--data-binary", "@-",
  ], JSON.stringify({ query, variables }));
  return { ...response, json: JSON.parse(response.body) };
}

/** As graphql(), for requests that have to succeed. */
export async function data(server, token, query, variables = {}, headers = {}) {
  const { json } = await graphql(server, token, query, variables, headers);
  if (json.errors) throw new Error(JSON.stringify(json.errors));
  return json.data;
}

/** npm's graphql-ws client; dispose() it. */
export function subscriber(server, token, options = {}) {
  return createClient({
    url: `${server.url.replace("http", "ws")}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
    ...options,
  });
}

/** Asks again until `done(value)`. @throws after `limitMs`, with what was there last */
export async function poll(ask, done, limitMs = 120_000) {
  const end = Date.now() + limitMs;
  while (true) {
    const value = await ask();
    if (done(value)) return value;
    if (Date.now() > end) throw new Error(`did not come within ${limitMs} ms; there was ${inspect(value, { depth: 6 }).slice(0, 2_000)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A worker connection without the SDK, to see the frames themselves. */
export class RawWorker {
  constructor(server, token) {
    this.frames = [];
    this.waiting = [];
    this.socket = new WebSocket(`${server.url.replace("http", "ws")}/worker`, "errand.worker.v1", {
      headers: { authorization: `Bearer ${token}` },
    });
    this.socket.on("message", (bytes) => {
      const parsed = JSON.parse(bytes.toString());
      for (const frame of Array.isArray(parsed) ? parsed : [parsed]) {
        this.frames.push(frame);
        this.waiting = this.waiting.filter(({ match, resolve }) => {
          if (!match(frame)) return true;
          resolve(frame);
          return false;
        });
      }
    });
    this.opened = new Promise((resolve, reject) => {
      this.socket.once("open", resolve);
      this.socket.once("error", reject);
    });
    this.closed = new Promise((resolve) => this.socket.once("close", (code, reason) => resolve({ code, reason: String(reason) })));
  }
  send(frame) {
    this.socket.send(JSON.stringify(frame));
  }
  /** The first frame that fits, also of those that have come already. */
  frame(match) {
    const known = this.frames.find(match);
    if (known) return Promise.resolve(known);
    return new Promise((resolve) => this.waiting.push({ match, resolve }));
  }
}

/**
 * A worker that answers every job of `types`, as long as its connection lasts. `answer(job)` gives the reports of a job, each a frame without
 * ref, jobId and token.
 */
export async function answeringWorker(server, token, types, answer) {
  const raw = new RawWorker(server, token);
  await raw.opened;
  raw.send({ type: "hello", types, slots: 50 });
  await raw.frame(({ type }) => type === "welcome");
  raw.send({ type: "credits", add: 50 });
  raw.socket.on("message", (bytes) => {
    for (const frame of [JSON.parse(bytes.toString())].flat()) {
      if (frame.type !== "job") continue;
      const reports = [answer(frame)].flat().map((report, i) => ({ ref: `${frame.jobId}.${i}`, jobId: frame.jobId, token: frame.token, ...report }));
      raw.send([...reports, { type: "credits", add: 1 }]);
    }
  });
  return raw;
}
