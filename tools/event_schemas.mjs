#!/usr/bin/env node
// event_schemas.mjs [--check] [--generator PROGRAM] [ROOT]
//
// Writes docs/protocol/events, what the program says of events (contract/event_schemas.h), and the tables of docs/protocol/events.md.
// PROGRAM prints it: errand_event_documents, by default that of the preset dev. With --check nothing is written: each file that
// differs is named, and the exit status is 1 if there is one.
//
// A schema that a commit of the history holds is published: other programs rely on it, and so may an older Errand or a newer one. It
// may change by members that can be missing, and by words. Whatever else differs is refused, with or without --check: it makes the
// next version of the type, beside which the one before stays.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";

// --- What may change ---------------------------------------------------------------------------------------------------

const words = new Set(["title", "description", "$comment", "examples", "$defs"]);

/**
 * What keeps `next` from standing in the place of the published schema `before`, a sentence each; none if it may. Both ways: what is
 * written by one is read by those who know the other.
 */
export function incompatibilities(before, next) {
  const faults = [];
  compare(before, next, { before, next }, "", faults, new Set());
  return faults;
}

function target(schema, root) {
  const seen = new Set();
  while (typeof schema?.$ref === "string" && schema.$ref.startsWith("#/") && !seen.has(schema.$ref)) {
    seen.add(schema.$ref);
    const { $ref, ...beside } = schema;
    const found = $ref.slice(2).split("/").reduce((at, key) => at?.[key], root);
    if (found === undefined) return schema;
    schema = { ...found, ...beside };
  }
  return schema;
}

function compare(before, next, roots, path, faults, seen) {
  before = target(before, roots.before);
  next = target(next, roots.next);
  // A fault of what several members share is named once, and what holds itself has an end.
  const key = JSON.stringify([before, next], (name, value) => (words.has(name) ? undefined : value));
  if (seen.has(key)) return;
  seen.add(key);
  const at = path === "" ? "the schema" : path;
  if (before === null || next === null || typeof before !== "object" || typeof next !== "object") {
    if (!isDeepStrictEqual(before, next)) faults.push(`${at}: is another schema`);
    return;
  }

  const old = before.properties ?? {};
  const present = next.properties ?? {};
  const member = (name) => (path === "" ? name : `${path}.${name}`);
  const required = (schema) => new Set(schema.required ?? []);
  for (const name of Object.keys(old)) {
    if (name in present) compare(old[name], present[name], roots, member(name), faults, seen);
    else faults.push(`${member(name)}: was removed`);
  }
  for (const name of required(next)) {
    if (!required(before).has(name)) faults.push(`${member(name)}: ${name in old ? "must be there now" : "is new and must be there"}`);
  }
  for (const name of required(before)) {
    if (!required(next).has(name) && name in present) faults.push(`${member(name)}: may be missing now`);
  }
  // Where no unknown member was allowed, a reader of then refuses a new one.
  if (before.additionalProperties === false) {
    for (const name of Object.keys(present)) if (!(name in old)) faults.push(`${member(name)}: is new where no member may be`);
  }

  for (const keyword of new Set([...Object.keys(before), ...Object.keys(next)])) {
    if (words.has(keyword) || keyword === "properties" || keyword === "required") continue;
    const [was, is] = [before[keyword], next[keyword]];
    if (isDeepStrictEqual(was, is)) continue;
    if ((keyword === "items" || keyword === "additionalProperties") && typeof was === "object" && typeof is === "object") {
      compare(was, is, roots, `${path}[]`, faults, seen);
    } else if (keyword === "enum" && Array.isArray(was) && Array.isArray(is)) {
      const without = (list, other) => list.filter((value) => !other.includes(value)).join(", ");
      const [gone, come] = [without(was, is), without(is, was)];
      if (gone) faults.push(`${at}: lost the value ${gone}`);
      if (come) faults.push(`${at}: got the value ${come}`);
    } else {
      faults.push(`${at}: ${keyword} was ${JSON.stringify(was) ?? "not there"} and is ${JSON.stringify(is) ?? "not there"}`);
    }
  }
}

// --- What is published -------------------------------------------------------------------------------------------------

const folder = "docs/protocol/events";
const isSchema = (path) => /\/[0-9]+(\.event)?\.json$/.test(path);

/** [{path, commit, schema}], each text of each schema that the history of `root` holds; undefined where there is no history. */
function published(root) {
  const git = (args, input = "") => execFileSync("git", ["-C", root, ...args], {
    encoding: "utf8", input, maxBuffer: 1 << 28, timeout: 60_000, stdio: ["pipe", "pipe", "ignore"],
  });
  let commits;
  try {
    commits = git(["log", "--format=%h", "--", folder]).split("\n").filter(Boolean);
  } catch {
    return undefined;
  }
  const found = new Map();
  for (const commit of commits) {
    for (const line of git(["ls-tree", "-r", "-z", "--full-tree", commit, `${folder}/`]).split("\0").filter(Boolean)) {
      const [, blob, path] = /^\S+ blob (\S+)\t(.*)$/.exec(line) ?? [];
      if (path && isSchema(path)) found.set(`${path} ${blob}`, { path: path.slice(folder.length + 1), commit, blob });
    }
  }
  const all = [...found.values()];
  if (all.length === 0) return [];
  // One process for all of them. Its lengths are in bytes, which are characters in Latin 1.
  let texts = Buffer.from(git(["cat-file", "--batch"], all.map(({ blob }) => `${blob}\n`).join(""))).toString("latin1");
  return all.map((each) => {
    const head = texts.indexOf("\n");
    const end = head + 1 + Number(texts.slice(0, head).split(" ")[2]);
    const schema = JSON.parse(Buffer.from(texts.slice(head + 1, end), "latin1").toString());
    texts = texts.slice(end + 1);
    return { ...each, schema };
  });
}

// --- Tables ------------------------------------------------------------------------------------------------------------

const table = (head, rows) =>
  [`| ${head.join(" | ")} |`, `|${head.map(() => "---|").join("")}`, ...rows.map((row) => `| ${row.join(" | ")} |`)].join("\n");

function typeText(schema) {
  if (schema.$ref) return `\`${schema.$ref.split("/").at(-1)}\``;
  if ("const" in schema) return `"${schema.const}"`;
  if (schema.type === "array") return `list of ${typeText(schema.items)}`;
  if (schema.additionalProperties) return `object of ${typeText(schema.additionalProperties)}s`;
  return schema.format ?? schema.type ?? "any value";
}

function memberRows({ properties, required = [] }, names = Object.keys(properties)) {
  return names.map((name) => [`\`${name}\``, typeText(properties[name]), required.includes(name) ? "yes" : "",
    properties[name].description ?? ""]);
}

function tables(documents) {
  const index = JSON.parse(documents.get("index.json"));
  const schemaOf = (path) => JSON.parse(documents.get(path.slice("/schemas/".length)));
  const data = index.events.map(({ schemas }) => schemaOf(schemas.at(-1).data));
  // Those of every event, and what one event alone has of a full payload.
  const common = Object.keys(data[0].properties).filter((name) => data.every((schema) => name in schema.properties));
  const full = new Set(["actor", "job", "result"]);
  const parts = Object.assign({}, ...data.map((schema) => schema.$defs));
  const own = (schema) => Object.keys(schema.properties).filter((name) => !common.includes(name) && !full.has(name))
    .map((name) => `\`${name}\`${schema.required.includes(name) ? "" : "?"}`).join(", ");
  const succeeded = data.find((schema) => "result" in schema.properties);
  return {
    attributes: table(["Attribute", "", "Always", ""], memberRows(schemaOf(index.events[0].schemas.at(-1).event))
      .filter(([name]) => name !== "`data`").map((row) => (row[0] === "`type`" ? ["`type`", "string", "yes", "The name of the event."] : row))),
    events: table(["`type` dev.errand.job.", "Version", "Says", "Data of its own"], index.events.map(({ type, description, version }, i) =>
      [`\`${type.slice("dev.errand.job.".length)}\``, version, description, own(data[i])])),
    data: table(["Member of `data`", "", "Always", ""], memberRows(data[0], common.filter((name) => !full.has(name)))),
    full: table(["Member of `data`", "", "Always", ""], memberRows(succeeded, [...full])),
    parts: Object.entries(parts).filter(([, part]) => part.properties).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, part]) =>
      `### ${name}\n\n${part.description}\n\n${table(["Member", "", "Always", ""], memberRows(part))}`).join("\n\n"),
    enumerations: table(["Enumeration", "Values"], Object.entries(parts).filter(([, part]) => part.enum).sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, part]) => [`\`${name}\``, part.enum.join(", ")])),
  };
}

/** The page with each table between its markers replaced. */
function withTables(text, made) {
  const missing = new Set(Object.keys(made));
  const result = text.replace(/^<!-- generated: (\S+) -->\n[^]*?^<!-- end -->$/gm, (_, name) => {
    if (!missing.delete(name)) throw new Error(`events.md: no table ${name}, or twice`);
    return `<!-- generated: ${name} -->\n${made[name]}\n<!-- end -->`;
  });
  if (missing.size > 0) throw new Error(`events.md: no markers for ${[...missing].join(", ")}`);
  return result;
}

// --- Write or compare --------------------------------------------------------------------------------------------------

function readIfThere(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

function main(args) {
  const check = args[0] === "--check";
  if (check) args.shift();
  let generator;
  if (args[0] === "--generator") [, generator] = args.splice(0, 2);
  if (args.length > 1 || args[0]?.startsWith("-") || generator === "") {
    console.error("usage: event_schemas.mjs [--check] [--generator PROGRAM] [ROOT]");
    return 2;
  }
  const root = resolve(args[0] ?? fileURLToPath(new URL("..", import.meta.url)));
  generator ??= join(root, "build/dev/errand_event_documents");
  const made = JSON.parse(execFileSync(generator, ["documents"], { encoding: "utf8", maxBuffer: 1 << 28, timeout: 60_000 }));
  const documents = new Map(Object.entries(made).map(([path, text]) =>
    [path === "/schemas/" ? "index.json" : path.slice("/schemas/".length), text]));

  const history = published(root);
  if (history === undefined) console.log("no git history here: what was published is not known");
  let refused = 0;
  for (const { path, commit, schema } of history ?? []) {
    const next = documents.get(path);
    const faults = next === undefined ? ["was published and is gone"] : incompatibilities(schema, JSON.parse(next));
    for (const fault of faults) console.log(`${folder}/${path}, as published in ${commit}: ${fault}`);
    refused += faults.length;
  }
  if (refused > 0) {
    console.log("a published schema changes only by members that may be missing: in src/errand/contract/event_types.cpp give what was there "
      + "`until`, what is new `since`, and the event its next `version`");
    return 1;
  }

  const wanted = new Map([...documents].map(([path, text]) => [`events/${path}`, text]));
  const at = (path) => join(root, "docs/protocol", path);
  let present = [];
  try {
    present = readdirSync(at("events"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  for (const entry of present) {
    const path = relative(at("."), join(entry.parentPath ?? entry.path, entry.name));
    if (!wanted.has(path)) wanted.set(path, undefined);
  }
  wanted.set("events.md", withTables(readFileSync(at("events.md"), "utf8"), tables(documents)));

  let different = 0;
  for (const [path, content] of wanted) {
    const old = readIfThere(at(path));
    if (old === content) continue;
    different += 1;
    const what = content === undefined ? "is of no event" : old === undefined ? "is missing" : "differs from the program";
    console.log(`docs/protocol/${path}: ${check ? what : content === undefined ? "removed" : "written"}`);
    if (check) continue;
    if (content === undefined) rmSync(at(path));
    else {
      mkdirSync(dirname(at(path)), { recursive: true });
      writeFileSync(at(path), content);
    }
  }
  if (check && different > 0) {
    console.log("change src/errand/contract/event_types.cpp, then run: ninja -C build/dev errand_event_documents && tools/event_schemas.mjs");
    return 1;
  }
  return 0;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv.slice(2));
