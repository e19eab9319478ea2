// Submits one export and shows who was told of its end: see README.md. In a terminal everything runs on, until Ctrl-C.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DemoFailed, repository } from "../support/demo.mjs";
import { Example } from "./example.mjs";

const usage = `Usage: node demo.mjs [--errand PROGRAM] [--out FOLDER]

  --errand PROGRAM  build/release/errand, which ./dev build makes
  --out FOLDER      where the worker writes its files: build/demo
`;
const options = { errand: join(repository, "build/release/errand"), out: join(repository, "build/demo") };
for (let i = 2; i < process.argv.length; i += 2) {
  const name = process.argv[i].slice(2);
  if (process.argv[i] === "--help") {
    process.stdout.write(usage);
    process.exit(0);
  }
  if (!(name in options) || !process.argv[i + 1]) {
    process.stderr.write(`demo: ${process.argv[i]} is unknown or has no value\n${usage}`);
    process.exit(2);
  }
  options[name] = process.argv[i + 1];
}

const interactive = process.stdin.isTTY && process.stdout.isTTY && !process.env["CI"];
let example;
let stopping;
const stop = () => (stopping ??= example?.stop());

async function main() {
  mkdirSync(options.out, { recursive: true });
  example = await Example.start(options);
  console.log(`server  ${example.url}\npage    ${example.page}\n`);
  const { exportInventory: job } = await example.graphql("mutation { exportInventory(input: {}) { id status } }");
  console.log(`exportInventory: job ${job.id} is ${job.status}`);
  const told = await untilTold(job.id);
  for (const { channel, recipient, outcome, reason } of told) {
    console.log(`${channel.padEnd(9)} ${recipient}: ${outcome}${reason ? `, ${reason}` : ""}`);
  }
  console.log(`WEBHOOK   ${example.printed(example.receiver).trim()}\n\nThe mail, as the mailbox got it:\n${example.printed(example.mailbox)}`);
  if (!interactive) return;
  console.log("Everything runs on: open the page, start an export there, close it. Ctrl-C ends it all.");
  await new Promise(() => {});
}

/** Waits until each message has its outcome, and the webhook and the mail have come. */
async function untilTold(id) {
  for (let end = Date.now() + 120_000; Date.now() < end; await sleep(100)) {
    const { jobNotifications } = await example.graphql(
      "query ($id: ID!) { jobNotifications(jobId: $id, first: 10) { nodes { channel recipient outcome reason } } }", { id });
    const { nodes } = jobNotifications;
    const all = nodes.length === 3 && nodes.every(({ outcome }) => outcome !== "WAITING");
    if (all && example.printed(example.receiver).includes(id) && example.printed(example.mailbox)) return nodes;
  }
  throw new DemoFailed(`not everybody was told within two minutes; the logs are in ${example.programs.folder}`);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => Promise.resolve(stop()).then(() => process.exit(interactive ? 0 : 130)));
}
main().then(
  () => Promise.resolve(stop()).then(() => process.exit(0)),
  async (error) => {
    if (stopping) return;
    console.error(`demo: ${error instanceof DemoFailed ? error.message : error.stack}`);
    await stop();
    process.exit(1);
  },
);
