// Starts the built program on a free port, in a directory of its own.
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const binary = process.env.ERRAND_BINARY;
if (!binary) throw new Error("ERRAND_BINARY must name the errand program");
/** The environment without ours: the program refuses variables of its prefix that it does not know. */
export const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("ERRAND_")));
export const schemaFile = fileURLToPath(new URL("../schema.graphql", import.meta.url));

const clientScopes = ["jobs:*", "webhooks:*", "callback:create", "notifications:use"];

const scopesOf = {
  client: clientScopes,
  other: ["jobs:read", "notifications:use"], // another user of the tenant
  operator: ["jobs:*", "notifications:*"],
  worker: ["worker"],
};

/** Tokens and credentials file of two tenants, each with a client, another user, an operator and a worker. */
async function makeCredentials(folder) {
  const tokens = {};
  let toml = "";
  for (const tenant of ["acme", "bolt"]) {
    for (const kind of Object.keys(scopesOf)) {
      const token = `ert_${randomBytes(32).toString("base64url")}`;
      tokens[tenant] = { ...tokens[tenant], [kind]: token };
      const scopes = scopesOf[kind];
      toml += `[[credential]]
token_sha256 = "${createHash("sha256").update(token).digest("hex")}"
subject = "${kind}:${tenant}"
tenant = "${tenant}"
scopes = ${JSON.stringify(scopes)}

`;
    }
  }
  const file = join(folder, "credentials.toml");
  await writeFile(file, toml, { mode: 0o600 });
  return { file, tokens };
}

export class Server {
  /** Runs `errand serve` and waits until it listens. `schema` null: `more` says what it serves. */
  static async start(more = [], schema = schemaFile, logLevel = "debug") {
    const server = new Server();
    server.folder = await mkdtemp(join(tmpdir(), "errand-e2e-"));
    const { file, tokens } = await makeCredentials(server.folder);
    server.tokens = tokens;
    server.args = ["serve", ...(schema === null ? [] : ["--schema", schema]), "--data", join(server.folder, "data"), "--credentials", file,
      "--log-format", "json", "--log-level", logLevel, "--json", ...more];
    await server.run();
    return server;
  }

  async run(port = 0) {
    this.log = [];
    this.child = spawn(binary, [...this.args, "--port", String(port)], { env: environment, stdio: ["ignore", "pipe", "pipe"] });
    this.exited = new Promise((resolve) => this.child.once("exit", (code, signal) => resolve({ code, signal })));
    createInterface({ input: this.child.stderr }).on("line", (line) => this.log.push(line));
    const first = await Promise.race([
      new Promise((resolve) => createInterface({ input: this.child.stdout }).once("line", resolve)),
      this.exited.then(() => null),
    ]);
    if (first === null) throw new Error(`the server did not start:\n${this.log.join("\n")}`);
    this.summary = JSON.parse(first);
    this.url = this.summary.url;
  }

  /** Log lines as objects. */
  records() {
    return this.log.map((line) => JSON.parse(line));
  }

  async stop() {
    this.child.kill("SIGTERM");
    const end = await this.exited;
    await rm(this.folder, { recursive: true, force: true });
    return end;
  }
}
