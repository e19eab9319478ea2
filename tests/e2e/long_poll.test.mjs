// The long poll `job(waitFor:, until:)` against the built program: it answers in time, and holds nothing that nobody waits for.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { data, poll } from "./support/clients.mjs";
import { Server } from "./support/server.mjs";

let server;
let token;

before(async () => {
  server = await Server.start();
  token = server.tokens.acme.client;
});

after(async () => {
  if (server.child.exitCode === null) await server.stop();
});

const submit = async () => (await data(server, token, 'mutation { ignored(text: "x") { id } }')).ignored.id;
const cancel = (id) => data(server, token, "mutation ($id: ID!) { cancelJob(id: $id) { id } }", { id });

/** A request of `count` fields that are held for up to `waitFor`; gives the statuses. */
async function held(id, waitFor, { count = 1, until = "[SUCCEEDED, FAILED, CANCELED, EXPIRED]", signal } = {}) {
  const fields = Array.from({ length: count }, (_, i) => `f${i}: job(id: "${id}", waitFor: "${waitFor}", until: ${until}) { status }`);
  const response = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: `{ ${fields.join(" ")} }` }),
    signal,
  });
  const { data: jobs, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return Object.values(jobs).map((job) => job && job.status);
}

/** Whether a request would be held now: whether it takes its time. */
async function isHeld(id) {
  const begin = Date.now();
  await held(id, "1s");
  return Date.now() - begin >= 990;
}

test("it is answered when the job has the status, long before its time", async () => {
  const id = await submit();
  const answer = held(id, "60s");
  await cancel(id);
  assert.deepEqual(await answer, ["CANCELED"]);
  assert.deepEqual(await held(id, "60s"), ["CANCELED"], "at once");
});

test("a forgotten job ends it with null", async () => {
  const id = await submit();
  await cancel(id);
  const answer = held(id, "60s", { until: "[RUNNING]" });
  await data(server, token, "mutation ($id: ID!) { forgetJob(id: $id) }", { id });
  assert.deepEqual(await answer, [null]);
});

test("no more than a thousand are held, and clients that go away are held no longer", async (t) => {
  const id = await submit();
  const gone = new AbortController();
  const requests = [];
  const start = () => requests.push(held(id, "60s", { count: 20, signal: gone.signal }).catch((error) => error.name));
  for (let i = 0; i < 50; ++i) {
    start();
    await held(id, "0s"); // its read comes after theirs: no more wait at once than the server takes
  }
  while (await isHeld(id)) start(); // a read may have been refused; the 1,001st gets the present state at once
  gone.abort();
  assert.ok((await Promise.all(requests)).filter((end) => end === "AbortError").length >= 49);
  await poll(() => isHeld(id), (is) => is);
  t.diagnostic("1,000 held, the next one answered at once; all freed when their clients went");
});

test("a server that stops answers with the present state", async () => {
  const id = await submit();
  const begin = Date.now();
  const answer = held(id, "60s", { count: 20 });
  await isHeld(id); // sent after the others, and answered: they are held by now
  server.child.kill("SIGTERM");
  assert.deepEqual(await answer, Array(20).fill("PENDING"));
  assert.deepEqual(await server.exited, { code: 0, signal: null });
  assert.ok(Date.now() - begin < 30_000);
  await server.stop();
});
