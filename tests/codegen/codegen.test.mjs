// `errand codegen`: its files, its errors, and that what it writes compiles and works beside a server.
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { binary, environment, Server } from "../e2e/support/server.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const tricky = join(here, "tricky.graphql");
const inventory = join(root, "examples/inventory/schema.graphql");
const python = process.env.PYTHON ?? "python3";
const mypy = ["/usr/bin/mypy", "/usr/local/bin/mypy"].find(existsSync);

function run(command, args, options = {}) {
  const done = spawnSync(command, args, { encoding: "utf8", timeout: 120_000, env: environment, ...options });
  if (done.error) throw done.error;
  return done;
}
/** Gives what it prints. Not spawnSync: nobody would read the server's log meanwhile, until the server waits for that. */
function succeeds(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: 120_000, env: environment, ...options }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command} ${args.join(" ")}: ${error.signal ?? error.code}\n${stdout}${stderr}`));
      else resolve(stdout);
    });
  });
}
async function request(server, body) {
  const response = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${server.tokens.acme.client}` },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  return response.json();
}
const codegen = (...args) => run(binary, ["codegen", ...args]);

let folder;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "errand-codegen-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

describe("the command", () => {
  for (const [language, file] of [["typescript", "inventory.ts"], ["python", "inventory.py"], ["cpp", "inventory.h"]]) {
    test(`writes the same ${language} for the inventory example as ever; see golden/README.md`, () => {
      const { status, stderr } = codegen(language, "--schema", inventory, "--out", join(here, "golden", file), "--check");
      assert.equal(status, 0, stderr);
    });
  }

  test("the example's own types are those of its schema", () => {
    const types = join(root, "examples/inventory/src/jobs.ts");
    const { status, stderr } = codegen("typescript", "--schema", inventory, "--part", "worker", "--out", types, "--check");
    assert.equal(status, 0, stderr);
  });

  test("writes to standard output, or a file, which it leaves alone where it is right", () => {
    const { status, stdout } = codegen("python", "--schema", inventory);
    assert.equal(status, 0);
    const file = join(folder, "inventory.py");
    assert.equal(codegen("python", "--schema", inventory, "--out", file).status, 0);
    assert.equal(readFileSync(file, "utf8"), stdout);
    const { ino } = statSync(file);
    assert.equal(codegen("python", "--schema", inventory, "--out", file).status, 0);
    assert.equal(statSync(file).ino, ino);
  });

  test("--check says where a file differs, and changes nothing", () => {
    const file = join(folder, "checked.ts");
    assert.equal(codegen("typescript", "--schema", inventory, "--out", file).status, 0);
    assert.equal(codegen("typescript", "--schema", inventory, "--out", file, "--check").status, 0);
    const changed = readFileSync(file, "utf8").replace("/* eslint-disable */", "/* eslint-enable */");
    writeFileSync(file, changed);
    const { status, stderr } = codegen("typescript", "--schema", inventory, "--out", file, "--check");
    assert.equal(status, 1);
    assert.match(stderr, /checked\.ts:2: is not what the schema gives now; generate it again/);
    assert.equal(readFileSync(file, "utf8"), changed);
    const missing = codegen("typescript", "--schema", inventory, "--out", join(folder, "none.ts"), "--check");
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /none\.ts: No such file/);
  });

  test("takes several files, and names them without their folders", () => {
    const a = join(folder, "a.graphql");
    const b = join(folder, "b.graphql");
    writeFileSync(a, "type Mutation { go(input: In!): Int @job }");
    writeFileSync(b, "input In { a: Int }");
    const each = codegen("typescript", "--schema", a, b);
    assert.equal(each.status, 0, each.stderr);
    assert.match(each.stdout, /Schema: a\.graphql, b\.graphql\n/);
    assert.equal(codegen("typescript", "--schema", `${a},${b}`).stdout, each.stdout);
  });

  test("says what is wrong with its flags or the schema", () => {
    const bad = join(folder, "bad.graphql");
    writeFileSync(bad, "type Mutation {\n  go: Nothing @job\n}\n");
    const none = join(folder, "none.graphql");
    writeFileSync(none, "type Query { a: Int }");
    for (const [args, expected] of [
      [["typescript", "--schema", bad], /bad\.graphql:2:7: .*Nothing/],
      [["typescript", "--schema", none], /no mutation with @job/],
      [["typescript", "--schema", join(folder, "lost.graphql")], /lost\.graphql: No such file/],
      [["typescript", "--schema", inventory, "--check"], /name it with --out FILE/],
      [["typescript", "--schema", inventory, "--scalar", "Date"], /write NAME=TYPE/],
      [["typescript", "--schema", inventory, "--scalar", "Date=string"], /no job reaches a scalar Date/],
      [["typescript", "--schema", inventory, "--prefix", "acme"], /--part worker/],
      [["typescript", "--schema", inventory, "--part", "server"], /--part/],
      [["python", "--schema", inventory, "--depth", "0"], /--depth/],
      [["cpp", "--schema", inventory, "--namespace", "a b"], /--namespace a b/],
      [["typescript"], /--schema/],
    ]) {
      const { status, stderr } = codegen(...args);
      assert.equal(status, 2, `${args.join(" ")}\n${stderr}`);
      assert.match(stderr, expected);
    }
    const { status, stderr } = codegen("cpp", "--schema", inventory, "--out", join(folder, "no/such/folder.h"));
    assert.equal(status, 1);
    assert.match(stderr, /cannot be written: No such file/);
  });

  test("warns of documents that a server would refuse, and writes them", () => {
    const schema = join(folder, "dear.graphql");
    writeFileSync(schema, "type Mutation { go: A! @job } type A { x: Int a: [A!]! }");
    const dear = codegen("typescript", "--schema", schema, "--depth", "5");
    assert.equal(dear.status, 0);
    assert.match(dear.stderr, /^errand: warning: go: a server .* refuses this\. The operation costs \d+, more than 5000\. .*--depth/);
    assert.match(dear.stdout, /export class Jobs/);
    assert.equal(codegen("typescript", "--schema", schema, "--depth", "2").stderr, "");
    assert.equal(codegen("typescript", "--schema", schema, "--depth", "5", "--part", "worker").stderr, "");
    assert.equal(codegen("typescript", "--schema", tricky).stderr, "");
  });

  test("has examples in its help", () => {
    for (const language of ["typescript", "python", "cpp"]) {
      const { status, stdout } = codegen(language, "--help");
      assert.equal(status, 0);
      assert.match(stdout, new RegExp(`Examples:\\n +errand codegen ${language} --schema`));
    }
  });
});

describe("what is generated", () => {
  let server;
  before(async () => {
    server = await Server.start([], tricky);
  });
  after(() => server?.stop());

  test("in TypeScript compiles under --strict, and runs jobs beside a server", async () => {
    const place = join(folder, "typescript");
    cpSync(join(here, "programs/program.ts"), join(place, "program.ts"));
    writeFileSync(join(place, "package.json"), '{ "type": "module" }');
    const modules = join(place, "node_modules");
    cpSync(join(root, "sdk/typescript/node_modules/@types"), join(modules, "@types"), { recursive: true });
    cpSync(join(root, "sdk/typescript/node_modules/undici-types"), join(modules, "undici-types"), { recursive: true });
    mkdirSync(join(modules, "@errand"));
    for (const [name, of] of [["worker", "typescript"], ["client", "typescript-client"]]) {
      symlinkSync(join(root, "sdk", of), join(modules, "@errand", name));
    }
    const made = codegen("typescript", "--schema", tricky, "--out", join(place, "jobs.ts"), "--scalar", "Money=string");
    assert.equal(made.status, 0, made.stderr);
    for (const part of ["worker", "client"]) {
      assert.equal(codegen("typescript", "--schema", tricky, "--out", join(place, `${part}.ts`), "--part", part).status, 0);
    }
    const tsc = join(root, "sdk/typescript/node_modules/typescript/bin/tsc");
    await succeeds(process.execPath, [tsc, "--strict", "--target", "ES2022", "--module", "NodeNext", "--moduleResolution", "NodeNext",
      "--lib", "ES2022,DOM", "--types", "node", "--noUnusedLocals", "--noUnusedParameters", "--exactOptionalPropertyTypes",
      "--noUncheckedIndexedAccess", "--verbatimModuleSyntax", "--outDir", "out", "program.ts", "worker.ts", "client.ts"], { cwd: place });
    const { worker, client } = server.tokens.acme;
    assert.equal(await succeeds(process.execPath, [join(place, "out/program.js"), server.url, worker, client], { cwd: place }), "done\n");
  });

  test("in Python passes mypy --strict, and runs jobs beside a server", async (t) => {
    const place = join(folder, "python");
    cpSync(join(here, "programs/program.py"), join(place, "program.py"));
    const made = codegen("python", "--schema", tricky, "--out", join(place, "jobs.py"), "--scalar", "Money=decimal.Decimal");
    assert.equal(made.status, 0, made.stderr);
    for (const part of ["worker", "client"]) {
      assert.equal(codegen("python", "--schema", tricky, "--out", join(place, `${part}.py`), "--part", part).status, 0);
    }
    const sdk = join(root, "sdk/python/src");
    if (mypy) {
      await succeeds(mypy, ["--strict", "--python-version", "3.9", "--cache-dir", join(folder, "mypy"), "program.py", "worker.py", "client.py"],
        { cwd: place, env: { ...environment, MYPYPATH: sdk } });
    } else {
      t.diagnostic("mypy is not installed: types are not checked");
    }
    await succeeds(python, ["-c", "import client"], { cwd: place });
    const { worker, client } = server.tokens.bolt;
    const said = await succeeds(python, ["-W", "error", "program.py", server.url, worker, client],
      { cwd: place, env: { ...environment, PYTHONPATH: sdk, PYTHONDONTWRITEBYTECODE: "1" } });
    assert.equal(said, "done\n");
  });

  test("in C++ has documents that the server takes", async () => {
    const { stdout } = codegen("cpp", "--schema", tricky, "--part", "client");
    const documents = [...stdout.matchAll(/R"graphql\((.*?)\)graphql"/gs)].map(([, text]) => text);
    assert.equal(documents.length, 18);
    for (const query of documents) {
      const { errors } = await request(server, { query, variables: { id: "01890000-0000-7000-8000-000000000000" } });
      // It goes as far as to the variables that are missing.
      for (const error of errors ?? []) assert.equal(error.extensions.code, "BAD_USER_INPUT", JSON.stringify(error));
    }
  });

  test("in Python knows the names of a server with a prefix", async () => {
    const place = join(folder, "prefix");
    const schema = join(folder, "prefix.graphql");
    writeFileSync(schema, "type Mutation { go: Int @job }");
    const config = join(folder, "errand.toml");
    writeFileSync(config, '[schema]\nprefix = "acme"\noptions_argument = "settings"\n');
    const other = await Server.start(["--config", config], schema);
    try {
      mkdirSync(place);
      const made = codegen("python", "--schema", schema, "--prefix", "acme", "--options-argument", "settings", "--part", "client",
        "--out", join(place, "jobs.py"));
      assert.equal(made.status, 0, made.stderr);
      const program = `import sys, jobs
handle = jobs.Client(*sys.argv[1:]).go(options=jobs.AcmeJobOptions(delay="1h"))
print(handle.state().status, handle.cancel().status, next(handle.states()).status, next(handle.watch())["type"])`;
      const said = await succeeds(python, ["-c", program, other.url, other.tokens.acme.client], { cwd: place });
      assert.equal(said, "SCHEDULED CANCELED CANCELED dev.errand.job.enqueued\n");
    } finally {
      await other.stop();
    }
  });
});
