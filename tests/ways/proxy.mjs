// A link between worker and server that loses what it is told to: a TCP proxy on loopback that understands just enough of WebSocket to
// let single messages through, keep them back, drop them or change them. Everything else passes byte by byte.
import { createServer, connect } from "node:net";

const HEAD_END = Buffer.from("\r\n\r\n");

/** Frames of one direction of a WebSocket, as they lie in the stream. Nothing here is packed: no extension is let through. */
class FrameReader {
  #bytes = Buffer.alloc(0);

  /** @return the frames that are whole now: `raw` as it came, `text` for a text message that came in one frame. */
  *read(chunk) {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    for (;;) {
      const bytes = this.#bytes;
      if (bytes.length < 2) return;
      let at = 2;
      let length = bytes[1] & 0x7f;
      if (length === 126) {
        if (bytes.length < 4) return;
        length = bytes.readUInt16BE(2);
        at = 4;
      } else if (length === 127) {
        if (bytes.length < 10) return;
        length = Number(bytes.readBigUInt64BE(2));
        at = 10;
      }
      const masked = (bytes[1] & 0x80) !== 0;
      const mask = masked ? bytes.subarray(at, at + 4) : undefined;
      if (masked) at += 4;
      if (bytes.length < at + length) return;
      const raw = bytes.subarray(0, at + length);
      this.#bytes = bytes.subarray(at + length);
      const whole = (raw[0] & 0x80) !== 0 && (raw[0] & 0x0f) === 1;
      yield { raw, text: whole ? unmasked(raw.subarray(at), mask).toString() : undefined };
    }
  }
}

/** Bodies of one direction of a plain HTTP connection. Nobody here sends one in chunks. */
class BodyReader {
  #bytes = Buffer.alloc(0);

  /** @return the texts of the bodies that are whole now */
  *read(chunk) {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    for (;;) {
      const head = this.#bytes.indexOf(HEAD_END);
      if (head < 0) return;
      const begin = head + HEAD_END.length;
      const length = Number(this.#bytes.subarray(0, begin).toString("latin1").match(/^content-length: *(\d+)/im)?.[1] ?? 0);
      if (this.#bytes.length < begin + length) return;
      const body = this.#bytes.subarray(begin, begin + length);
      this.#bytes = this.#bytes.subarray(begin + length);
      if (length > 0) yield body.toString();
    }
  }
}

function unmasked(payload, mask) {
  if (!mask) return payload;
  const clear = Buffer.from(payload);
  for (let i = 0; i < clear.length; i += 1) clear[i] ^= mask[i & 3];
  return clear;
}

/** A text message as a server sends it, or as a client does: with a mask, which may be zero. */
function frame(text, masked) {
  const payload = Buffer.from(text);
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65536 ? 4 : 10);
  head[0] = 0x81;
  head[1] = head.length === 2 ? length : head.length === 4 ? 126 : 127;
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  if (masked) head[1] |= 0x80;
  return Buffer.concat([head, Buffer.alloc(masked ? 4 : 0), payload]);
}

/**
 * One worker's link. Directions are "up" (to the server) and "down". `rule(direction, text, link)` sees each WebSocket message, and each piece of
 * a plain HTTP exchange, before it goes on, and says what becomes of it: "drop" loses it (a plain HTTP connection is cut instead, as
 * there is nothing in between), an array of texts goes in its place (WebSockets only), all else lets it pass. `watch(direction, text, connection)`
 * sees what the rule does not touch, each whole: the messages of a WebSocket, and the bodies of HTTP; `connection` is the same object for all of one.
 */
export class Link {
  #sockets = new Set();
  #settling = new Set();
  #held = { up: undefined, down: undefined };

  static async open(server) {
    const link = new Link();
    link.target = Number(new URL(server.url).port);
    link.rule = () => "pass";
    link.head = (direction, text) => text;
    link.watch = undefined;
    /**
     * Where the worker's side of a connection is gone: resolves when the server's side may go as well. So one who counts learns the answers to all
     * that the worker had said.
     */
    link.settled = undefined;
    /** What new connections are told: "open", "closed" (cut at once), or "http" (WebSockets are cut, the rest passes). */
    link.gate = "open";
    link.listener = createServer((socket) => link.#accept(socket));
    await new Promise((resolve) => link.listener.listen(0, "127.0.0.1", resolve));
    link.url = `http://127.0.0.1:${link.listener.address().port}`;
    return link;
  }

  #accept(worker) {
    if (this.gate === "closed") return worker.destroy();
    const server = connect(this.target, "127.0.0.1");
    const pair = { worker, server };
    this.#sockets.add(pair);
    const end = () => {
      worker.destroy();
      server.destroy();
      this.#sockets.delete(pair);
    };
    pair.end = () => {
      worker.destroy();
      if (!this.settled || server.destroyed) return end();
      if (pair.settling) return;
      pair.settling = this.settled(pair).then(end).finally(() => this.#settling.delete(pair.settling));
      this.#settling.add(pair.settling);
    };
    for (const [from, to, direction] of [[worker, server, "up"], [server, worker, "down"]]) {
      to.setNoDelay(true);
      from.on("error", from === worker ? pair.end : end);
      from.on("close", from === worker ? pair.end : end);
      from.on("data", (chunk) => this.#pass(pair, direction, chunk, (bytes) => this.#write(direction, to, bytes), end));
    }
  }

  #pass(pair, direction, chunk, write, end) {
    if (!pair.head) {
      pair.head = {};
      pair.bodies = {};
      pair.webSocket = chunk.includes("GET /worker ");
      if (pair.webSocket) pair.up = pair.down = Buffer.alloc(0);
    }
    if (pair.webSocket && this.gate === "http") return end();
    if (pair.webSocket) return this.#passWebSocket(pair, direction, chunk, write, end);
    if (direction === "up") chunk = Buffer.from(chunk.toString("latin1").replace(/^accept-encoding:.*\r\n/im, ""), "latin1");
    const verdict = this.rule(direction, chunk.toString(), this);
    if (verdict === "drop") return end();
    if (this.watch) for (const text of (pair.bodies[direction] ??= new BodyReader()).read(chunk)) this.watch(direction, text, pair);
    write(chunk);
  }

  #passWebSocket(pair, direction, chunk, write, end) {
    if (!pair.head[direction]) {
      pair[direction] = Buffer.concat([pair[direction], chunk]);
      const at = pair[direction].indexOf(HEAD_END);
      if (at < 0) return;
      let head = pair[direction].subarray(0, at + 4).toString("latin1");
      if (direction === "up") head = head.replace(/^sec-websocket-extensions:.*\r\n/im, "");
      write(Buffer.from(this.head(direction, head), "latin1"));
      chunk = pair[direction].subarray(at + 4);
      pair.head[direction] = new FrameReader();
    }
    for (const { raw, text } of pair.head[direction].read(chunk)) {
      const verdict = text === undefined ? "pass" : this.rule(direction, text, this);
      if (pair.server.destroyed) return;
      if (verdict === "drop") continue;
      if (Array.isArray(verdict)) for (const each of verdict) write(frame(each, direction === "up"));
      else {
        if (text !== undefined) this.watch?.(direction, text, pair);
        write(raw);
      }
    }
  }

  #write(direction, to, bytes) {
    const held = this.#held[direction];
    if (held) held.push([to, bytes]);
    else if (!to.destroyed) to.write(bytes);
  }

  /** From now on nothing gets through in these directions, and nothing is lost either. */
  hold(...directions) {
    for (const direction of directions) this.#held[direction] ??= [];
  }

  /** What was kept back goes on, in order. */
  release(...directions) {
    for (const direction of directions) {
      const held = this.#held[direction] ?? [];
      this.#held[direction] = undefined;
      for (const [to, bytes] of held) if (!to.destroyed) to.write(bytes);
    }
  }

  /** Every connection breaks, and what was kept back is lost. */
  cut() {
    for (const direction of ["up", "down"]) if (this.#held[direction]) this.#held[direction] = [];
    for (const pair of this.#sockets) pair.end();
  }

  /** Resolves with the first message from now on that fits. Looks only; `rule` is in force as before. */
  seen(direction, match) {
    return new Promise((resolve) => {
      const before = this.rule;
      const watch = (way, text, link) => {
        if (way === direction && match.test(text)) {
          if (this.rule === watch) this.rule = before;
          resolve(text);
        }
        return before(way, text, link);
      };
      this.rule = watch;
    });
  }

  async close() {
    this.cut();
    this.listener.close();
    await Promise.all(this.#settling);
  }
}

/** Matches a message of this type wherever it stands in a text, with or without spaces. */
export const ofType = (type) => new RegExp(`"type"\\s*:\\s*"${type}"`);

/** Whether a message, or one of several, is a heartbeat for jobs: an empty one is only a greeting. */
export const isHeartbeat = (text) => /"type"\s*:\s*"heartbeat"/.test(text) && /"jobs"\s*:\s*\[\s*\{/.test(text);

/** A WebSocket's message without its heartbeats for jobs. */
export function withoutHeartbeats(text) {
  const rest = [JSON.parse(text)].flat().filter((message) => !isHeartbeat(JSON.stringify(message)));
  return rest.length > 0 ? [JSON.stringify(rest)] : "drop";
}
