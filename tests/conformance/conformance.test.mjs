// Puts every case to `errand graphql batch` and to graphql-js 17, and compares the answers; graphql-js 16 is asked too, so that what both
// versions agree on is known. CONFORMANCE_SEED and CONFORMANCE_CASES choose other generated cases; a failure prints the case.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { cases as ownCases } from "./cases/index.mjs";
import { compare } from "./compare.mjs";
import { listedDifference } from "./differences.mjs";
import { generate } from "./generate.mjs";
import { Reference } from "./reference.mjs";

const binary = process.env.ERRAND_BINARY;
const seed = Number(process.env.CONFORMANCE_SEED ?? 20250903);
const generatedCount = Number(process.env.CONFORMANCE_CASES ?? 2600);

/** The answers of the program, in order. */
async function askErrand(cases) {
  const child = spawn(binary, ["graphql", "batch", "--cases", "-"], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.on("exit", (status, signal) => resolve({ status, signal })));
  child.stdin.on("error", () => {}); // A crash is told by the exit status.
  child.stdin.end(cases.map((one) => `${JSON.stringify(one)}\n`).join(""));
  const answers = [];
  for await (const line of createInterface({ input: child.stdout })) answers.push(JSON.parse(line));
  const { status, signal } = await ended;
  assert.equal(answers.length, cases.length, `ended by ${signal ?? status} at ${JSON.stringify(cases[answers.length])}`);
  assert.equal(status, 0);
  return answers;
}

/** Whether all is the same but perhaps the messages. */
const sameButMessages = (aspects) => Object.entries(aspects).every(([aspect, same]) => same || aspect === "messages");

test("Errand answers as graphql-js does", { timeout: 900_000 }, async () => {
  assert.ok(binary, "ERRAND_BINARY names the program");
  const cases = [...ownCases, ...generate(seed, generatedCount)];
  assert.ok(cases.length >= 3000);
  const answers = await askErrand(cases);
  const [seventeen, sixteen] = [new Reference("graphql"), new Reference("graphql-16")];

  const figures = { same: 0, messages: 0, listed: 0, agreed: 0, agreedSame: 0 };
  const kinds = {};
  const reasons = {};
  const failures = [];
  for (const [i, one] of cases.entries()) {
    const ours = answers[i];
    assert.deepEqual(ours.id, one.id);
    const theirs = await seventeen.answer(one).catch((error) => ({ threw: error.message }));
    const aspects = theirs.threw === undefined ? compare(one.op, ours, theirs) : { verdict: false };
    kinds[one.op] = (kinds[one.op] ?? 0) + 1;
    const same = sameButMessages(aspects);
    const reason = same && aspects.messages !== false ? undefined : listedDifference(one, ours, theirs);
    if (reason !== undefined) reasons[reason] = (reasons[reason] ?? 0) + 1;
    if (same) {
      ++figures.same;
      if (aspects.messages !== false) ++figures.messages;
    } else if (reason !== undefined) {
      ++figures.listed;
    }
    if ((!same || aspects.messages === false) && reason === undefined) failures.push({ case: one, ours, theirs });

    const older = await sixteen.answer(one).catch(() => undefined);
    if (older !== undefined && theirs.threw === undefined && Object.values(compare(one.op, older, theirs)).every(Boolean)) {
      ++figures.agreed;
      if (same && aspects.messages !== false) ++figures.agreedSame;
    }
  }

  const percent = (part, whole) => `${((100 * part) / whole).toFixed(2)} %`;
  const compared = cases.length - figures.listed;
  console.log(`${cases.length} cases, ${ownCases.length} of them own, ${generatedCount} generated from seed ${seed}: ` +
    Object.entries(kinds).map(([op, count]) => `${op} ${count}`).join(", "));
  console.log(`verdict, error count, locations and data as graphql-js 17: ${figures.same} (${percent(figures.same, cases.length)}); ` +
    `different for a listed reason: ${figures.listed}`);
  console.log(`messages as well: ${figures.messages} (${percent(figures.messages, compared)} of the others)`);
  console.log(`graphql-js 16 answers as 17 does: ${figures.agreed}; Errand the same in ${figures.agreedSame} of these`);
  console.log("by reason:", reasons);
  for (const failure of failures.slice(0, 5)) console.log(JSON.stringify(failure, null, 1));
  assert.equal(failures.length, 0, `${failures.length} differences that differences.mjs does not list`);
  assert.ok(figures.messages >= 0.99 * compared);
});
