// The ways to run a job, one entry each: how its worker is started (`command`, `environment`, and how it is `told` what to do, where that is not by
// variables), or what program has the server in it (`serve`); which `handler` its types have in @job (with an `endpoint` of ours, or an `upstream`, if the server
// calls one, and what it has to `prepare` in the folder); whose `hands` (hands.mjs) can take its jobs; and what it lacks. A scenario names what
// it needs, and where a way lacks that, the reason here stands under the table.
//
//   process        a worker process of its own, which can be killed, stopped and told to drain
//   connection     a connection to the server that lasts
//   link           the worker reaches out to the server, so that a lossy link can be put between them
//   hands          the program takes jobs by itself and says what no worker would say
//   greeting       the worker says which queues it takes, and by which labels
//   batches        many jobs in one message
//   version        it says which version of the protocol it speaks
//   fallback       it goes on by HTTP where no WebSocket gets through
//   mortal       what runs its jobs can die without a word
//   late callback  a report by a callback token whose attempt is over
//   progress       it can say how far it has come
//   giving back    it can release or snooze a job
//   last word      it can still end a job that is being canceled
import { chmodSync, copyFileSync, existsSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { binary } from "../e2e/support/server.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const cpp = process.env.ERRAND_CPP_WORKER;
const inProcess = process.env.ERRAND_IN_PROCESS;
const SDK = {
  hands: "an SDK says no such thing; \"socket\" and \"poll\" do",
  "late callback": "a worker has no callback token; \"lease lost, then late complete\" is the same for it",
};
const PUSHED = "the server calls the endpoint";
const hosted = (reason) =>
  Object.fromEntries(["process", "connection", "link", "fallback", "greeting", "batches", "version"].map((what) => [what, reason]));
// Without namespaces, so that it runs wherever the tests do; the sandbox has tests of its own.
const commandHandler = (folder, its) => `{command: ["/usr/bin/python3", "${folder}/command.py", "${folder}/given-back"],
  sandbox: {profile: NONE, network: true, ${its}}}`;
const prepareCommand = ({ folder }) => {
  chmodSync(folder, 0o755);
  copyFileSync(here("workers/command.py"), `${folder}/command.py`);
  mkdirSync(`${folder}/given-back`);
  chmodSync(`${folder}/given-back`, 0o777);
};

export const ways = [
  { name: "typescript", command: [process.execPath, here("workers/typescript.mjs")], lacks: SDK },
  { name: "python", command: ["/usr/bin/python3", here("workers/python.py")], lacks: SDK },
  {
    name: "python plain", command: ["/usr/bin/python3", here("workers/python.py")], environment: { ERRAND_PYTHON_HANDLER: "plain" },
    lacks: SDK,
  },
  {
    name: "cpp", command: [cpp], lacks: SDK,
    absent: cpp && existsSync(cpp) ? undefined : "ERRAND_CPP_WORKER names no program",
  },
  {
    name: "socket", command: [process.execPath, here("workers/bare.mjs")], environment: { ERRAND_TRANSPORT: "socket" }, hands: "socket",
    lacks: {
      "late callback": SDK["late callback"],
      fallback: "what an SDK does while its WebSocket is gone; the way \"poll\" shows the same messages",
    },
  },
  {
    name: "poll", command: [process.execPath, here("workers/bare.mjs")], environment: { ERRAND_TRANSPORT: "poll" }, hands: "poll",
    lacks: {
      "late callback": SDK["late callback"],
      connection: "a poll ends with its answer: there is nothing to drain, to greet or to negotiate on",
      fallback: "it is HTTP in the first place",
    },
  },
  {
    name: "push", endpoint: true, hands: "push",
    handler: ({ endpoint }, name, its) => `{http: {url: "${endpoint.url}/${name}"${its && `, ${its}`}}}`,
    lacks: {
      process: `${PUSHED}: there is no worker process to stop`,
      connection: `${PUSHED}: nothing is connected`,
      link: `${PUSHED}: there are no heartbeats and reports on the way`,
      fallback: `${PUSHED}: there is no WebSocket`,
      greeting: `${PUSHED}: it takes every job of its mutation`,
      batches: `${PUSHED}: a request is one job`,
      version: `${PUSHED}: the endpoint names no version`,
    },
  },
  {
    name: "upstream", upstream: true,
    handler: ({ upstream }, _name, its) =>
      `{graphql: {url: "${upstream.url}", transient: ["BUSY"]${its && `, ${its}`}}}`,
    diesWithServer: true,
    lacks: {
      ...hosted("the server asks another server: nothing is connected"),
      hands: "a GraphQL server says its response and nothing else",
      "late callback": "a request whose attempt is over is broken off",
      progress: "a GraphQL response says nothing before the end",
      "giving back": "a GraphQL response is data or errors",
      "last word": "a cancel breaks the request off",
    },
  },
  {
    name: "command",
    prepare: prepareCommand,
    handler: ({ folder }, _name, its) => commandHandler(folder, its || "concurrency: 4"),
    unbounded: true, // by messages: the check of results is the one that refuses
    diesWithServer: true,
    lacks: {
      mortal: "a command that dies is an attempt that failed, as in \"any other error\"",
      ...hosted("the server starts the command: nothing is connected"),
      hands: "a command says its lines and nothing else",
      "late callback": "a command whose attempt is over has ended",
    },
  },
  {
    name: "worker run", command: [binary, "worker", "run"],
    told: ({ folder }, { url, token, types, slots, name, queues = [], selectors = {}, labels = {} }) => {
      const each = (flag, values) => values.flatMap((value) => [flag, value]);
      return {
        flags: [
          "--config", `${folder}/errand.toml`, "--schema", `${folder}/schema.graphql`, "--log-format", "json", "--log-level", "debug",
          "--url", url, "--slots", String(slots), ...(name ? ["--name", name] : []), ...each("--type", types), ...each("--queue", queues),
          ...each("--label", Object.entries(labels).map((pair) => pair.join("="))),
          ...each("--selector", Object.entries(selectors).map(([key, values]) => `${key}=${values.join(",")}`)),
        ],
        environment: { ERRAND_TOKEN: token, ...(name && { WORKER_NAME: name }) },
      };
    },
    prepare: prepareCommand,
    handler: ({ folder }) => commandHandler(folder, 'concurrency: 100, processes: 512, environment: ["WORKER_NAME"]'),
    lacks: SDK,
  },
  {
    name: "in process",
    serve: (types) => ({
      command: [inProcess],
      environment: { ERRAND_TYPES: types.map(({ name, hosted: its }) => `${name}:${its.match(/concurrency: (\d+)/)?.[1] ?? 4}`).join(",") },
    }),
    unbounded: true,
    diesWithServer: true,
    absent: inProcess && existsSync(inProcess) ? undefined : "ERRAND_IN_PROCESS names no program",
    lacks: {
      mortal: "a handler in process dies with the server, as in \"server killed with a job in hand\"",
      ...hosted("the handler is a function of the server's process: nothing is connected"),
      hands: "a handler returns or throws, and says nothing else",
      "late callback": "a handler has no callback token",
    },
  },
];
