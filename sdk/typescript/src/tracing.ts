import type { Job } from "./job.js";

type Api = typeof import("@opentelemetry/api");

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

let loading: Promise<Api | undefined> | undefined;

/** `@opentelemetry/api`, which is an optional peer dependency: undefined where it is not installed. */
function api(): Promise<Api | undefined> {
  loading ??= import("@opentelemetry/api").catch(() => undefined);
  return loading;
}

/**
 * Runs `work` within the trace of the job, in a span of this attempt. Without OpenTelemetry, or with its API alone, it
 * just runs.
 */
export async function traced<T>(job: Job, work: () => Promise<T> | T): Promise<T> {
  const otel = await api();
  if (otel === undefined) return work();
  const { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = otel;
  // Read here and not by the global propagator: the message has W3C Trace Context, whatever the application sends itself.
  const [, traceId, spanId, flags] = TRACEPARENT.exec(job.traceparent ?? "") ?? [];
  const parent =
    traceId !== undefined && spanId !== undefined && flags !== undefined
      ? trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: parseInt(flags, 16), isRemote: true })
      : ROOT_CONTEXT;
  const span = trace.getTracer("@errand/worker").startSpan(
    `job ${job.type}`,
    {
      kind: SpanKind.CONSUMER,
      attributes: {
        "errand.job.id": job.id,
        "errand.job.type": job.type,
        "errand.job.queue": job.queue,
        "errand.job.attempt": job.attempt,
        "errand.correlation_id": job.correlationId,
      },
    },
    parent,
  );
  try {
    return await context.with(trace.setSpan(parent, span), work);
  } catch (error) {
    const exception = error instanceof Error ? error : new Error(String(error));
    span.recordException(exception);
    span.setStatus({ code: SpanStatusCode.ERROR, message: exception.message });
    throw error;
  } finally {
    span.end();
  }
}
