import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, linkSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { runJob } from "@errand/worker/testing";
import { exportInventory } from "../dist/export.js";
import { paragraphs } from "../dist/packages.js";
import { csv, groups, readableBytes, svg } from "../dist/report.js";

let root;
let settings;
const STATUS = `Package: alpha
Status: install ok installed
Priority: optional
Section: contrib/net
Maintainer: A, "the" First <a@example.org>
Architecture: amd64
Multi-Arch: same
Source: first (1.0)
Version: 1.0-1
Description: one
 that goes on

Package: beta
Status: install ok installed
Priority: required
Section: libs
Maintainer: B <b@example.org>
Architecture: all
Version: 2

Package: gone
Status: deinstall ok config-files
Section: net
Version: 3
`;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "inventory-"));
  const database = join(root, "var/lib/dpkg");
  mkdirSync(join(database, "info"), { recursive: true });
  mkdirSync(join(root, "usr/share"), { recursive: true });
  writeFileSync(join(database, "status"), STATUS);
  writeFileSync(join(root, "usr/share/large"), Buffer.alloc(100_000, 1));
  linkSync(join(root, "usr/share/large"), join(root, "usr/share/same"));
  writeFileSync(join(root, "usr/share/small"), "x");
  symlinkSync("small", join(root, "usr/share/link"));
  writeFileSync(join(database, "info/alpha:amd64.list"), "/.\n/usr\n/usr/share\n/usr/share/large\n/usr/share/same\n");
  writeFileSync(join(database, "info/beta.list"), "/.\n/usr/share/small\n/usr/share/link\n/usr/share/missing\n");
  settings = { database, out: join(root, "out"), root };
});

afterEach(() => rmSync(root, { recursive: true }));

/** Runs the handler as the worker would. */
function run(input = {}, options = {}, more = {}) {
  const handler = (job) => exportInventory(job, { ...settings, ...more });
  return runJob(handler, { format: "CSV", groupBy: "SECTION", minSizeKb: 0, ...input }, { id: "job-1", ...options });
}

test("measures installed packages and writes table and chart", async () => {
  const { result, progress } = await run();
  assert.equal(result.rows, 2);
  assert.equal(result.measuredFiles, 4);
  assert.equal(result.missingFiles, 1);
  assert.deepEqual(result.top.map((group) => group.name), ["net", "libs"]);
  assert.ok(result.top[0].bytes >= 100_000 && result.top[0].bytes < 200_000, "a hard link counts once");
  assert.deepEqual(result.files.map((file) => file.mediaType), ["text/csv", "image/svg+xml"]);
  for (const file of result.files) assert.equal(readFileSync(file.path).length, file.bytes);
  const lines = readFileSync(result.files[0].path, "utf8").split("\r\n");
  assert.equal(lines[0], "package,version,architecture,group,files,bytes");
  assert.match(lines[1], /^alpha,1\.0-1,amd64,net,2,\d+$/);
  assert.deepEqual(progress.map((p) => p.stage), ["reading", "measuring", "measuring", "writing"]);
  assert.deepEqual([progress[2].completed, progress[2].total], [2, 2]);
});

test("leaves small packages out and groups as asked", async () => {
  const { result } = await run({ minSizeKb: 50, groupBy: "SOURCE", format: "JSON" });
  assert.equal(result.rows, 1);
  assert.deepEqual(result.top.map((group) => [group.name, group.packages, group.share]), [["first", 1, 1]]);
  assert.equal(JSON.parse(readFileSync(result.files[0].path, "utf8"))[0].package, "alpha");
});

test("a second attempt of one job writes the same files", async () => {
  const { result } = await run();
  assert.deepEqual((await run({}, { attempt: 2 })).result, result);
});

test("stops when the job is canceled", async () => {
  const { outcome, error } = await run({}, { abort: AbortSignal.abort() });
  assert.deepEqual([outcome, error.code], ["FAILED", "CANCELED"]);
  assert.ok(!existsSync(settings.out));
});

test("says what is wrong and what to do", async () => {
  const { error } = await run({}, {}, { database: join(root, "none") });
  assert.equal(error.code, "NO_PACKAGE_DATABASE");
  assert.match(error.remediation, /DPKG_DATABASE/);
  writeFileSync(join(root, "file"), "");
  assert.equal((await run({}, {}, { out: join(root, "file") })).error.code, "OUTPUT_NOT_WRITABLE");
});

test("reads control files as deb822 says", () => {
  const [first] = paragraphs("A: 1\nB: 2\n x\n\tY\n\n\nA: 3\n");
  assert.deepEqual([...first], [["a", "1"], ["b", "2\nx\nY"]]);
});

test("escapes what goes into table and chart", () => {
  const rows = [{ pack: { name: 'a"b', version: "1,2", architecture: "x\ny", section: "<net>" }, bytes: 1, files: 1 }];
  assert.ok(csv(rows, "SECTION").endsWith('\r\n"a""b","1,2","x\ny",<net>,1,1\r\n'));
  assert.ok(svg(groups(rows, "SECTION"), "t & t").includes("&lt;net&gt;"));
  assert.equal(readableBytes(1_234_567), "1.2 MB");
});
