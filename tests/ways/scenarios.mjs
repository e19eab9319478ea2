// What a job may meet, and the end that it must come to whatever way it is run. Each scenario has a mutation of its own, or several.
//
//   job      arguments of its @job; `types` where it has several mutations, by what is appended to its id
//   hosted   arguments of its handler where the server runs the jobs itself
//   needs    what a way must have (ways.mjs)
//   own      its own server: "restart", as it stops that, or "clock", as it puts the clock forward
//   shared   served by the way's one worker for everything; the others start theirs
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { LEASE_MS } from "./arena.mjs"; // what has to pass a lease, or not, is counted in leases
import { isHeartbeat, ofType, withoutHeartbeats } from "./proxy.mjs";

const LONG = { do: "sleep", ms: 60_000 };
/** By this an attempt says that its handler runs: `started` is only what the server knows. */
const BEGIN = { do: "progress", stage: "begun" };
/** The server's own, which no setting changes. */
const GRACE_MS = 30_000;
const half = Math.round(LEASE_MS / 2);
const SOON = 'backoff: {interval: "10ms"}';

/** The end of a job: status, attempts, and its history, in which "ready" and progress are left out. */
function assertEnd(job, status, attempt, history) {
  const seen = job.history.filter((type) => type !== "ready" && type !== "progressed");
  assert.deepEqual([job.status, job.attempt, seen], [status, attempt, history], JSON.stringify(job));
}
const DEAD = ["attempt_failed", "failed", "dead_lettered"];
const SUCCESS = ["enqueued", "started", "succeeded"];

export const scenarios = [
  {
    id: "success", name: "success", shared: true,
    async run(t) {
      const job = await t.end(await t.submit([[{ do: "sleep", ms: 20 }]]));
      assertEnd(job, "SUCCEEDED", 1, SUCCESS);
      assert.deepEqual([job.result.text, job.result.attempt, job.result.stopped, job.error], ["done", 1, null, null]);
    },
  },
  {
    id: "refusedResult", name: "typed result refused", shared: true,
    async run(t) {
      const job = await t.end(await t.submit([[{ do: "return", value: { attempt: 1 } }]]));
      assertEnd(job, "FAILED", 1, ["enqueued", "started", ...DEAD]);
      assert.equal(job.error.code, "RESULT_INVALID");
      assert.match(job.error.message, /text/);
    },
  },
  {
    id: "oversized", name: "oversized result", shared: true,
    async run(t) {
      // Beyond what the server stores, and beyond what it reads at all.
      for (const bytes of [270_000, 3_000_000]) {
        const job = await t.end(await t.submit([[{ do: "big", bytes }]]));
        assertEnd(job, "FAILED", 1, ["enqueued", "started", ...DEAD]);
        const checked = t.way.unbounded || (bytes < t.arena.messageBytesMax && !t.way.endpoint);
        assert.equal(job.error.code, checked ? "RESULT_INVALID" : "RESULT_TOO_LARGE");
      }
    },
  },
  {
    id: "transient", name: "transient, then success", shared: true, job: SOON,
    async run(t) {
      const id = await t.submit([[{ do: "transient", code: "BUSY", message: "come again" }], []]);
      const job = await t.end(id);
      assertEnd(job, "SUCCEEDED", 2, ["enqueued", "started", "attempt_failed", "retry_scheduled", "started", "succeeded"]);
      assert.equal(job.result.attempt, 2);
      const { data } = t.arena.history(id).find(({ type }) => type === "attempt_failed");
      assert.deepEqual([data.error.code, data.error.message], ["BUSY", "come again"]);
    },
  },
  {
    id: "crash", name: "any other error, then success", shared: true, job: SOON,
    async run(t) {
      const job = await t.end(await t.submit([[{ do: "crash" }], []]));
      assertEnd(job, "SUCCEEDED", 2, ["enqueued", "started", "attempt_failed", "retry_scheduled", "started", "succeeded"]);
    },
  },
  {
    id: "retryAfter", name: "retryAfter", shared: true, job: SOON,
    async run(t) {
      const id = await t.submit([[{ do: "transient", retryAfterMs: 700 }], []]);
      const job = await t.end(id);
      assert.deepEqual([job.status, job.attempt], ["SUCCEEDED", 2]);
      const events = t.arena.history(id);
      const at = (type) => events.find((event) => event.type === type).time;
      const again = events.findLast(({ type }) => type === "started").time;
      assert.ok(again - at("attempt_failed") >= 700, `${again - at("attempt_failed")} ms`);
    },
  },
  {
    id: "permanent", name: "permanent", shared: true,
    async run(t) {
      const told = { code: "NO_SUCH_ACCOUNT", message: "there is no account", details: { account: 7 }, remediation: "Correct it." };
      const job = await t.end(await t.submit([[{ do: "permanent", ...told }]]));
      assertEnd(job, "FAILED", 1, ["enqueued", "started", ...DEAD]);
      assert.deepEqual(job.error, { ...told, retryable: false });
    },
  },
  {
    id: "lastAttempt", name: "last attempt", shared: true, job: `maxAttempts: 2, ${SOON}`,
    async run(t) {
      const job = await t.end(await t.submit([[{ do: "transient", code: "BUSY" }]]));
      assertEnd(job, "FAILED", 2, ["enqueued", "started", "attempt_failed", "retry_scheduled", "started", ...DEAD]);
      assert.equal(job.error.code, "BUSY");
    },
  },
  {
    id: "flood", name: "progress flood coalesced", needs: ["progress"], shared: true,
    async run(t) {
      const job = await t.end(await t.submit([[{ do: "flood", count: 1000 }]]));
      assert.deepEqual([job.status, job.attempt], ["SUCCEEDED", 1]);
      assert.deepEqual([job.progress.completed, job.progress.total], [1000, 1000]);
      const kept = job.history.filter((type) => type === "progressed").length;
      assert.ok(kept >= 1 && kept <= 20, `${kept} of 1000`);
    },
  },
  {
    id: "lastProgress", name: "progress before end kept", needs: ["progress"], shared: true,
    async run(t) {
      const id = await t.submit([[
        { do: "progress", completed: 1, total: 3, stage: "begin" }, { do: "progress", completed: 3, total: 3, stage: "end", message: "all" },
      ]]);
      const job = await t.end(id);
      assert.equal(job.status, "SUCCEEDED");
      assert.deepEqual(job.progress, { completed: 3, total: 3, stage: "end", message: "all" });
      assert.deepEqual(job.history.slice(-2), ["progressed", "succeeded"]);
    },
  },
  {
    id: "timeout", name: "attempt timeout", job: `timeout: "${half}ms", ${SOON}`, hosted: "concurrency: 1",
    async run(t) {
      t.work(); // with one slot: the second attempt runs only if the first was told to stop, and did
      const id = await t.submit([[LONG], []]);
      const job = await t.end(id);
      assertEnd(job, "SUCCEEDED", 2, ["enqueued", "started", "attempt_failed", "retry_scheduled", "started", "succeeded"]);
      assert.equal(t.arena.history(id).find(({ type }) => type === "attempt_failed").data.kind, "TIMEOUT");
    },
  },
  {
    id: "queueTimeout", name: "queueTimeout", job: `queueTimeout: "${half}ms"`, hosted: "concurrency: 1",
    async run(t) {
      t.work();
      const first = await t.begun(await t.submit([[BEGIN, { do: "sleep", ms: 2 * half }]], { queueTimeout: "1m" }));
      const second = await t.end(await t.submit([[]]));
      assertEnd(second, "EXPIRED", 0, ["enqueued", "expired"]);
      assertEnd(await t.end(first), "SUCCEEDED", 1, SUCCESS);
    },
  },
  {
    id: "deadline", name: "deadline while running", shared: true, job: `deadline: "${half}ms"`,
    async run(t) {
      const id = await t.submit([[{ do: "untilStopped" }]]);
      const job = await t.end(id);
      assertEnd(job, "EXPIRED", 1, ["enqueued", "started", "cancel_requested", "expired"]);
      assert.equal(job.result, null);
    },
  },
  {
    id: "cancel", name: "cancel obeyed", hosted: "concurrency: 1",
    async run(t) {
      t.work();
      const id = await t.begun(await t.submit([[BEGIN, LONG]]));
      await t.cancel(id);
      assertEnd(await t.end(id), "CANCELED", 1, ["enqueued", "started", "cancel_requested", "canceled"]);
      assertEnd(await t.end(await t.submit([[]])), "SUCCEEDED", 1, SUCCESS); // the slot is free again
    },
  },
  {
    id: "cancelIgnored", name: "cancel ignored to the grace's end", own: "clock",
    async run(t) {
      t.work();
      const id = await t.begun(await t.submit([[BEGIN, { do: "stubborn", ms: half }]]));
      await t.cancel(id);
      await t.arena.until(id, "cancel_requested");
      await t.arena.advance("31s"); // the grace is 30 s, the lease of this server longer
      assertEnd(await t.end(id), "CANCELED", 1, ["enqueued", "started", "cancel_requested", "canceled"]);
      // The worker lives, and what it says about the job, if anything, is refused.
      assertEnd(await t.end(await t.submit([[]])), "SUCCEEDED", 1, SUCCESS);
      t.stale(0, 2);
      assertEnd(await t.job(id), "CANCELED", 1, ["enqueued", "started", "cancel_requested", "canceled"]);
    },
  },
  {
    id: "cancelOrComplete", name: "cancel against complete", needs: ["last word"], hosted: "concurrency: 1",
    async run(t) {
      t.work();
      const id = await t.begun(await t.submit([[BEGIN, { do: "untilStopped" }]]));
      await t.cancel(id);
      const job = await t.end(id);
      assertEnd(job, "SUCCEEDED", 1, ["enqueued", "started", "cancel_requested", "succeeded"]);
      assert.equal(job.result.stopped, "CANCEL");
      // Its slot is free now, and not at the end of the grace that it did not need.
      const next = await t.submit([[]]);
      assertEnd(await t.end(next), "SUCCEEDED", 1, SUCCESS);
      const at = (one, kind) => t.arena.history(one).find(({ type }) => type === kind).time;
      assert.ok(at(next, "started") - at(id, "cancel_requested") < GRACE_MS, "the slot was held until the grace was over");
      // At the same moment: whichever was first, the job ends once, and nobody is told otherwise.
      const both = await Promise.all(Array.from({ length: 8 }, async (_, i) => {
        const one = await t.begun(await t.submit([[BEGIN, { do: "sleep", ms: 40 * (i % 4) }]]));
        await pause(40 * (i % 4));
        await t.cancel(one).catch((error) => assert.match(error.message, /JOB_ENDED/));
        return t.end(one);
      }));
      for (const { status, history } of both) {
        assert.ok(["SUCCEEDED", "CANCELED"].includes(status), status);
        assert.equal(history.filter((type) => ["succeeded", "canceled"].includes(type)).length, 1);
      }
    },
  },
  {
    id: "kill", name: "kill", hosted: "concurrency: 1",
    async run(t) {
      t.work();
      const id = await t.begun(await t.submit([[BEGIN, LONG]]));
      await t.arena.graphql("mutation ($id: ID!) { killJob(id: $id) { id } }", { id });
      assertEnd(await t.end(id), "CANCELED", 1, ["enqueued", "started", "killed"]);
      assertEnd(await t.end(await t.submit([[]])), "SUCCEEDED", 1, SUCCESS); // its slot is free
    },
  },
  {
    id: "heartbeatLost", name: "heartbeat lost", needs: ["link"],
    async run(t) {
      const link = await t.link();
      t.work({ url: link.url });
      let lost = 0;
      link.rule = (direction, text) => {
        if (direction !== "up" || !isHeartbeat(text) || lost++ > 0) return "pass";
        return t.way.hands === "poll" ? "drop" : withoutHeartbeats(text);
      };
      assertEnd(await t.end(await t.submit([[{ do: "sleep", ms: Math.round(1.4 * LEASE_MS) }]])), "SUCCEEDED", 1, SUCCESS);
      assert.ok(lost > 1, "no further heartbeat came");
    },
  },
  {
    id: "leaseLost", name: "lease lost, then late complete", needs: ["link"],
    async run(t) {
      const link = await t.link();
      t.work({ url: link.url, name: "late" });
      const id = await t.begun(await t.submit([[BEGIN, { do: "stubborn", ms: Math.round(1.4 * LEASE_MS) }], []]));
      const late = link.seen("up", ofType("complete"));
      link.hold("up", "down"); // nothing is lost, all of it comes too late
      t.work({ name: "other" });
      const job = await t.end(id);
      const history = ["enqueued", "started", "attempt_failed", "retry_scheduled", "started", "succeeded"];
      assertEnd(job, "SUCCEEDED", 2, history);
      assert.equal(job.result.worker, "other");
      assert.equal(t.arena.history(id).find(({ type }) => type === "attempt_failed").data.kind, "LEASE_LOST");
      await late;
      const before = await t.arena.staleReports();
      link.release("up");
      await t.eventually(async () => (await t.arena.staleReports()) > before);
      t.stale(1, 4); // an SDK says its last progress once more with the end, and says both by whatever way opens
      link.release("down");
      const after = await t.job(id);
      assertEnd(after, "SUCCEEDED", 2, history);
      assert.equal(after.result.worker, "other");
    },
  },
  {
    id: "lateCallback", name: "attempt over, then late complete", needs: ["late callback"], job: `timeout: "${half}ms", ${SOON}`,
    async run(t) {
      const first = t.hold();
      const id = await t.submit([[]]);
      const held = await first;
      const job = await t.end(id);
      assert.deepEqual([job.status, job.attempt], ["SUCCEEDED", 2]);
      const [ack] = await held.say({ type: "complete", ...held.about, result: { text: "late" } });
      assert.equal(ack.error.code, "JOB_ENDED");
      t.stale(1);
      assert.equal((await t.job(id)).result.text, "done");
    },
  },
  {
    id: "leaseLostCanceling", name: "lease lost while canceling", needs: ["link"],
    async run(t) {
      const link = await t.link();
      t.work({ url: link.url });
      const id = await t.begun(await t.submit([[BEGIN, LONG]]));
      link.hold("up", "down");
      await t.cancel(id);
      // Not another attempt: it was to end.
      const history = ["enqueued", "started", "cancel_requested", "canceled"];
      assertEnd(await t.end(id), "CANCELED", 1, history);
      link.release("up", "down");
      // It hears of all that at once, and is fit for more. It may have answered the cancel before it heard of the end.
      t.stale(0, 2);
      assertEnd(await t.end(await t.submit([[]])), "SUCCEEDED", 1, SUCCESS);
      assertEnd(await t.job(id), "CANCELED", 1, history);
    },
  },
  {
    id: "resent", name: "complete resent", needs: ["link"],
    async run(t) {
      const link = await t.link();
      t.work({ url: link.url });
      let completes = 0;
      let lost = 0;
      link.rule = (direction, text) => {
        if (direction === "up" && ofType("complete").test(text)) completes += 1;
        if (direction !== "down" || !ofType("ack").test(text) || lost > 0) return "pass";
        lost += 1;
        setImmediate(() => link.cut());
        return "drop";
      };
      const id = await t.submit([[]]);
      assertEnd(await t.end(id), "SUCCEEDED", 1, SUCCESS);
      await t.eventually(() => completes >= 2);
      assertEnd(await t.end(await t.submit([[]])), "SUCCEEDED", 1, SUCCESS);
      assertEnd(await t.job(id), "SUCCEEDED", 1, SUCCESS);
    },
  },
  {
    id: "resentByHand", name: "complete resent, word for word", needs: ["hands"],
    async run(t) {
      const held = await t.held([[]]);
      const complete = { type: "complete", ...held.about, result: { text: "once" } };
      for (let i = 0; i < 3; i += 1) {
        const [ack] = await held.say(complete);
        assert.equal(ack.status, "OK", JSON.stringify(ack));
      }
      assertEnd(await t.end(held.id), "SUCCEEDED", 1, SUCCESS);
    },
  },
  {
    id: "crossing", name: "complete crossing a heartbeat", needs: ["link"],
    async run(t) {
      const link = await t.link();
      t.work({ url: link.url });
      let crossed = false;
      link.rule = (direction, text) => {
        if (direction !== "up" || crossed) return "pass";
        if (isHeartbeat(text)) link.hold("up", "down");
        if (ofType("complete").test(text)) {
          crossed = true;
          setTimeout(() => link.release("up", "down"), 50);
        }
        return "pass";
      };
      const id = await t.submit([[{ do: "sleep", ms: half }]]);
      assertEnd(await t.end(id), "SUCCEEDED", 1, SUCCESS);
      assert.ok(crossed);
      assertEnd(await t.end(await t.submit([[]])), "SUCCEEDED", 1, SUCCESS);
    },
  },
  {
    id: "crossingByHand", name: "heartbeat behind its complete", needs: ["hands"],
    async run(t) {
      const held = await t.held([[]]);
      const beat = { type: "heartbeat", jobs: [held.about] };
      const answers = await held.say(beat, { type: "complete", ...held.about, result: { text: "done" } }, beat);
      assert.deepEqual(answers.map(({ jobs, status }) => status ?? jobs[0].state), ["RUNNING", "OK", "JOB_ENDED"]);
      assertEnd(await t.end(held.id), "SUCCEEDED", 1, SUCCESS);
    },
  },
  {
    id: "otherContent", name: "complete resent with other content", needs: ["hands"],
    async run(t) {
      const held = await t.held([[]]);
      const complete = (text) => held.say({ type: "complete", ...held.about, result: { text } });
      assert.equal((await complete("one"))[0].status, "OK");
      const [ack] = await complete("two");
      assert.deepEqual([ack.status, ack.error.code, ack.error.retryable], ["REFUSED", "JOB_ENDED", false]);
      const [late] = await held.say({ type: "fail", ...held.about, error: { kind: "PERMANENT", message: "no" } });
      assert.equal(late.error.code, "JOB_ENDED");
      t.stale(2);
      const job = await t.end(held.id);
      assertEnd(job, "SUCCEEDED", 1, SUCCESS);
      assert.equal(job.result.text, "one");
    },
  },
  {
    id: "anothers", name: "report for another's job", needs: ["hands"], hosted: "concurrency: 2",
    async run(t) {
      const [one, other] = await t.helds([[[]], [[]]]);
      const mixed = { jobId: other.id, token: one.about.token };
      if (t.way.endpoint) {
        // The callback token is for one attempt, and whatever is about another is refused as a whole.
        await assert.rejects(one.say({ type: "complete", ...mixed, result: { text: "stolen" } }), /40[13]/);
        await assert.rejects(one.say({ type: "complete", ...other.about, result: { text: "stolen" } }), /40[13]/);
      } else {
        const [ack] = await one.say({ type: "complete", ...mixed, result: { text: "stolen" } });
        assert.equal(ack.error.code, "LEASE_LOST");
        const [beat] = await one.say({ type: "heartbeat", jobs: [mixed] });
        assert.equal(beat.jobs[0].state, "LEASE_LOST");
        t.stale(1);
      }
      // Another tenant's worker has the token, and may not use it.
      const { body } = await t.arena.post("/worker/v1/messages",
        { type: "complete", ...other.about, result: { text: "stolen" } }, t.arena.tokens.stranger);
      assert.equal(body.messages[0].error.code, "LEASE_LOST");
      t.stale(1);
      for (const held of [one, other]) {
        assert.equal((await held.say({ type: "complete", ...held.about, result: { text: "mine" } }))[0].status, "OK");
        const job = await t.end(held.id);
        assertEnd(job, "SUCCEEDED", 1, SUCCESS);
        assert.equal(job.result.text, "mine");
      }
    },
  },
  {
    id: "queue", name: "queue not allowed", needs: ["greeting"],
    async run(t) {
      const id = await t.submit([[]]);
      const worker = t.work({ token: t.arena.tokens.narrow, queues: ["queue"] });
      assert.deepEqual(await worker.exited, { code: 1, signal: null });
      assert.match(worker.log.at(-1), /refused|40[13]|not allow|queue/i);
      assert.deepEqual((await t.job(id)).history, ["enqueued"]);
      // Without naming one it is welcome, and gets nothing of the others.
      t.work({ token: t.arena.tokens.narrow, name: "narrow" });
      await pause(300);
      t.work({ name: "allowed" });
      const job = await t.end(id);
      assertEnd(job, "SUCCEEDED", 1, SUCCESS);
      assert.equal(job.result.worker, "allowed");
    },
  },
  {
    id: "release", name: "release", needs: ["giving back"], shared: true,
    async run(t) {
      const job = await t.end(await t.submit([[{ do: "release" }]]));
      assertEnd(job, "SUCCEEDED", 1, ["enqueued", "started", "released", "started", "succeeded"]);
    },
  },
  {
    id: "snooze", name: "snooze", needs: ["giving back"], shared: true,
    async run(t) {
      const id = await t.submit([[{ do: "snooze", ms: 500 }]]);
      const job = await t.end(id);
      assertEnd(job, "SUCCEEDED", 1, ["enqueued", "started", "snoozed", "started", "succeeded"]);
      const events = t.arena.history(id);
      const gone = events.findLast(({ type }) => type === "started").time - events.find(({ type }) => type === "snoozed").time;
      assert.ok(gone >= 500, `${gone} ms`);
    },
  },
  {
    id: "drain", name: "drain with a job in hand", needs: ["process"],
    async run(t) {
      const worker = t.work({ slots: 2, name: "first" });
      const id = await t.begun(await t.submit([[BEGIN, { do: "sleep", ms: Math.round(1.2 * LEASE_MS) }]]));
      worker.signal("SIGTERM");
      await pause(300);
      // Until the server knows, the worker is given more.
      await t.eventually(async () => (await t.arena.graphql("{ workers { name draining } }")).workers
        .every(({ name, draining }) => name !== "first" || draining));
      const next = await t.submit([[]]);
      assert.deepEqual(await worker.exited, { code: 0, signal: null });
      const job = await t.job(id);
      assertEnd(job, "SUCCEEDED", 1, SUCCESS);
      assert.deepEqual((await t.job(next)).history, ["enqueued"]);
      t.work({ name: "second" });
      const rest = await t.end(next);
      assertEnd(rest, "SUCCEEDED", 1, SUCCESS);
      assert.equal(rest.result.worker, "second");
    },
  },
  {
    id: "operatorDrain", name: "drain by an operator", needs: ["connection"],
    async run(t) {
      const worker = t.work({ slots: 2, name: "leaves" });
      const id = await t.begun(await t.submit([[BEGIN, { do: "sleep", ms: Math.round(1.2 * LEASE_MS) }]]));
      const { workers } = await t.arena.graphql("{ workers { id name running draining way } }");
      const mine = workers.find(({ name }) => name === "leaves");
      assert.deepEqual([mine.running, mine.draining, mine.way], [1, false, "PULL"]);
      const { drainWorker } = await t.arena.graphql("mutation ($id: ID!) { drainWorker(id: $id) { draining } }", { id: mine.id });
      assert.equal(drainWorker.draining, true);
      const next = await t.submit([[]]);
      assert.deepEqual(await worker.exited, { code: 0, signal: null });
      assertEnd(await t.job(id), "SUCCEEDED", 1, SUCCESS);
      assert.deepEqual((await t.job(next)).history, ["enqueued"]);
      t.work({ name: "stays" });
      assert.equal((await t.end(next)).result.worker, "stays");
      assert.ok(!(await t.arena.graphql("{ workers { name } }")).workers.some(({ name }) => name === "leaves"));
    },
  },
  ...["SIGTERM", "SIGKILL"].map((signal) => ({
    id: signal === "SIGTERM" ? "restart" : "serverKilled",
    name: signal === "SIGTERM" ? "server restart with a job in hand" : "server killed with a job in hand",
    own: "restart",
    async run(t) {
      t.work({ slots: 2 });
      // One that goes on over the restart, and one that ends meanwhile. A request that is pushed ends with the server's process, so one that
      // is to be answered is waited for, and dies with a server that is killed.
      const meanwhile = { do: t.way.endpoint && signal === "SIGTERM" ? "sleep" : "stubborn", ms: half };
      const ids = await Promise.all([
        t.submit([[BEGIN, { do: "stubborn", ms: Math.round(1.5 * LEASE_MS) }]]), t.submit([[BEGIN, meanwhile]]),
      ]);
      for (const id of ids) await t.begun(id);
      const { code } = await t.arena.kill(signal);
      if (signal === "SIGTERM") assert.equal(code, 0);
      await pause(300);
      await t.arena.start();
      const anew = signal === "SIGKILL" && t.way.diesWithServer;
      const history = anew ? ["enqueued", "started", "attempt_failed", "retry_scheduled", "started", "succeeded"] : SUCCESS;
      for (const id of ids) assertEnd(await t.end(id), "SUCCEEDED", anew ? 2 : 1, history);
      assertEnd(await t.end(await t.submit([[]])), "SUCCEEDED", 1, SUCCESS);
    },
  })),
  {
    id: "reconnect", name: "reconnect with a report pending", needs: ["link"],
    async run(t) {
      const link = await t.link();
      t.work({ url: link.url });
      let cut = false;
      link.rule = (direction, text) => {
        if (cut || direction !== "up" || !ofType("complete").test(text)) return "pass";
        cut = true;
        link.gate = "closed"; // by no way until it opens again
        setImmediate(() => link.cut());
        setTimeout(() => (link.gate = "open"), LEASE_MS / 4);
        return "drop";
      };
      assertEnd(await t.end(await t.submit([[]])), "SUCCEEDED", 1, SUCCESS);
      assertEnd(await t.end(await t.submit([[]])), "SUCCEEDED", 1, SUCCESS);
    },
  },
  {
    id: "fallback", name: "HTTP fallback", needs: ["link", "fallback"],
    async run(t) {
      const link = await t.link();
      t.work({ url: link.url });
      const id = await t.begun(await t.submit([[BEGIN, { do: "sleep", ms: Math.round(1.5 * LEASE_MS) }]]));
      link.gate = "http"; // as behind a proxy that lets no WebSocket through
      link.cut();
      assertEnd(await t.end(id), "SUCCEEDED", 1, SUCCESS);
      link.gate = "open";
      assertEnd(await t.end(await t.submit([[]])), "SUCCEEDED", 1, SUCCESS);
    },
  },
  {
    id: "killed", name: "worker killed", needs: ["mortal"],
    async run(t) {
      const history = ["enqueued", "started", "attempt_failed", "retry_scheduled", "started", "succeeded"];
      if (t.way.endpoint) {
        const first = t.hold();
        const id = await t.submit([[], []]);
        (await first).breakOff();
        const job = await t.end(id);
        assertEnd(job, "SUCCEEDED", 2, history);
        const { data } = t.arena.history(id).find(({ type }) => type === "attempt_failed");
        assert.equal(data.error.code, "PUSH_UNREACHABLE");
        return;
      }
      if (t.way.upstream) {
        const id = await t.begun(await t.submit([[LONG], []]));
        t.arena.upstream.cut(id);
        assertEnd(await t.end(id), "SUCCEEDED", 2, history);
        const { data } = t.arena.history(id).find(({ type }) => type === "attempt_failed");
        assert.equal(data.error.code, "UPSTREAM_UNREACHABLE");
        return;
      }
      const worker = t.work({ name: "dead" });
      const id = await t.begun(await t.submit([[BEGIN, LONG], []]));
      await worker.kill();
      t.work({ name: "heir" });
      const job = await t.end(id);
      assertEnd(job, "SUCCEEDED", 2, history);
      assert.equal(job.result.worker, "heir");
      const events = t.arena.history(id);
      assert.equal(events.find(({ type }) => type === "attempt_failed").data.kind, "LEASE_LOST");
    },
  },
  {
    id: "stopped", name: "worker stopped (SIGSTOP) past the lease", needs: ["process"],
    async run(t) {
      const worker = t.work({ name: "frozen" });
      const id = await t.begun(await t.submit([[BEGIN, { do: "stubborn", ms: LEASE_MS }], []]));
      worker.signal("SIGSTOP");
      const other = t.work({ name: "awake" });
      const job = await t.end(id);
      assertEnd(job, "SUCCEEDED", 2, ["enqueued", "started", "attempt_failed", "retry_scheduled", "started", "succeeded"]);
      assert.equal(job.result.worker, "awake");
      await other.stop();
      worker.signal("SIGCONT");
      t.stale(0, 2); // it may report before it reads that the job is not its own any more
      const next = await t.end(await t.submit([[]]));
      assertEnd(next, "SUCCEEDED", 1, SUCCESS);
      assert.equal(next.result.worker, "frozen");
      assert.equal((await t.job(id)).result.worker, "awake");
    },
  },
  {
    id: "two", name: "two workers, one job", needs: ["process"],
    async run(t) {
      for (const name of ["left", "right"]) t.work({ name, slots: 4 });
      for (let i = 0; i < 15; i += 1) assertEnd(await t.end(await t.submit([[]])), "SUCCEEDED", 1, SUCCESS);
    },
  },
  {
    id: "hundred", name: "100 jobs in one frame", needs: ["batches"],
    async run(t) {
      // The worker is known to be able to: what the server sends one by one comes to it in one message.
      const link = await t.link();
      const jobs = [];
      let most = 0;
      link.rule = (direction, text) => {
        if (direction !== "down") return "pass";
        if (t.way.hands === "poll") {
          most = Math.max(most, text.split(/"type":"job"/).length - 1);
          return "pass";
        }
        const messages = [JSON.parse(text)].flat();
        if (messages.some(({ type }) => type !== "job") || most > 0) return "pass";
        jobs.push(...messages);
        if (jobs.length < 100) return "drop";
        most = jobs.length;
        return [JSON.stringify(jobs)];
      };
      await t.arena.graphql('mutation { pauseQueue(queue: "hundred") { paused } }');
      const ids = await Promise.all(Array.from({ length: 100 }, () => t.submit([[{ do: "sleep", ms: 30 }]])));
      t.work({ url: link.url, slots: 100 });
      await link.seen("up", /credits|POST \/worker\/v1\/poll/);
      await t.arena.graphql('mutation { resumeQueue(queue: "hundred") { paused } }');
      for (const id of ids) assertEnd(await t.end(id), "SUCCEEDED", 1, SUCCESS);
      assert.equal(most, 100);
    },
  },
  {
    id: "hundredByHand", name: "100 jobs and 100 reports in one frame", needs: ["hands", "batches"],
    async run(t) {
      const held = await t.helds(Array(100).fill([[]]));
      const reports = held.map(({ about }) => ({ type: "complete", ...about, result: { text: "batch" } }));
      const acks = await held[0].say(...reports);
      assert.deepEqual(new Set(acks.map(({ status }) => status)), new Set(["OK"]));
      assert.equal(acks.length, 100);
      for (const { id } of held) assertEnd(await t.end(id), "SUCCEEDED", 1, SUCCESS);
    },
  },
  {
    id: "large", name: "1 MB input", shared: true,
    async run(t) {
      const job = await t.end(await t.submit([[]], { padding: "p".repeat(1_000_000) }));
      assertEnd(job, "SUCCEEDED", 1, SUCCESS);
      assert.equal(job.result.bytes, 1_000_000);
    },
  },
  {
    id: "unknownField", name: "unknown field from the server", needs: ["link", "connection"],
    async run(t) {
      const link = await t.link();
      link.rule = (direction, text) => {
        if (direction !== "down") return "pass";
        const more = (message) => ({ novelty: { of: ["a", "later", "server"] }, ...message, another: null });
        const parsed = JSON.parse(text);
        return [JSON.stringify(Array.isArray(parsed) ? parsed.map(more) : more(parsed))];
      };
      t.work({ url: link.url });
      assertEnd(await t.end(await t.submit([[{ do: "sleep", ms: LEASE_MS }]])), "SUCCEEDED", 1, SUCCESS);
      const id = await t.begun(await t.submit([[BEGIN, LONG]]));
      await t.cancel(id);
      assert.equal((await t.end(id)).status, "CANCELED");
    },
  },
  {
    id: "unknownFieldByHand", name: "unknown field to the server", needs: ["hands"],
    async run(t) {
      const held = await t.held([[]]);
      const more = { novelty: { of: ["a", "later", "worker"] }, another: null };
      const answers = await held.say({ type: "heartbeat", jobs: [{ ...held.about, ...more }], ...more },
        { type: "complete", ...held.about, ...more, result: { text: "done", ...more } });
      assert.deepEqual(answers.map(({ jobs, status }) => status ?? jobs[0].state), ["RUNNING", "OK"]);
      assertEnd(await t.end(held.id), "SUCCEEDED", 1, SUCCESS);
    },
  },
  {
    id: "unknownMessage", name: "unknown message from the server", needs: ["link", "connection"],
    async run(t) {
      const link = await t.link();
      const novelty = JSON.stringify({ type: "novelty", jobId: "0193595e-7a00-7abc-8def-0123456789ab", retry: true });
      link.rule = (direction, text) => (direction === "down" ? [novelty, text, novelty] : "pass");
      t.work({ url: link.url });
      assertEnd(await t.end(await t.submit([[{ do: "sleep", ms: half }]])), "SUCCEEDED", 1, SUCCESS);
    },
  },
  {
    id: "unknownMessageByHand", name: "unknown message to the server", needs: ["hands"],
    async run(t) {
      const held = await t.held([[]]);
      assert.match(await held.sayNonsense({ type: "steal", ...held.about }), /steal/);
      // It costs the connection and not the job.
      const again = await t.hands();
      const [ack] = await again.say(held, { type: "complete", ...held.about, result: { text: "done" } });
      assert.equal(ack.status, "OK");
      assertEnd(await t.end(held.id), "SUCCEEDED", 1, SUCCESS);
    },
  },
  {
    id: "version", name: "other version", needs: ["version"],
    async run(t) {
      if (t.way.hands) return assert.match(await t.otherVersion(), /^(4406|404)$/);
      for (const answer of ["Sec-WebSocket-Protocol: errand.worker.v9\r\n", ""]) {
        const link = await t.link();
        link.head = (direction, head) => (direction === "up" ? head : head.replace(/^sec-websocket-protocol:.*\r\n/im, answer));
        const worker = t.work({ url: link.url });
        assert.deepEqual(await worker.exited, { code: 1, signal: null });
      }
    },
  },
  {
    id: "labels", name: "labels and selectors", needs: ["greeting"], job: 'routeBy: ["region", "gpu"]',
    async run(t) {
      t.work({ name: "eu", selectors: { region: ["eu", "uk"], gpu: [] } });
      t.work({ name: "us", selectors: { region: ["us"] }, labels: { rack: "7" } });
      const of = async (labels) => (await t.end(await t.submit([[]], { labels }))).result.worker;
      assert.deepEqual(await Promise.all([
        of({ region: "eu" }), of({ region: "us", gpu: "a100" }), of({ region: "uk", team: "ops" }), of({ region: "us" }),
      ]), ["eu", "us", "eu", "us"]);
      // Nobody's, until somebody comes for whom it is. It stands in nobody's way.
      const id = await t.submit([[]], { labels: { region: "eu", gpu: "a100" } });
      assert.equal(await of({ region: "eu" }), "eu");
      const waiting = await t.job(id);
      assert.equal(waiting.status, "PENDING");
      t.work({ name: "all" });
      assert.equal((await t.end(id)).result.worker, "all");
    },
  },
  {
    id: "slots", name: "concurrency of slots", hosted: "concurrency: 3",
    async run(t) {
      t.work({ slots: 3 });
      const ids = await Promise.all(Array.from({ length: 9 }, () => t.submit([[{ do: "sleep", ms: 250 }]])));
      const jobs = await Promise.all(ids.map((id) => t.end(id)));
      for (const job of jobs) assertEnd(job, "SUCCEEDED", 1, SUCCESS);
      let running = 0;
      let most = 0;
      for (const { type, id } of t.arena.order.filter(({ id: one }) => ids.includes(one))) {
        if (type === "started") most = Math.max(most, (running += 1));
        if (type === "succeeded") running -= 1;
      }
      assert.equal(most, 3);
    },
  },
  {
    id: "timeLeft", name: "remaining time handed over", shared: true, types: { Attempt: 'timeout: "40s"', Whole: 'timeout: "10m", deadline: "30s"' },
    async run(t) {
      for (const [type, most] of [["Attempt", 40_000], ["Whole", 30_000]]) {
        const { result } = await t.end(await t.submit([[{ do: "sleep", ms: 300 }]], { type }), type);
        assert.ok(result.timeLeftMs > 0 && result.timeLeftMs <= most - 290, `${result.timeLeftMs} of ${most}`);
      }
    },
  },
  {
    id: "trace", name: "traceparent handed over", shared: true,
    async run(t) {
      const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
      const id = await t.submit([[]], { correlationId: "order-4711", headers: { traceparent: `00-${trace}-00f067aa0ba902b7-01` } });
      const { result } = await t.end(id);
      assert.match(result.traceparent, new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
      assert.equal(result.correlationId, "order-4711");
    },
  },
];
