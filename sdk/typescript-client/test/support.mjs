// The built server with a worker for schema.graphql.
import { fileURLToPath } from "node:url";
import { PermanentError, silentLogger, Worker } from "@errand/worker";
import { Server } from "../../../tests/e2e/support/server.mjs";

export { Server };

export async function startServer() {
  const server = await Server.start([], fileURLToPath(new URL("schema.graphql", import.meta.url)));
  server.clientToken = server.tokens.acme.client;
  return server;
}

/** A worker whose jobs wait at the page `holdAt` until release(id), or until they are told to stop. */
export function startWorker(server) {
  const gates = new Map();
  const gate = (id) => {
    if (!gates.has(id)) {
      let open;
      const opened = new Promise((resolve) => (open = resolve));
      gates.set(id, { open, opened });
    }
    return gates.get(id);
  };
  const worker = new Worker({
    url: server.url, token: server.tokens.acme.worker, slots: 10, logger: silentLogger, handleSignals: false,
    reconnectMs: { first: 20, longest: 200 },
  });
  worker.handle("render", async (job) => {
    const { pages, format, holdAt, fail } = job.input;
    for (let page = 1; page <= pages; ++page) {
      job.progress({ completed: page, total: pages, stage: "rendering" });
      if (page !== holdAt) continue;
      await Promise.race([
        gate(job.id).opened,
        new Promise((_resolve, reject) => job.signal.addEventListener("abort", () => reject(job.signal.reason))),
      ]);
    }
    if (fail) throw new PermanentError(fail, { code: "NO_PAPER", remediation: "Put paper in." });
    return { url: `https://files.example/${job.id}`, pages, format, parts: [{ title: "one", report: null }] };
  });
  worker.handle("exportReport", (job) => {
    for (let completed = 1; completed <= 3; ++completed) job.progress({ completed, total: 3 });
    return { url: `https://files.example/${job.input.accountId}.pdf`, pages: 3, format: "PDF", parts: [] };
  });
  worker.handle("count", (job) => job.input.upTo);
  const running = worker.run();
  return {
    release: (id) => gate(id).open(),
    async stop() {
      await worker.stop();
      await running;
    },
  };
}
