// The recipes of the README, from its own text, with the real Apollo Client and urql beside the built server.
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gql } from "@apollo/client";
import { startServer, startWorker } from "./support.mjs";

globalThis.crypto ??= webcrypto; // as browsers have it; Node.js has it from 19 on

const root = fileURLToPath(new URL("..", import.meta.url));
let folder;
let server;
let worker;

before(async () => {
  folder = await mkdtemp(join(root, "node_modules", ".recipes-")); // where the packages' names mean the same as beside the README
  server = await startServer();
  worker = startWorker(server);
});

after(async () => {
  await worker?.stop();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function recipe(name) {
  const text = await readFile(join(root, "README.md"), "utf8");
  const [, code] = new RegExp(`\`\`\`js\\n(// recipe: ${name}\\n.*?)\`\`\``, "s").exec(text);
  const file = join(folder, `${name}.mjs`);
  await writeFile(file, code.replaceAll('from "@errand/client"', `from ${JSON.stringify(new URL("../dist/index.js", import.meta.url).href)}`));
  const { connect } = await import(pathToFileURL(file).href);
  return connect({ url: server.url, token: server.clientToken });
}

test("Apollo Client submits, and its cache follows the job to the end", async () => {
  const { apollo, exportReport, follow, shown } = await recipe("apollo");
  const job = await exportReport({ accountId: "7" }, "apollo-7");
  assert.equal((await exportReport({ accountId: "7" }, "apollo-7")).id, job.id);
  const seen = [];
  const fragment = gql`fragment Status on ExportReportJob { status }`;
  const watching = apollo.watchFragment({ fragment, from: job }).subscribe(({ data }) => seen.push(data.status));
  await follow(job);
  watching.unsubscribe();
  const { status, progress, result, error } = shown(job);
  assert.deepEqual([status, progress.fraction, result.url, error], ["SUCCEEDED", 1, "https://files.example/7.pdf", null]);
  assert.equal(seen.at(-1), "SUCCEEDED", "who watches the cache is told");
  apollo.stop();
});

test("urql submits, and follows the job to the end", async () => {
  const { exportReport, follow } = await recipe("urql");
  const job = await exportReport({ accountId: "8" }, "urql-8");
  assert.equal((await exportReport({ accountId: "8" }, "urql-8")).id, job.id);
  const seen = [];
  const last = await follow(job, ({ status }) => seen.push(status));
  assert.equal(last.result.url, "https://files.example/8.pdf");
  assert.equal(seen.at(-1), "SUCCEEDED");
});

test("urql asks again after the server was restarted", async () => {
  const { urql, follow } = await recipe("urql");
  const { data } = await urql.mutation("mutation { ignored(text: \"x\") { id } }").toPromise();
  let restart;
  const seen = [];
  const followed = follow(data.ignored, ({ status }) => {
    seen.push(status);
    restart ??= (async () => {
      server.child.kill("SIGKILL");
      await server.exited;
      await server.run(Number(new URL(server.url).port));
      const { errors } = await (await fetch(`${server.url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${server.clientToken}` },
        body: JSON.stringify({ query: `mutation { cancelJob(id: "${data.ignored.id}") { id } }` }),
      })).json();
      assert.equal(errors, undefined);
    })();
  });
  assert.equal((await followed).status, "CANCELED");
  await restart;
  assert.deepEqual([...new Set(seen)], ["PENDING", "CANCELED"]);
});
