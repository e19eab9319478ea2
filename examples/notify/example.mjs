// The parts of the example, started together on free ports: mailbox, receiver of webhooks, page, server, worker.
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile, freePort, graphql, Programs, repository } from "../support/demo.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const inventory = join(here, "../inventory");
const TYPES = { ".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript" };
const PAGE = {
  ...Object.fromEntries(["index.html", "page.css", "page.js", "push.js"].map((name) => [`/${name}`, join(here, "page", name)])),
  "/graphql-sse.js": join(dirname(createRequire(import.meta.url).resolve("graphql-sse/package.json")), "umd/graphql-sse.min.js"),
};
PAGE["/"] = PAGE["/index.html"];

/** Serves the files of the page. */
export function servePage(port) {
  const server = createServer((request, response) => {
    const file = PAGE[new URL(request.url, "http://page").pathname];
    if (!file) return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[extname(file)], "cache-control": "no-store" }).end(readFileSync(file));
  });
  return new Promise((resolve, reject) => server.on("error", reject).listen(port, "127.0.0.1", () => resolve(server)));
}

export class Example {
  /** @param options {errand: the program, out: where the worker writes, ports: further ones that Errand may send to} */
  static async start({ errand, out, ports = [] }) {
    compile(join(repository, "sdk/typescript"), inventory, here);
    const example = new Example();
    example.programs = new Programs(errand);
    try {
      await example.run(out, ports);
    } catch (error) {
      await example.stop();
      throw error;
    }
    return example;
  }

  async run(out, further) {
    const { programs } = this;
    const [port, page, mailbox, receiver] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    this.url = `http://127.0.0.1:${port}`;
    // The settings as they stand, on ports that are free.
    const free = { 7420: port, 7421: page, 7422: mailbox, 7423: receiver };
    const settings = readFileSync(join(here, "errand.toml"), "utf8")
      .replace(/\b742[0-3]\b/g, (number) => free[number])
      .replace('"443"]', `${["443", ...further].map((number) => `"${number}"`).join(", ")}]`);
    writeFileSync(join(programs.folder, "errand.toml"), settings);

    const node = (name, script, environment) => programs.start(name, process.execPath, [script], environment);
    this.mailbox = node("mailbox", join(here, "mailbox.mjs"), { PORT: mailbox });
    await programs.startServer(port, ["--schema", join(inventory, "schema.graphql"), "--config", join(programs.folder, "errand.toml")]);
    this.tokens = programs.tokens();
    const secret = programs.errand(["webhook", "secret", "receiver", "--data", programs.data]).trim();
    this.receiver = node("receiver", join(here, "dist/receiver.js"), { PORT: receiver, WEBHOOK_SECRET: secret });
    this.worker = node("worker", join(inventory, "dist/worker.js"), { ERRAND_URL: this.url, ERRAND_TOKEN: this.tokens.worker, INVENTORY_OUT: out });
    this.server = await servePage(page);
    this.page = `http://127.0.0.1:${page}/#server=${encodeURIComponent(this.url)}&token=${this.tokens.client}`;
    await this.graphql('mutation { setNotificationContact(input: { address: "you@example.org" }) { address } }');
  }

  graphql(query, variables) {
    return graphql(this.url, this.tokens.client, query, variables);
  }

  /** What a part has printed. */
  printed(part) {
    return readFileSync(part.log, "utf8");
  }

  async stop() {
    this.server?.closeAllConnections?.();
    this.server?.close();
    await this.programs.stop(this.worker);
  }
}
