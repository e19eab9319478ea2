// Processes that a program of tests starts: servers and workers.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const LOG_LINES_MAX = 5_000;

/** Nothing that was started here outlives this program, however it ends. */
const children = new Set();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

export function start(program, args, options) {
  const child = spawn(program, args, options);
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

export class WorkerProcess {
  /** The last lines of its log. */
  log = [];

  constructor([program, ...args], env) {
    this.child = start(program, args, { env, stdio: ["ignore", "inherit", "pipe"] });
    createInterface({ input: this.child.stderr }).on("line", (line) => {
      this.log.push(line);
      if (this.log.length > LOG_LINES_MAX) this.log.splice(0, LOG_LINES_MAX / 2);
    });
    this.exited = new Promise((resolve, reject) => {
      this.child.once("error", reject);
      this.child.once("close", (code, signal) => resolve({ code, signal }));
    });
    this.exited.catch(() => {});
  }
  get runs() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }
  signal(name) {
    if (this.runs) this.child.kill(name);
  }
  /** As an operator or a supervisor does; it finishes what it has. */
  async stop() {
    this.signal("SIGTERM");
    return this.exited;
  }
  async kill() {
    this.signal("SIGKILL");
    return this.exited;
  }
}
