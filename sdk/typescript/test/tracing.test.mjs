// A handler runs within the trace of whoever submitted the job.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { silentLogger, Worker } from "../dist/index.js";
import { FakeServer, jobMessage } from "./fake-server.mjs";

const exporter = new InMemorySpanExporter();
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

const server = await FakeServer.start();
const worker = new Worker({ url: server.url, token: "t", logger: silentLogger, handleSignals: false });
worker.handle("work", async (job) => {
  await null;
  if (job.input.n === 2) throw new Error("broken");
  return trace.getActiveSpan().spanContext().traceId;
});
const running = worker.run();

after(async () => {
  await worker.stop();
  await running;
  await server.stop();
});

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";

test("the attempt is a span below the job's traceparent", async () => {
  await server.until((s) => s.of("credits")[0]);
  server.send(jobMessage(1, { traceparent: `00-${traceId}-00f067aa0ba902b7-01` }));
  assert.equal((await server.until((s) => s.of("complete")[0])).result, traceId);
  const [span] = exporter.getFinishedSpans();
  assert.equal(span.name, "job work");
  assert.equal(span.parentSpanId, "00f067aa0ba902b7");
  assert.equal(span.attributes["errand.job.id"], jobMessage(1).jobId);
});

test("what the handler throws is seen in the span", async () => {
  await server.until((s) => s.of("credits").length === 2);
  server.send(jobMessage(2));
  assert.equal((await server.until((s) => s.of("fail")[0])).error.message, "broken");
  const span = exporter.getFinishedSpans().at(-1);
  assert.equal(span.parentSpanId, undefined);
  assert.deepEqual([span.status.message, span.events[0].name], ["broken", "exception"]);
});
