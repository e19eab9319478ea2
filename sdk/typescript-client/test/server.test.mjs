// The client beside the built server, which is restarted and killed under it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createClient, ErrandError, JobCanceled, JobFailed, NetworkError, RequestError, WaitTimeout } from "../dist/index.js";
import { createClient as createSocket } from "graphql-ws";
import { WebSocket } from "ws";
import { startServer, startWorker } from "./support.mjs";

let server;
let worker;
let errand;

before(async () => {
  server = await startServer();
  worker = startWorker(server);
  errand = createClient({ url: server.url, token: server.clientToken, retry: { first: 20, longest: 200 } });
});

after(async () => {
  await worker?.stop();
  await server?.stop();
});

const render = /* GraphQL */ `
  mutation Render($input: RenderInput!, $parts: Boolean = false) {
    render(input: $input) { ...Rendering }
  }
  fragment Rendering on RenderJob { queue result { url format pieces: parts @include(if: $parts) { title } } }
`;

test("submits by a document, and waits for what that selects", async () => {
  const handle = await errand.submit(render, { input: { pages: 2, format: "HTML" }, parts: true });
  assert.equal(handle.type, "render");
  assert.match(handle.idempotencyKey, /^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  assert.equal(handle.data.queue, "default");
  const job = await handle.wait();
  assert.deepEqual(job.result, { url: `https://files.example/${handle.id}`, format: "HTML", pieces: [{ title: "one" }] });
  assert.deepEqual([job.status, job.progress.completed, job.progress.fraction, job.error], ["SUCCEEDED", 2, 1, null]);
  assert.deepEqual((await handle.state()).result, job.result);
});

test("submits by a field's name, and selects the result's leaves", async () => {
  const handle = await errand.submit("render", { input: { pages: 1 } });
  assert.deepEqual((await handle.wait()).result, {
    url: `https://files.example/${handle.id}`, pages: 1, format: "PDF", parts: [{ title: "one", report: null }],
  });
  const chosen = await errand.submit("render", { input: { pages: 1 } }, { result: "{ pages }" });
  assert.deepEqual((await chosen.wait()).result, { pages: 1 });
  assert.equal((await (await errand.submit("count", { upTo: 7 })).wait()).result, 7);
  await assert.rejects(errand.submit("nothing", {}), /no mutation nothing/);
  await assert.rejects(errand.submit("count", { upto: 7 }), /no argument upto/);
});

test("follows a job of which only the id is known", async () => {
  const { id } = await errand.submit(render, { input: { pages: 3 } });
  assert.equal((await errand.wait(id)).result.pages, 3);
  assert.deepEqual((await errand.wait(id, { result: "{ pages }" })).result, { pages: 3 });
  assert.equal((await errand.job(id)).status, "SUCCEEDED");
  const unknown = "0193595e-7a00-7abc-8def-0123456789ab";
  assert.equal(await errand.job(unknown), null);
  for (const ask of [() => errand.wait(unknown), () => errand.watch(unknown).next()]) {
    await assert.rejects(ask, (error) => error instanceof ErrandError && error.code === "NOT_FOUND");
  }
});

test("the same key gives the same job", async () => {
  const variables = { input: { pages: 1 } };
  const one = await errand.submit(render, variables, { idempotencyKey: "order-1" });
  const two = await errand.submit(render, variables, { idempotencyKey: "order-1" });
  assert.equal(one.id, two.id);
  await assert.rejects(
    errand.submit(render, { input: { pages: 2 } }, { idempotencyKey: "order-1" }),
    (error) => error instanceof RequestError && error.code === "IDEMPOTENCY_KEY_REUSED",
  );
});

test("tells how a job ended without a result", async () => {
  const failed = await errand.submit(render, { input: { pages: 1, fail: "the tray is empty" } });
  await assert.rejects(failed.wait(), (error) => {
    assert.ok(error instanceof JobFailed);
    assert.deepEqual([error.code, error.message, error.error.remediation], ["NO_PAPER", "the tray is empty", "Put paper in."]);
    return error.job.id === failed.id;
  });
  const canceled = await errand.submit("ignored", { text: "x" });
  assert.equal((await canceled.cancel({ reason: "not needed" })).status, "CANCELED");
  await assert.rejects(canceled.wait(), JobCanceled);
  assert.equal((await canceled.cancel()).status, "CANCELED", "a cancel may be repeated");
  const running = await errand.submit(render, { input: { pages: 2, holdAt: 1 } });
  for await (const state of running.states()) {
    if (state.status === "RUNNING") await running.cancel();
  }
  await assert.rejects(running.wait(), JobCanceled);
});

test("waits as long as it is told", async () => {
  const handle = await errand.submit("ignored", { text: "x" });
  await assert.rejects(handle.wait({ timeout: 20 }), (error) => error instanceof WaitTimeout && error.jobId === handle.id);
  await assert.rejects(handle.wait({ signal: AbortSignal.abort(new Error("enough")) }), /enough/);
  await handle.cancel();
});

test("mistakes are named errors", async () => {
  await assert.rejects(errand.submit("mutation { count(upTo: true) { id } }"), (error) => error instanceof RequestError && error.errors.length === 1);
  const stranger = createClient({ url: server.url, token: "ert_wrong", retry: { first: 1, longest: 2 } });
  const refused = (error) => error instanceof RequestError && error.code === "UNAUTHENTICATED";
  await assert.rejects(stranger.submit(render, { input: { pages: 1 } }), refused);
  await assert.rejects(stranger.watch("0193595e-7a00-7abc-8def-0123456789ab").next(), refused);
});

async function watched(client, { id }, onEvent = () => {}) {
  const events = [];
  for await (const event of client.watch(id)) {
    events.push(event);
    await onEvent(event);
  }
  assert.deepEqual(events.map(({ sequence }) => sequence), events.map((_, i) => i + 1), "every event, once, in order");
  assert.equal(events.at(-1).type, "dev.errand.job.succeeded");
  return events;
}

for (const signal of ["SIGTERM", "SIGKILL"]) {
  test(`each event comes once, and the result too, over a restart of the server by ${signal}`, async () => {
    const { port } = new URL(server.url);
    const handle = await errand.submit("render", { input: { pages: 3, holdAt: 2 } });
    const ended = handle.wait();
    let restarted = false;
    const events = await watched(errand, handle, async ({ type }) => {
      if (restarted || type !== "dev.errand.job.progressed") return;
      restarted = true;
      server.child.kill(signal);
      await server.exited;
      await server.run(Number(port));
      worker.release(handle.id);
    });
    assert.ok(restarted && events.length >= 4);
    assert.equal((await ended).result.pages, 3);
    // From a cursor: what came after it.
    const rest = [];
    for await (const event of errand.watch(handle, { after: events[1].cursor })) rest.push(event.sequence);
    assert.deepEqual(rest, events.slice(2).map(({ sequence }) => sequence));
  });
}

test("a submit outlives a server that is not there, with one job at the end", async () => {
  const { port } = new URL(server.url);
  server.child.kill("SIGKILL");
  await server.exited;
  const hopeless = createClient({ url: server.url, token: server.clientToken, retry: { attempts: 2, first: 1, longest: 1 } });
  const error = await hopeless.submit(render, { input: { pages: 1 } }).catch((thrown) => thrown);
  assert.ok(error instanceof NetworkError && error.retryable);
  const patient = createClient({ url: server.url, token: server.clientToken, retry: { attempts: 10_000, first: 5, longest: 20 } });
  const submitted = patient.submit(render, { input: { pages: 1 } }, { idempotencyKey: error.idempotencyKey });
  await server.run(Number(port));
  const handle = await submitted;
  assert.equal((await patient.submit(render, { input: { pages: 1 } }, { idempotencyKey: error.idempotencyKey })).id, handle.id);
  await handle.wait();
});

test("subscriptions may go over one WebSocket", async () => {
  const socket = createSocket({
    url: `${server.url.replace("http", "ws")}/graphql`, webSocketImpl: WebSocket, retryAttempts: 0,
    connectionParams: { authorization: `Bearer ${server.clientToken}` },
  });
  const client = createClient({ url: server.url, token: server.clientToken, subscribe: (operation) => socket.iterate(operation), retry: { first: 20, longest: 200 } });
  const handle = await client.submit("render", { input: { pages: 2 } });
  await Promise.all([watched(client, handle), handle.wait()]);
  await assert.rejects(client.watch("0193595e-7a00-7abc-8def-0123456789ab").next(), (error) => error.code === "NOT_FOUND");
  await socket.dispose();
});
