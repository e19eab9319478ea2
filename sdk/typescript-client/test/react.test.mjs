// The hook in a page, on the server and under StrictMode.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { JSDOM } from "jsdom";

const dom = new JSDOM("<!doctype html><body></body>", { url: "http://localhost/" });
for (const name of ["window", "document", "HTMLElement", "MutationObserver"]) globalThis[name] = name === "window" ? dom.window : dom.window[name];
Object.defineProperty(globalThis, "navigator", { value: dom.window.navigator, configurable: true });
globalThis.IS_REACT_ACT_ENVIRONMENT = true;

const { createElement: h, StrictMode, useState } = await import("react");
const { renderToString } = await import("react-dom/server");
const { act, cleanup, configure, render, renderHook, waitFor } = await import("@testing-library/react");
const { createClient } = await import("../dist/index.js");
const { ErrandProvider, useJob } = await import("../dist/react.js");
const { event, FakeServer, ID, state } = await import("./fake-server.mjs");

configure({ asyncUtilTimeout: 60_000 }); // a second is what a busy machine may stand still

let server;
let client;

beforeEach(async () => {
  server = await FakeServer.start();
  client = createClient({ url: server.url, token: "t", retry: { first: 1, longest: 5 } });
  server.answer = () => ({ data: { job: { __typename: "RenderJob" } } });
});

afterEach(async () => {
  cleanup();
  await server.stop();
});

const wrapper = ({ children }) => h(ErrandProvider, { client }, children);
const options = { result: "{ url }" };
const progress = (completed) => ({ completed, total: 4, fraction: completed / 4, stage: null, message: null });

for (const reactStrictMode of [false, true]) {
  test(`shows a job from its first state to its result${reactStrictMode ? " under StrictMode, over one stream" : ""}`, async () => {
    const strict = reactStrictMode ? ({ children }) => h(StrictMode, null, wrapper({ children })) : wrapper;
    const { result } = renderHook(() => useJob(ID, options), { wrapper: strict });
    assert.deepEqual([result.current.status, result.current.ended, result.current.progress], [undefined, false, null]);
    const stream = await server.stream(0);
    stream.next({ job: state("RUNNING", { progress: progress(1) }) });
    await waitFor(() => assert.equal(result.current.progress?.fraction, 0.25));
    stream.next({ job: state("SUCCEEDED", { progress: progress(4), result: { url: "u" } }) });
    stream.complete();
    await waitFor(() => assert.equal(result.current.ended, true));
    assert.deepEqual([result.current.status, result.current.result, result.current.error], ["SUCCEEDED", { url: "u" }, null]);
    assert.equal(server.streams.length, 1);
  });
}

test("a broken connection is mended without a word", async () => {
  const { result } = renderHook(() => useJob(ID, options), { wrapper });
  (await server.stream(0)).next({ job: state("RUNNING") });
  await waitFor(() => assert.equal(result.current.status, "RUNNING"));
  server.streams[0].cut();
  const error = { code: "NO_PAPER", message: "no paper", details: null, retryable: false, remediation: "Put paper in.", attempt: 1 };
  const second = await server.stream(1);
  second.next({ job: state("FAILED", { error }) });
  second.complete();
  await waitFor(() => assert.deepEqual(result.current.error, error));
  assert.equal(result.current.failure, undefined);
});

test("leaving the page ends the stream", async () => {
  const { unmount } = renderHook(() => useJob(ID, options), { wrapper });
  const stream = await server.stream(0);
  unmount();
  await stream.closed;
});

test("two components share a stream, which ends with the last of them", async () => {
  const Shown = () => h("i", null, useJob(ID, options).status ?? "-");
  const page = (count) => h(ErrandProvider, { client }, ...Array.from({ length: count }, (_, key) => h(Shown, { key })));
  const { container, rerender, unmount } = render(page(2));
  const stream = await server.stream(0);
  stream.next({ job: state("PENDING") });
  await waitFor(() => assert.equal(container.textContent, "PENDINGPENDING"));
  rerender(page(1));
  stream.next({ job: state("RUNNING") });
  await waitFor(() => assert.equal(container.textContent, "RUNNING"));
  rerender(page(2));
  assert.equal(container.textContent, "RUNNINGRUNNING", "who comes later knows at once");
  unmount();
  await stream.closed;
  assert.equal(server.streams.length, 1);
});

test("another id is another job, and none is none", async () => {
  const { result, rerender } = renderHook(({ id }) => useJob(id, options), { wrapper, initialProps: { id: null } });
  assert.equal(result.current.job, undefined);
  assert.equal(server.requests.length, 0);
  rerender({ id: ID });
  const first = await server.stream(0);
  first.next({ job: state("RUNNING") });
  await waitFor(() => assert.equal(result.current.status, "RUNNING"));
  rerender({ id: "other" });
  assert.equal(result.current.status, undefined, "nothing of the one before");
  await first.closed;
  assert.equal((await server.stream(1)).operation.variables.errandJobId, "other");
});

test("collects the events where they are asked for", async () => {
  const { result } = renderHook(() => useJob(ID, { ...options, events: true }), { wrapper });
  await server.stream(1);
  const stream = server.streams.find(({ operation }) => operation.query.includes("jobEvents"));
  stream.next({ jobEvents: event(1, "enqueued") });
  stream.next({ jobEvents: event(2, "started") });
  await waitFor(() => assert.deepEqual(result.current.events.map(({ sequence }) => sequence), [1, 2]));
});

test("a handle brings its client and its selection", async () => {
  server.answer = () => ({ data: { render: { __typename: "RenderJob", id: ID, type: "render", status: "PENDING" } } });
  const handle = await client.submit("mutation { render { result { pages } } }");
  const { result } = renderHook(() => useJob(handle));
  const stream = await server.stream(0);
  assert.match(stream.operation.query, /\.\.\. on RenderJob \{ result \{ pages \} \}/);
  stream.next({ job: state("SUCCEEDED", { result: { pages: 3 } }) });
  await waitFor(() => assert.deepEqual(result.current.result, { pages: 3 }));
});

test("cancels, and shows that at once", async () => {
  const { result } = renderHook(() => useJob(ID, options), { wrapper });
  (await server.stream(0)).next({ job: state("RUNNING") });
  await waitFor(() => assert.equal(result.current.status, "RUNNING"));
  server.answer = ({ variables }) => ({ data: { cancelJob: state("CANCELING", { nextSteps: [variables.reason] }) } });
  const { cancel } = result.current;
  await act(() => cancel({ reason: "not needed" }));
  assert.deepEqual([result.current.status, result.current.job.nextSteps], ["CANCELING", ["not needed"]]);
  assert.equal(result.current.cancel, cancel, "may stand in a dependency list");
});

test("says why a job cannot be followed", async () => {
  server.answer = () => ({ data: { job: null } });
  const { result } = renderHook(() => useJob(ID), { wrapper });
  await waitFor(() => assert.equal(result.current.failure?.code, "NOT_FOUND"));
  assert.throws(() => renderHook(() => useJob(ID)), /needs a client/);
});

test("nothing changes without news", async () => {
  let renders = 0;
  let again;
  const Page = () => {
    const [, set] = useState(0);
    again = () => set((n) => n + 1);
    const job = useJob(ID, { result: "{ url }" }); // options made anew each time
    Page.seen = [...(Page.seen ?? []), job];
    renders += 1;
    return null;
  };
  render(h(ErrandProvider, { client }, h(Page)));
  await server.stream(0);
  act(() => again());
  act(() => again());
  assert.equal(renders, 3);
  assert.equal(new Set(Page.seen).size, 1, "the same object");
  assert.equal(server.streams.length, 1);
});

test("on the server it renders what is known there: nothing, and asks for nothing", () => {
  const Page = () => h("p", null, useJob(ID, options).status ?? "loading");
  assert.equal(renderToString(h(ErrandProvider, { client }, h(Page))), "<p>loading</p>");
  assert.equal(server.requests.length, 0);
});
