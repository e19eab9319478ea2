// backup, restore and doctor: the commands that work on the database file, beside a running server and without one.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { data } from "./support/clients.mjs";
import { binary, environment, Server } from "./support/server.mjs";

const server = await Server.start();
after(() => server.stop());
const database = join(server.folder, "data", "errand.db");
const backup = join(server.folder, "backup.db");
const { client } = server.tokens.acme;

function errand(...args) {
  return spawnSync(binary, args, { encoding: "utf8", env: environment });
}

const submit = async (text) => (await data(server, client, "mutation ($text: String!) { ignored(text: $text) { id } }", { text })).ignored.id;
const find = async (id) => (await data(server, client, "query ($id: ID!) { job(id: $id) { id } }", { id })).job;

test("help has examples", () => {
  for (const command of ["backup", "restore", "doctor", "audit verify", "audit checkpoint", "audit restart", "job verify"]) {
    const run = errand(...command.split(" "), "--help");
    assert.equal(run.status, 0);
    assert.match(run.stdout, /Examples:/);
  }
});

test("a backup is made while the server runs, and overwrites nothing", async () => {
  await submit("before");
  const made = errand("backup", "--database", database, "--to", backup);
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stdout, /Backed up to .*backup\.db.* checked/);
  assert.equal(errand("doctor", "--database", backup).status, 0);
  const again = errand("backup", "--database", database, "--to", backup);
  assert.equal(again.status, 1);
  assert.match(again.stderr, /exists already.*\[CONFLICT\]/);
  assert.equal(errand("backup", "--database", join(server.folder, "none.db"), "--to", join(server.folder, "x.db")).status, 1);
});

test("doctor looks at a database in use and checks the digests", async () => {
  const found = JSON.parse(errand("doctor", "--database", database, "--json").stdout);
  assert.deepEqual(found.findings, []);
  assert.ok(found.jobs >= 1);
  assert.ok(found.payloads >= 1);
  const broken = join(server.folder, "broken.db");
  await writeFile(broken, "This is a letter, not a database.".repeat(200));
  const wrong = errand("doctor", "--database", broken);
  assert.equal(wrong.status, 1);
  assert.match(wrong.stdout, /errand restore/);
});

test("audit verify and job verify show what no server wrote", async () => {
  const id = await submit("written by a client");
  const whole = errand("audit", "verify", "--database", database);
  assert.equal(whole.status, 0, whole.stdout);
  assert.match(whole.stdout, /nothing was changed or deleted/);
  const job = errand("job", "verify", id, "--database", database);
  assert.equal(job.status, 0, job.stdout);
  assert.match(job.stdout, /1 events, the snapshot and 1 payloads: nothing was changed/);
  const none = errand("audit", "checkpoint", "--database", database);
  assert.equal(none.status, 1);
  assert.match(none.stderr, /No checkpoint yet/);

  const copy = join(server.folder, "copy.db");
  const key = join(server.folder, "data", "master.key");
  assert.equal(errand("backup", "--database", database, "--to", copy).status, 0);
  assert.match(errand("audit", "verify", "--database", copy).stderr, /no master\.key.*--master-key/);
  const forge = async (name, from, to) => {
    const bytes = await readFile(copy);
    let at = -1;
    while ((at = bytes.indexOf(from, at + 1)) >= 0) bytes.write(to, at);
    const forged = join(server.folder, name);
    await writeFile(forged, bytes);
    return [forged, "--master-key", key];
  };
  const input = errand("job", "verify", id, "--database", ...(await forge("input.db", "written by a client", "written by a madman")));
  assert.equal(input.status, 1);
  assert.match(input.stdout, /its INPUT is not what was written/);
  const forged = await forge("event.db", '"contractHash"', '"contractHush"');
  const event = errand("job", "verify", id, "--database", ...forged);
  assert.equal(event.status, 1);
  assert.match(event.stdout, /event 1 \(dev\.errand\.job\.enqueued of 2.*is not what was written/);
  const all = JSON.parse(errand("audit", "verify", "--json", "--database", ...forged).stdout);
  assert.ok(all.faults.length >= 1);
  const examined = errand("doctor", "--database", ...forged);
  assert.match(examined.stdout, /Something other than a server with this master key wrote/);
});

test("restore wants the server stopped and --force, then the backup's jobs are there", async () => {
  const kept = await submit("kept");
  const second = join(server.folder, "second.db");
  assert.equal(errand("backup", "--database", database, "--to", second).status, 0);
  const lost = await submit("lost");
  const events = (id, after) => data(server, client, `query ($id: ID!) { job(id: $id) { events${after ? `(after: "${after}")` : ""} { edges { cursor } } } }`, { id });
  const [{ cursor }] = (await events(kept)).job.events.edges;
  const locked = errand("restore", "--from", second, "--to", database, "--force");
  assert.equal(locked.status, 1);
  assert.match(locked.stderr, /STORE_LOCKED/);

  server.child.kill("SIGKILL");
  await server.exited;
  const refused = errand("restore", "--from", second, "--to", database);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /--force/);
  const restored = errand("restore", "--from", second, "--to", database, "--force");
  assert.equal(restored.status, 0, restored.stderr);
  assert.ok(!existsSync(`${database}-wal`));
  assert.equal(errand("doctor", "--database", database).status, 0);
  await server.run();
  assert.notEqual(await find(kept), null);
  assert.equal(await find(lost), null);
  // What was given out before means something else now.
  await assert.rejects(events(kept, cursor), /CURSOR_INVALID/);
  await submit("goes on");
});
