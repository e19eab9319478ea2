// The way by HTTP, alone in a process: what the first request of one meets is what this is about.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { Fallback } from "../dist/fallback.js";

test("a first request whose connection breaks at once is made again after the interval", async (t) => {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    if (connections === 1) return socket.destroy();
    const body = JSON.stringify({ messages: [{ type: "heartbeat_ack", jobs: [] }] });
    socket.on("error", () => {});
    socket.once("data", () => socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const failures = [];
  let fallback;
  const answer = new Promise((resolve) => {
    fallback = new Fallback(new URL(`http://127.0.0.1:${server.address().port}/worker/v1/messages`), "ert_test", { interval: 5, longest: 20 }, {
      pending: () => [{ type: "heartbeat", jobs: [] }],
      urgent: () => false,
      onMessage: resolve,
      onFailure: (why) => failures.push(why),
    });
  });
  t.after(() => {
    fallback.stop();
    server.close();
  });
  fallback.start();
  assert.equal((await answer).type, "heartbeat_ack");
  assert.equal(failures.length, 1);
  assert.doesNotMatch(failures[0], /no answer within|timeout/, "it waited for its time limit");
});
