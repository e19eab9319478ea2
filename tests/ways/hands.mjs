// Takes jobs and answers for them by hand, to say what no worker would say. One kind for each way of talking: over a WebSocket, by HTTP, and as
// an endpoint with its callback tokens. Each gives held jobs: `id`, `about` (job id and token), the `message` that brought it, and
// `say(...messages)`, which gives the answers in order.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { RawWorker } from "../e2e/support/clients.mjs";

const require = createRequire(new URL("../e2e/package.json", import.meta.url));
const { WebSocket } = require("ws");

function heldBy(hands, message) {
  const held = { id: message.jobId, about: { jobId: message.jobId, token: message.token }, message };
  held.say = (...messages) => hands.say(held, ...messages);
  held.sayNonsense = (nonsense) => hands.sayNonsense(held, nonsense);
  return held;
}

class SocketHands {
  static async open(arena, types) {
    const hands = new SocketHands();
    hands.raw = new RawWorker(arena, arena.tokens.worker);
    await hands.raw.opened;
    hands.raw.send({ type: "hello", types, slots: 1_000 });
    await hands.raw.frame(({ type }) => type === "welcome");
    return hands;
  }
  async take(count) {
    this.raw.send({ type: "credits", add: count });
    const taken = (this.taken = (this.taken ?? 0) + count);
    await this.raw.frame(() => this.#jobs().length >= taken);
    return this.#jobs().slice(taken - count, taken).map((message) => heldBy(this, message));
  }
  #jobs() {
    return this.raw.frames.filter(({ type }) => type === "job");
  }
  async say(_held, ...messages) {
    const answers = () => this.raw.frames.filter(({ type }) => type === "ack" || type === "heartbeat_ack");
    const before = answers().length;
    this.raw.send(messages);
    await this.raw.frame(() => answers().length >= before + messages.length);
    return answers().slice(before);
  }
  async sayNonsense(_held, message) {
    this.raw.send(message);
    const error = await this.raw.frame(({ type }) => type === "error");
    assert.equal((await this.raw.closed).code, 4400);
    return error.message;
  }
  close() {
    this.raw.socket.terminate();
  }
  static otherVersion(arena) {
    return new Promise((resolve) => {
      const web = new WebSocket(`${arena.url.replace("http", "ws")}/worker`, "errand.worker.v9",
        { headers: { authorization: `Bearer ${arena.tokens.worker}` } });
      // That the server names none is an error to this client, which closes by itself; what the server says comes first or not at all.
      web.on("error", (error) => resolve(/subprotocol/.test(error.message) ? "4406" : error.message));
      web.on("close", (code) => resolve(String(code)));
    });
  }
}

class PollHands {
  static async open(arena, types) {
    return Object.assign(new PollHands(), { arena, types });
  }
  async take(count) {
    const jobs = [];
    while (jobs.length < count) {
      const { body } = await this.arena.post("/worker/v1/poll", { types: this.types, slots: count - jobs.length, waitMs: 1_000 },
        this.arena.tokens.worker);
      jobs.push(...body.messages);
    }
    return jobs.map((message) => heldBy(this, message));
  }
  async say(_held, ...messages) {
    const { status, body } = await this.arena.post("/worker/v1/messages", messages, this.arena.tokens.worker);
    assert.equal(status, 200, JSON.stringify(body));
    return body.messages;
  }
  async sayNonsense(_held, message) {
    const { status, body } = await this.arena.post("/worker/v1/messages", message, this.arena.tokens.worker);
    assert.deepEqual([status, body.error.code, body.error.retryable], [400, "PROTOCOL_ERROR", false]);
    return body.error.message;
  }
  close() {}
  static async otherVersion(arena) {
    return String((await arena.post("/worker/v9/poll", { types: ["version"], slots: 1 }, arena.tokens.worker)).status);
  }
}

class PushHands {
  static async open(arena, types) {
    const hands = Object.assign(new PushHands(), { arena });
    hands.path = `/${types[0]}`;
    return hands;
  }
  /** @param accept answers with 202; otherwise the request stays open. */
  async take(count, accept = true) {
    return Promise.all(Array.from({ length: count }, async () => {
      const request = await this.arena.endpoint.take(this.path);
      if (accept) request.answer(202);
      return Object.assign(heldBy(this, request.message), { breakOff: request.breakOff });
    }));
  }
  say(held, ...messages) {
    return this.arena.endpoint.post(held.message, messages);
  }
  async sayNonsense(held, message) {
    const error = await this.arena.endpoint.post(held.message, [message]).catch((reason) => reason);
    assert.match(error.message, /^400/);
    return error.message;
  }
  close() {}
}

export const handsOf = { socket: SocketHands, poll: PollHands, push: PushHands };
