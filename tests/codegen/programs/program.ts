// Compiled under --strict beside jobs.ts, which is generated from tricky.graphql; then run beside a server.
import assert from "node:assert/strict";
import { createClient } from "@errand/client";
import { silentLogger, Worker } from "@errand/worker";
import { runJob } from "@errand/worker/testing";
import { defineHandlers, handle, Jobs, type Handlers, type Tree, type TreeInput } from "./jobs.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <T extends true>(): T => true as T;

const grow = ({ name, children, shape }: TreeInput): Tree => ({ name, children: children.map(grow), ...(shape ? { shape } : {}) });

export const handlers = defineHandlers({
  growTree: (job) => grow(job.input),
  search: (job) =>
    job.input.text === undefined
      ? [{ __typename: "Person", friends: [{ __typename: "Page", rank: 2, name: "page" }], rank: job.input.near.x / 2 }]
      : [{ __typename: "Page", rank: 7, name: job.input.text }, { __typename: "Empty_" }],
  configure: async (job) => {
    const { settings, ratio } = job.input;
    holds<Equal<typeof ratio, number>>();
    assert.equal(job.arguments.class, 7);
    return settings && { level: settings.level, tags: [...(settings.tags ?? []), String(ratio), String(settings.at.x)] };
  },
  ping: () => true,
  maybe: (job) => (job.input && "x" in job.input ? `${job.input.x}` : null),
  measure: (job) => job.input.map((row) => (row.length > 0 ? row.map((each) => (each ?? 0) / 2) : null)),
  import: (job) => ({ from: job.input.from, level: job.input.Level, id: "3F2504E0-4F89-11D3-9A0C-0305E82C3301", lambda: { Handlers: {} } }),
  pay: (job) => `${job.input.amount} and ${job.input.least}`,
  follow: () => {
    throw new Error("not of this test");
  },
} satisfies Handlers);

// What the types refuse. Never run.
export function refused() {
  // @ts-expect-error a result that lacks a field
  defineHandlers({ growTree: () => ({ name: "x" }) });
  // @ts-expect-error no such job type
  defineHandlers({ growTrees: () => true });
  // @ts-expect-error a member of a union that does not say which it is
  defineHandlers({ search: () => [{ rank: 1 }] });
  // @ts-expect-error what may be null has to be looked at
  defineHandlers({ growTree: (job) => ({ name: job.input.owner.name, children: [] }) });
  // @ts-expect-error two members of a one-of
  void jobs().search({ input: { text: "x", near: {} } });
  // @ts-expect-error an argument is missing
  void jobs().configure({});
}
declare function jobs(): Jobs;

const [url, workerToken, clientToken] = process.argv.slice(2) as [string, string, string];
const worker = handle(new Worker({ url, token: workerToken, slots: 4, logger: silentLogger, handleSignals: false }), handlers);
const running = worker.run();
const client = new Jobs(createClient({ url, token: clientToken }));

const grown = await client.growTree({ input: { name: "a", children: [{ name: "b", shape: [[1], null] }], owner: {} } });
const tree = (await grown.wait()).result;
holds<Equal<typeof tree.children[number]["name"], string>>();
assert.deepEqual(tree.children, [{ name: "b", parent: null, children: [], shape: [[1], null], owner: null }]);
assert.equal((await client.state("growTree", grown.id))?.result?.name, "a");
assert.deepEqual((await client.wait("growTree", grown.id)).result, tree);
const statuses: string[] = [];
for await (const state of client.states("growTree", grown.id)) statuses.push(state.status);
assert.deepEqual(statuses, ["SUCCEEDED"]);
const types: string[] = [];
for await (const event of grown.watch()) types.push(event.type);
assert.ok(types.includes("dev.errand.job.succeeded"));

const found = (await (await client.search({ input: { text: "x" } })).wait()).result;
assert.deepEqual(found, [{ __typename: "Page", name: "x", rank: 7, related: null }, { __typename: "Empty_", _: null }]);
const [first] = found;
if (first?.__typename === "Page") holds<Equal<typeof first.rank, number>>();
const [person] = (await (await client.search({ input: { near: { x: 5 } } })).wait()).result;
assert.ok(person?.__typename === "Person");
assert.equal(person.Person_rank, 2.5);
assert.ok(person.friends[0]?.__typename === "Page");
assert.equal(person.friends[0].rank, 2);

assert.deepEqual((await (await client.configure({ name: "n" })).wait()).result, { level: "HIGH", tags: ["a", "2", "1"] });
assert.equal((await (await client.configure({ name: "n", settings: null })).wait()).result, null);
assert.equal((await (await client.ping()).wait()).result, true);
assert.equal((await (await client.maybe()).wait()).result, null);
assert.equal((await (await client.maybe({ input: {} })).wait()).result, "-2147483648");
assert.deepEqual((await (await client.measure({ input: [[1, null], []] })).wait()).result, [[0.5, 0], null]);
const imported = (await (await client.import({ input: { from: 3, accountId: "1", Level: "None" } })).wait()).result;
assert.equal(imported.level, "None");
assert.equal(imported.id, "3f2504e0-4f89-11d3-9a0c-0305e82c3301");
assert.deepEqual(imported.lambda, { Handlers: { __typename: "Client" } } satisfies typeof imported.lambda | object);

// The same key, the same job.
const options = { idempotencyKey: "one" };
const one = await client.pay({ input: { amount: "3" } }, options);
assert.equal((await client.pay({ input: { amount: "3" } }, options)).id, one.id);
assert.equal((await one.wait()).result, "3 and 0.01");
const later = await client.pay({ input: { amount: "3" }, options: { delay: "1h", tags: ["x"] } });
assert.equal((await later.cancel()).status, "CANCELED");

const run = await runJob(handlers.ping as never, {});
assert.equal(run.result, true);
await worker.stop();
await running;
console.log("done");
