// Debian's nats-server and rabbitmq-server, on free loopback ports and with all that they keep in a temporary folder: brokers that a test kills and
// starts again on the same data.
import { execFileSync, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { join } from "node:path";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Of those below what the system gives to others: a broker binds it much later, and again after each kill. */
async function freePort() {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const free = await new Promise((resolve) => server.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true)));
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
  throw new Error("no port below 32000 is free on loopback");
}

/** The first bytes that come from a port, or null where nothing listens. */
const greeting = (port, hello) => new Promise((resolve) => {
  const socket = createConnection({ host: "127.0.0.1", port });
  const end = (value) => { socket.destroy(); resolve(value); };
  socket.once("connect", () => hello && socket.write(hello));
  socket.once("data", end);
  socket.once("error", () => end(null));
  socket.once("close", () => end(null));
  socket.setTimeout(2000, () => end(null));
});

/** A process group of its own, so that all of it can be killed. */
class Broker {
  constructor(folder) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    this.log = join(folder, "broker.log");
  }
  spawn(program, args, environment = process.env) {
    const out = openSync(this.log, "a");
    this.process = spawn(program, args, { cwd: this.folder, env: environment, detached: true, stdio: ["ignore", out, out] });
    closeSync(out);
    this.exited = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.once("error", (error) => { this.failed = error; });
  }
  /** Waits until it answers `hello`; the end of its process is an error. */
  async ready(hello) {
    let ended = false;
    this.exited.then(() => { ended = true; });
    for (const end = Date.now() + 180_000; ; await pause(100)) {
      if (ended || this.failed || Date.now() > end) {
        throw new Error(`${this.constructor.name} did not start: ${this.failed ?? readFileSync(this.log, "utf8").slice(-4000)}`);
      }
      if (await greeting(this.port, hello)) return;
    }
  }
  async kill() {
    if (!this.process) return;
    try {
      process.kill(-this.process.pid, "SIGKILL");
    } catch (error) {
      if (error.code !== "ESRCH") throw error;
    }
    await this.exited;
  }
}

/** A key and a certificate of its own for localhost, which is the authority to trust as well. */
export function certificate(folder) {
  mkdirSync(folder, { recursive: true });
  const files = { key: join(folder, "key.pem"), cert: join(folder, "cert.pem") };
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
    "-addext", "subjectAltName=DNS:localhost", "-keyout", files.key, "-out", files.cert], { stdio: "ignore" });
  return files;
}

export class Nats extends Broker {
  /** @param tls  certificate(): over TLS alone */
  constructor(folder, tls) {
    super(folder);
    this.tls = tls;
  }
  async start() {
    this.port ??= await freePort();
    const tls = this.tls ? ["--tls", "--tlscert", this.tls.cert, "--tlskey", this.tls.key] : [];
    this.spawn("/usr/sbin/nats-server", ["-js", "-a", "127.0.0.1", "-p", String(this.port), "-sd", join(this.folder, "store"), ...tls]);
    await this.ready();
    return this;
  }
  get url() {
    return this.tls ? `tls://localhost:${this.port}` : `nats://127.0.0.1:${this.port}`;
  }
}

/** With a port mapper (epmd) of its own, which goes with it: nothing of the machine's is used or left. */
export class Rabbit extends Broker {
  /** @param tls  certificate(): on a port of its own, secureUrl */
  constructor(folder, tls) {
    super(folder);
    this.tls = tls;
  }
  async start() {
    if (!this.port) {
      [this.port, this.securePort, this.distribution, this.mapper] = [await freePort(), await freePort(), await freePort(), await freePort()];
      // The server runs as whoever runs the test; Erlang wants its cookie at home, and for nobody else.
      writeFileSync(join(this.folder, ".erlang.cookie"), "relaystest", { mode: 0o400 });
      writeFileSync(join(this.folder, "rabbitmq.conf"), `listeners.tcp.default = 127.0.0.1:${this.port}
listeners.ssl.default = 127.0.0.1:${this.securePort}
ssl_options.cacertfile = ${this.tls.cert}
ssl_options.certfile = ${this.tls.cert}
ssl_options.keyfile = ${this.tls.key}
`);
      writeFileSync(join(this.folder, "advanced.config"), "[].\n");
      writeFileSync(join(this.folder, "enabled_plugins"), "[].\n");
    }
    const environment = {
      ...process.env,
      HOME: this.folder,
      RABBITMQ_NODENAME: `errand-test-${this.port}@localhost`,
      RABBITMQ_MNESIA_BASE: join(this.folder, "mnesia"),
      RABBITMQ_LOG_BASE: join(this.folder, "log"),
      RABBITMQ_LOGS: "-",
      RABBITMQ_DIST_PORT: String(this.distribution),
      ERL_EPMD_PORT: String(this.mapper),
      ERL_EPMD_ADDRESS: "127.0.0.1",
      RABBITMQ_CONFIG_FILE: join(this.folder, "rabbitmq.conf"),
      RABBITMQ_ADVANCED_CONFIG_FILE: join(this.folder, "advanced.config"),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(this.folder, "enabled_plugins"),
      RABBITMQ_PID_FILE: join(this.folder, "pid"),
      RABBITMQ_CONF_ENV_FILE: "/dev/null",
    };
    if (!this.epmd) {
      this.epmd = spawn("epmd", ["-port", String(this.mapper)], { env: environment, stdio: "ignore" });
      this.epmd.once("error", (error) => { this.failed = error; });
    }
    this.spawn("/usr/lib/rabbitmq/bin/rabbitmq-server", [], environment);
    // It listens a while before it takes anybody: the answer to the protocol's header counts.
    await this.ready(Buffer.from("AMQP\x00\x00\x09\x01", "latin1"));
    return this;
  }
  get url() {
    return `amqp://127.0.0.1:${this.port}`;
  }
  get secureUrl() {
    return `amqps://localhost:${this.securePort}`;
  }
  async end() {
    await this.kill();
    this.epmd?.kill("SIGKILL");
  }
}
