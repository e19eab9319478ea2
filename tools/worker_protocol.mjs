#!/usr/bin/env node
// worker_protocol.mjs [--check] [ROOT]
//
// Writes what docs/protocol/worker.protocol.mjs, the one source of the worker protocol, says in other forms: the JSON Schemas, the
// AsyncAPI document, the page of messages, and the tables of worker.md. With --check nothing is written: each file that differs is
// named, and the exit status is 1 if there is one.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const args = process.argv.slice(2);
const check = args[0] === "--check";
if (check) args.shift();
if (args.length > 1 || args[0]?.startsWith("-")) {
  console.error("usage: worker_protocol.mjs [--check] [ROOT]");
  process.exit(2);
}
const root = resolve(args[0] ?? fileURLToPath(new URL("..", import.meta.url)));
const folder = join(root, "docs/protocol");
const { object, protocol } = await import(pathToFileURL(join(folder, "worker.protocol.mjs")));
const frames = JSON.parse(readFileSync(join(folder, "frames/worker-v1.json"), "utf8"));

const messages = Object.entries(protocol.messages).map(([name, message]) => ({ type: name, ...message, name }));
const from = (side) => messages.filter((message) => message.from === side);
const version = protocol.name.slice(protocol.name.lastIndexOf(".") + 1);

// --- JSON Schemas ------------------------------------------------------------------------------------------------------

const head = (name, title) => ({ $schema: "https://json-schema.org/draft/2020-12/schema", $id: `${protocol.id}${name}.json`, title });

function messageSchema({ name, type, from, title, about, feature, members, rules }) {
  const when = feature ? `, and only where the feature ${feature} is announced` : "";
  return {
    ...head(name, title),
    ...(about ? { description: about } : {}),
    $comment: `Sent by the ${from}${when}. Members that are not listed are ignored by the receiver.`,
    ...object({ type: { const: type }, ...members }, rules),
  };
}

/** `reference` names another schema: a file here, a component in the AsyncAPI document. */
function bodySchema({ schema, messages: some }, reference) {
  if (schema) return schema;
  const items = some.of === "server"
    ? reference("server-to-worker")
    : { oneOf: messages.filter((message) => message.http).map((message) => reference(message.name)) };
  return object({
    messages: { type: "array", ...(some.min ? { minItems: some.min } : {}), ...(some.max ? { maxItems: some.max } : {}), items },
  });
}

const unions = {
  "worker-to-server": { title: "Any message of the worker", side: "worker" },
  "server-to-worker": { title: "Any message of the server", side: "server" },
};

function schemas() {
  const file = (name) => ({ $ref: `${name}.json` });
  return {
    ...Object.fromEntries(messages.map((message) => [message.name, messageSchema(message)])),
    ...Object.fromEntries(Object.entries(protocol.bodies).map(([name, body]) =>
      [name, { ...head(name, body.title), ...bodySchema(body, file) }])),
    ...Object.fromEntries(Object.entries(unions).map(([name, { title, side }]) =>
      [name, { ...head(name, title), oneOf: from(side).map((message) => file(message.name)) }])),
  };
}

// --- Examples ----------------------------------------------------------------------------------------------------------

/** The golden frames of a message, [name, frame]. */
function examples({ type, from }) {
  const known = [frames, ...Object.values(frames.features)].flatMap((set) => Object.entries(set[from] ?? {}));
  return known.filter(([, frame]) => frame.type === type);
}

// --- AsyncAPI ----------------------------------------------------------------------------------------------------------

// The Schema Object of AsyncAPI 3.0 is a superset of JSON Schema draft-07, which calls dependentRequired otherwise.
function draft07({ $schema, $id, $comment, dependentRequired, ...schema }) {
  return { ...schema, ...(dependentRequired ? { dependencies: dependentRequired } : {}) };
}

const capital = (name) => name.split(/[-_]/).map((part) => part[0].toUpperCase() + part.slice(1)).join("");
const component = (name) => ({ $ref: `#/components/schemas/${name}` });
const channelOf = (name) => ({ $ref: `#/channels/${name}` });
const messageIn = (channel, name) => ({ $ref: `#/channels/${channel}/messages/${name}` });
const messageComponents = (names) => Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }]));

function asyncapi() {
  const operations = {};
  for (const message of from("worker")) {
    operations[`send${capital(message.name)}`] = {
      action: "send",
      channel: channelOf("worker"),
      title: message.title,
      ...(message.answered ? { description: `Answered by ${answer(message)}.` } : {}),
      ...(message.feature ? { "x-feature": message.feature } : {}),
      messages: [messageIn("worker", message.name)],
      reply: { channel: channelOf("worker"), messages: message.answers.map((name) => messageIn("worker", name)) },
    };
  }
  const answers = new Set(from("worker").flatMap((message) => message.answers));
  for (const message of from("server")) {
    // What only ever answers is the reply of an operation above; a job also comes long after its credit.
    if (answers.has(message.name) && message.name !== "job") continue;
    operations[`receive${capital(message.type)}`] = {
      action: "receive", channel: channelOf("worker"), title: message.title, messages: [messageIn("worker", message.name)],
    };
  }
  const channels = {
    worker: {
      address: "/worker",
      title: "The WebSocket",
      description: `Opened with the subprotocol ${protocol.name}. A text message holds one message object, or an array of 1 to 1,000 of `
        + "them, which are handled in order; a reply belongs to its request by jobId, token and ref.",
      servers: [{ $ref: "#/servers/webSocket" }],
      messages: messageComponents(messages.map((message) => message.name)),
      bindings: {
        ws: {
          method: "GET",
          headers: {
            type: "object", required: ["Sec-WebSocket-Protocol"],
            properties: {
              "Sec-WebSocket-Protocol": { type: "string", description: "Offers, among others perhaps, this version.", examples: [protocol.name] },
            },
          },
          bindingVersion: "0.1.0",
        },
      },
      "x-close-codes": protocol.closeCodes.map(([code, meaning, reconnect]) => ({ code, meaning, reconnect })),
    },
  };
  for (const [name, { path, title, about, request, response }] of Object.entries(protocol.http)) {
    channels[name] = {
      address: path, title, description: about,
      servers: [{ $ref: "#/servers/http" }],
      messages: messageComponents([request, response, "error-response"]),
    };
    operations[`post${capital(name)}`] = {
      action: "send", channel: channelOf(name), title,
      messages: [messageIn(name, request)],
      bindings: { http: { method: "POST", bindingVersion: "0.3.0" } },
      reply: { channel: channelOf(name), messages: [response, "error-response"].map((body) => messageIn(name, body)) },
    };
  }

  const components = {};
  const schemas = {};
  for (const message of messages) {
    schemas[message.name] = draft07(messageSchema(message));
    components[message.name] = {
      name: message.type, title: message.title,
      ...(message.about ? { description: message.about } : {}),
      contentType: "application/json",
      ...(message.feature ? { "x-feature": message.feature } : {}),
      ...(message.members["ref?"] ? { correlationId: { $ref: "#/components/correlationIds/ref" } } : {}),
      payload: component(message.name),
      examples: examples(message).map(([name, payload]) => ({ name, payload })),
    };
  }
  schemas["server-to-worker"] = {
    title: unions["server-to-worker"].title, oneOf: from("server").map((message) => component(message.name)),
  };
  for (const [name, body] of Object.entries(protocol.bodies)) {
    schemas[name] = draft07({ title: body.title, ...bodySchema(body, component) });
    components[name] = {
      name, title: body.title, contentType: "application/json", payload: component(name),
      examples: Object.entries(frames.http[name]).map(([example, payload]) => ({ name: example, payload })),
    };
  }
  const server = (protocol, description) => ({
    host: "{host}", protocol, description,
    variables: { host: { default: "127.0.0.1:7420", description: "Where Errand listens, or the proxy before it." } },
    security: [{ $ref: "#/components/securitySchemes/bearer" }],
  });
  return {
    asyncapi: "3.0.0",
    id: protocol.id,
    info: {
      title: `The worker protocol of Errand, ${protocol.name}`,
      version: `${version.slice(1)}.0.0`,
      description: "How a program takes jobs from Errand and reports what became of them. The application described here is the worker: it "
        + "sends what operations of action `send` name and receives the rest. The rules around the messages stand in docs/protocol/worker.md; "
        + "receivers ignore members that they do not know. Generated from worker.protocol.mjs.",
      license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    defaultContentType: "application/json",
    servers: {
      webSocket: server("ws", "Errand by WebSocket; wss behind a proxy with TLS."),
      http: server("http", "Errand by HTTP; https behind a proxy with TLS."),
    },
    channels,
    operations,
    components: {
      schemas,
      messages: components,
      correlationIds: { ref: { location: "$message.payload#/ref", description: "Chosen by the worker, repeated in the ack." } },
      securitySchemes: { bearer: { type: "http", scheme: "bearer", description: "A token whose credential has the scope `worker`." } },
    },
  };
}

// --- Markdown ----------------------------------------------------------------------------------------------------------

const row = (...cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
const table = (headings, rows) => [row(...headings), `|${headings.map(() => "---").join("|")}|`, ...rows.map((cells) => row(...cells))].join("\n");
const lower = (text) => text[0].toLowerCase() + text.slice(1);
const heading = ({ type, name }) => (type === name ? `\`${type}\`` : `\`${type}\` from the server`);
const anchor = (message) => heading(message).replaceAll("`", "").replaceAll(" ", "-");
const link = (message) => `[\`${message.type}\`](worker-messages.md#${anchor(message)})`;
const number = (value) => value.toLocaleString("en-US");

function range(min, max, unit) {
  if (min !== undefined && max !== undefined) return `${number(min)} to ${number(max)}${unit}`;
  if (min !== undefined) return `${number(min)}${unit} or more`;
  if (max !== undefined) return `at most ${number(max)}${unit}`;
  return "";
}
const withRange = (what, bounds) => (bounds ? `${what}, ${bounds}` : what);

/** A schema in words. */
function words(schema) {
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(", ");
  switch (schema.type) {
    case "string":
      if (schema.format) return { uuid: "UUID", "date-time": "date and time (RFC 3339)" }[schema.format];
      if (schema.pattern) return `string like \`${schema.pattern}\``;
      return withRange("string", range(schema.minLength, schema.maxLength, " characters"));
    case "integer":
      return withRange("whole number", range(schema.minimum, schema.maximum, ""));
    case "number":
      if (schema.exclusiveMinimum !== undefined) return `number, above ${schema.exclusiveMinimum}`;
      return withRange("number", range(schema.minimum, schema.maximum, ""));
    case "boolean":
      return "boolean";
    case "array":
      return `${withRange("array", range(schema.minItems, schema.maxItems, ""))}: ${schema.items.type === "object" ? "objects" : words(schema.items)}`;
    case "object": {
      if (!schema.additionalProperties) return "object";
      const { minLength, maxLength } = schema.propertyNames ?? {};
      const names = schema.propertyNames ? ` (names: ${range(minLength, maxLength, " characters")})` : "";
      return `${withRange("object", range(undefined, schema.maxProperties, " members"))}${names}: ${words(schema.additionalProperties)}`;
    }
    default:
      return "any JSON value";
  }
}

/** Rows for the members of an object, those of objects within after it. */
function memberRows(schema, prefix = "") {
  return Object.entries(schema.properties).flatMap(([name, member]) => {
    const place = prefix + name;
    const required = schema.required?.includes(name);
    const row = [`\`${place}\``, words(member), required ? "yes" : "", member.description ?? ""];
    if (member.properties) return [row, ...memberRows(member, `${place}.`)];
    return member.items?.properties ? [row, ...memberRows(member.items, `${place}[].`)] : [row];
  });
}

function memberTable(schema) {
  const rows = memberRows(schema);
  return rows.length > 0 ? table(["Member", "Value", "Required", ""], rows) : "No members but `type`.";
}

/** A frame with one member to a line. */
function json(frame) {
  const members = Object.entries(frame).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return `\`\`\`json\n{\n${members.join(",\n")}\n}\n\`\`\``;
}

const answer = (message) => `${message.answers.map((name) => `\`${name}\``).join(", ")}${message.answered ? `, ${message.answered}` : ""}`;
const whenNamed = (message) => (message.feature ? `feature \`${message.feature}\`: ` : "");

function messageSection(message) {
  const facts = [
    message.feature ? `Feature \`${message.feature}\`.` : "",
    message.answers ? `Answer: ${answer(message)}.` : "",
    message.http ? "Over HTTP too." : "",
    `[Schema](schemas/worker/${message.name}.json)`,
  ];
  return [
    `### ${heading(message)}`,
    `${message.title}.${message.about ? ` ${message.about}` : ""}`,
    facts.filter(Boolean).join(" "),
    memberTable(object(message.members)),
    json(examples(message)[0][1]),
  ].join("\n\n");
}

function bodySection(name) {
  const body = protocol.bodies[name];
  return [
    `### \`${name}\``,
    `${body.title}. [Schema](schemas/worker/${name}.json)`,
    body.schema
      ? memberTable(body.schema)
      : table(["Member", "Value", "Required", ""], [["`messages`", withRange("array", range(body.messages.min, body.messages.max, "")), "yes",
        body.messages.of === "server" ? "messages of the server" : messages.filter((message) => message.http).map(link).join(", ")]]),
    json(Object.values(frames.http[name])[0]),
  ].join("\n\n");
}

const page = () => `<!-- Generated from worker.protocol.mjs by tools/worker_protocol.mjs. -->
# The messages of \`${protocol.name}\`

Each message member by member; the rules around them are those of [the worker protocol](worker.md). \`type\`, which each message has,
is left out of the tables.

## From the worker

${from("worker").map(messageSection).join("\n\n")}

## From the server

${from("server").map(messageSection).join("\n\n")}

## HTTP bodies

${Object.keys(protocol.bodies).map(bodySection).join("\n\n")}
`;

const tables = {
  "from-worker": table(["From the worker", "", "Answer"], from("worker").map((message) =>
    [link(message), whenNamed(message) + lower(message.title), answer(message)])),
  "from-server": table(["From the server", ""], from("server").map((message) => [link(message), lower(message.title)])),
  features: table(["Feature", ""], Object.entries(protocol.features).map(([name, what]) => [`\`${name}\``, what])),
  "http-paths": table(["POST", "", "Body", "Answer"], Object.values(protocol.http).map(({ path, title, about, request, response }) =>
    [`\`${path}\``, `${lower(title)}. ${about}`, ...[request, response].map((body) => `[\`${body}\`](worker-messages.md#${body})`)])),
  "http-statuses": table(["Status", ""], protocol.statuses),
  "close-codes": table(["Close code", "", "Connect again?"], protocol.closeCodes),
};

/** The text with each table between its markers replaced. */
function withTables(text) {
  const missing = new Set(Object.keys(tables));
  const result = text.replace(/^<!-- generated: (\S+) -->\n[^]*?^<!-- end -->$/gm, (_, name) => {
    if (!missing.delete(name)) throw new Error(`worker.md: no table ${name}, or twice`);
    return `<!-- generated: ${name} -->\n${tables[name]}\n<!-- end -->`;
  });
  if (missing.size > 0) throw new Error(`worker.md: no markers for ${[...missing].join(", ")}`);
  return result;
}

// --- Write or compare --------------------------------------------------------------------------------------------------

const pretty = (value) => `${JSON.stringify(value, null, 2)}\n`;
const read = (path) => {
  try {
    return readFileSync(join(folder, path), "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
};

const wanted = new Map(Object.entries(schemas()).map(([name, schema]) => [`schemas/worker/${name}.json`, pretty(schema)]));
for (const file of readdirSync(join(folder, "schemas/worker"))) {
  if (!wanted.has(`schemas/worker/${file}`)) wanted.set(`schemas/worker/${file}`, undefined);
}
wanted.set("worker.asyncapi.json", pretty(asyncapi()));
wanted.set("worker-messages.md", page());
wanted.set("worker.md", withTables(read("worker.md")));

let different = 0;
for (const [path, content] of wanted) {
  const present = read(path);
  if (present === content) continue;
  different += 1;
  const what = content === undefined ? "is of no message" : present === undefined ? "is missing" : "differs from worker.protocol.mjs";
  console.log(`docs/protocol/${path}: ${check ? what : content === undefined ? "removed" : "written"}`);
  if (check) continue;
  if (content === undefined) rmSync(join(folder, path));
  else {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}
if (check && different > 0) {
  console.log("change docs/protocol/worker.protocol.mjs, then run tools/worker_protocol.mjs");
  process.exitCode = 1;
}
