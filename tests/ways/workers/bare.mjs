// The scripted handler of ../README.md without an SDK: ERRAND_TRANSPORT=poll takes jobs by HTTP long poll and nothing but fetch, =socket
// speaks errand.worker.v1 over a bare WebSocket. It does what docs/protocol/worker.md asks of a worker, and no more.
import { createRequire } from "node:module";
import { setTimeout as pause } from "node:timers/promises";
import { perform } from "../script.mjs";

const require = createRequire(new URL("../../e2e/package.json", import.meta.url));
const { WebSocket } = require("ws");

const { env } = process;
const list = (text) => text?.split(",").filter(Boolean);
const object = (text) => (text ? JSON.parse(text) : undefined);
const SLOTS = Number(env.ERRAND_SLOTS ?? 1);
const AGAIN_MS = 200;
const introduction = {
  types: list(env.ERRAND_TYPES) ?? ["perform"], queues: list(env.ERRAND_QUEUES), name: env.ERRAND_WORKER_NAME, build: env.ERRAND_BUILD,
  sdk: "bare", labels: object(env.ERRAND_LABELS), selectors: object(env.ERRAND_SELECTORS),
};
const authorization = `Bearer ${env.ERRAND_TOKEN}`;

const log = (message, more = {}) => process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level: "info", message, ...more })}\n`);

/** The server does not want this worker, and never will. */
class Refused extends Error {}

/** Attempts under way, and how they are told apart: by token. */
const attempts = new Map();
const givenBack = new Set();
let draining = false;

function about({ jobId, token }) {
  return { jobId, token };
}

function stop(token, reason, lost) {
  const attempt = attempts.get(token);
  if (!attempt) return;
  attempt.lost ||= lost;
  log("told to stop", { jobId: attempt.message.jobId, reason, lost });
  attempt.abort.abort(reason);
}

function heardHeartbeat({ jobs }) {
  for (const { token, state, reason } of jobs) {
    if (state === "CANCELING") stop(token, reason, false);
    if (state === "LEASE_LOST" || state === "JOB_ENDED") stop(token, state, true);
  }
}

/** Runs an offered job to its acknowledged report. `transport.progress` is cheap; `transport.report` repeats until there is an ack. */
async function run(message, transport) {
  const abort = new AbortController();
  const attempt = { message, abort, lost: false, progress: undefined };
  attempts.set(message.token, attempt);
  log("job", { jobId: message.jobId, attempt: message.attempt });
  const report = await perform({
    message, receivedAt: performance.now(), signal: abort.signal,
    progress: (its) => {
      attempt.progress = { type: "progress", ...about(message), ...its };
      transport.progress(attempt);
    },
  }, givenBack);
  if (!attempt.lost) {
    const ack = await transport.report(attempt, { ...report, ...about(message) });
    log("acknowledged", { jobId: message.jobId, report: report.type, ...ack });
  }
  attempts.delete(message.token);
}

const tooLarge = ({ jobId, token }) => ({
  type: "fail", jobId, token, error: { kind: "PERMANENT", code: "RESULT_TOO_LARGE", message: "the result fits no message" },
});

// --- long poll

async function post(path, body, signal = AbortSignal.timeout(10_000)) {
  const answer = await fetch(`${env.ERRAND_URL}/worker/v1/${path}`, {
    method: "POST", body: JSON.stringify(body), headers: { authorization, "content-type": "application/json" },
    signal,
  });
  const text = await answer.text();
  if (answer.status === 401 || answer.status === 403) throw new Refused(text);
  if (answer.status === 413) return "too large";
  if (!answer.ok) throw new Error(`${answer.status}: ${text}`);
  return JSON.parse(text).messages;
}

const byPoll = {
  progress(attempt) {
    attempt.flushing ??= (async () => {
      while (attempt.progress && !attempt.lost) {
        const next = attempt.progress;
        attempt.progress = undefined;
        await post("messages", next).catch(() => {});
      }
      attempt.flushing = undefined;
    })();
  },
  async report(attempt, report) {
    await attempt.flushing; // the last progress stands before the end
    for (; !attempt.lost; await pause(AGAIN_MS)) {
      try {
        const answer = await post("messages", report);
        if (answer === "too large") {
          report = tooLarge(report);
          continue;
        }
        if (answer[0].status === "OK" || !answer[0].error.retryable) return answer[0];
      } catch (error) {
        log("the report goes again", { reason: error.message });
      }
    }
    return { status: "given up" };
  },
};

async function poll() {
  let beating;
  const beat = () => {
    const jobs = [...attempts.values()].filter(({ lost }) => !lost).map(({ message }) => about(message));
    if (jobs.length === 0) return;
    void post("messages", { type: "heartbeat", jobs }).then(([ack]) => heardHeartbeat(ack), () => {});
  };
  const stopPolling = new AbortController();
  let freed = () => {};
  process.on("SIGTERM", () => {
    draining = true;
    stopPolling.abort();
    freed();
  });
  const running = new Set();
  while (!draining) {
    const slots = SLOTS - running.size;
    if (slots === 0) {
      await new Promise((resolve) => (freed = resolve));
      continue;
    }
    try {
      // Shorter with jobs at hand: the slots of a poll do not grow.
      const waitMs = running.size > 0 ? 500 : 5_000;
      for (const message of await post("poll", { ...introduction, slots, waitMs }, stopPolling.signal)) {
        beating ??= setInterval(beat, message.leaseMs / 3);
        const done = run(message, byPoll).finally(() => {
          running.delete(done);
          freed();
        });
        running.add(done);
      }
    } catch (error) {
      if (error instanceof Refused) throw error;
      if (!draining) log("the poll goes again", { reason: error.message });
      await pause(draining ? 0 : AGAIN_MS);
    }
  }
  await Promise.all(running);
  clearInterval(beating);
}

// --- WebSocket

async function socket() {
  const outbox = new Map(); // by ref: not acknowledged yet
  const dirty = new Set(); // attempts with progress that was not sent
  let current; // the welcomed connection
  let beating;
  let refs = 0;
  let messageBytesMax = Infinity;
  let idle = () => {};
  const running = new Set();

  const send = (...messages) => {
    if (current?.readyState !== WebSocket.OPEN || messages.length === 0) return;
    current.send(JSON.stringify(messages.length === 1 ? messages[0] : messages));
  };
  const flush = () => {
    if (!current) return;
    send(...[...dirty].map(({ progress }) => progress));
    dirty.clear();
  };
  const transport = {
    progress(attempt) {
      if (dirty.size === 0) setImmediate(flush);
      dirty.add(attempt);
    },
    report(attempt, report) {
      flush();
      if (JSON.stringify(report).length > messageBytesMax - 1_000) report = tooLarge(report);
      const message = { ...report, ref: String((refs += 1)) };
      return new Promise((resolve) => {
        outbox.set(message.ref, { message, resolve });
        attempt.abort.signal.addEventListener("abort", () => {
          if (attempt.lost && outbox.delete(message.ref)) resolve({ status: "given up" });
        });
        send(message);
      });
    },
  };
  const take = (message) => {
    const done = run(message, transport).finally(() => {
      running.delete(done);
      if (!draining) send({ type: "credits", add: 1 });
      idle();
    });
    running.add(done);
  };
  const hear = (message) => {
    if (message.type === "job") take(message);
    if (message.type === "heartbeat_ack") heardHeartbeat(message);
    if (message.type === "cancel") stop(message.token, message.reason, message.graceMs === 0);
    if (message.type === "drain" && message.reason === "REQUESTED") drain();
    if (message.type !== "ack") return;
    const sent = outbox.get(message.ref);
    if (!sent) return;
    if (message.error?.retryable) return void setTimeout(send, AGAIN_MS, sent.message);
    outbox.delete(message.ref);
    sent.resolve(message);
  };
  const drain = () => {
    draining = true;
    send({ type: "drain" });
    idle();
  };
  const beat = () => {
    const jobs = [...attempts.values()].filter(({ lost }) => !lost).map(({ message }) => about(message));
    if (jobs.length > 0) send({ type: "heartbeat", jobs });
    return jobs.length;
  };
  process.on("SIGTERM", drain);

  /** One connection; resolves when it is over. */
  const connect = () =>
    new Promise((resolve, reject) => {
      const web = new WebSocket(`${env.ERRAND_URL.replace("http", "ws")}/worker`, "errand.worker.v1", { headers: { authorization } });
      web.on("error", (error) => {
        if (/server response: 40[13]|subprotocol/i.test(error.message)) reject(new Refused(error.message));
      });
      web.on("open", () => web.send(JSON.stringify({ type: "hello", slots: SLOTS, ...introduction })));
      web.on("close", (code, reason) => {
        if (current === web) current = undefined;
        if ([4400, 4403, 4406].includes(code)) reject(new Refused(`${code} ${reason}`));
        log("closed", { code });
        resolve();
      });
      web.on("message", (bytes) => {
        const parsed = JSON.parse(bytes);
        for (const message of Array.isArray(parsed) ? parsed : [parsed]) {
          if (message.type === "error") log("error", message);
          if (message.type !== "welcome") {
            hear(message);
            continue;
          }
          current = web;
          messageBytesMax = message.messageBytesMax;
          clearInterval(beating);
          beating = setInterval(beat, message.heartbeatMs);
          beat();
          flush();
          send(...[...outbox.values()].map(({ message: report }) => report));
          if (draining) send({ type: "drain" });
          else if (SLOTS > running.size) send({ type: "credits", add: SLOTS - running.size });
        }
      });
    });

  const connected = (async () => {
    while (!draining || running.size > 0) {
      await connect();
      if (!draining || running.size > 0) await pause(AGAIN_MS);
    }
  })();
  const finished = (async () => {
    while (!draining || running.size > 0) await new Promise((resolve) => (idle = resolve));
    current?.close(1000);
  })();
  await Promise.race([connected, finished]);
  clearInterval(beating);
  current?.close(1000);
}

try {
  await (env.ERRAND_TRANSPORT === "poll" ? poll() : socket());
  process.exit(0);
} catch (error) {
  process.stderr.write(`${JSON.stringify({ level: "error", message: "refused", reason: error.message })}\n`);
  process.exit(1);
}
