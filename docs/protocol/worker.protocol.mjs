// The messages of errand.worker.v1: the one place where they are written down. From here tools/worker_protocol.mjs makes
//   schemas/worker/*.json    a JSON Schema of each message and body
//   worker.asyncapi.json     the AsyncAPI document
//   worker-messages.md       each message, member by member
//   worker.md                the tables between its markers; the rules around them are written there by hand
// Examples come from frames/worker-v1.json. After a change here run tools/worker_protocol.mjs.
//
// A member is its JSON Schema (2020-12); a name that ends in ? is optional. `feature` names what a server must have announced in
// welcome.features before a message is sent, and behind which a member appears; after the freeze of v1 whatever is new has one.
// A `title` is a few plain words, for tables; `about` is Markdown, a paragraph that adds to it.

const text = (min, max) => ({ type: "string", ...(min ? { minLength: min } : {}), ...(max === undefined ? {} : { maxLength: max }) });
const integer = (min, max) => ({ type: "integer", minimum: min, ...(max === undefined ? {} : { maximum: max }) });
const list = (items, min, max) => ({
  type: "array", ...(min ? { minItems: min } : {}), ...(max === undefined ? {} : { maxItems: max }), items,
});
const code = (pattern = "^[A-Z][A-Z0-9_]*$") => ({ type: "string", pattern });
const as = (description, schema) => ({ ...schema, description });

/** The schema of an object with these members; `rest` are further keywords. */
export function object(members, rest = {}) {
  const names = Object.keys(members);
  const required = names.filter((name) => !name.endsWith("?"));
  return {
    type: "object",
    ...(required.length > 0 ? { required } : {}),
    properties: Object.fromEntries(names.map((name) => [name.replace(/\?$/, ""), members[name]])),
    ...rest,
  };
}

// --- What several messages share ---------------------------------------------------------------------------------------

const name = text(1, 128); // of a type, a queue, a tenant
const milliseconds = integer(0);
const thirtyDaysMs = 2_592_000_000;

const held = {
  jobId: as("The job, as clients know it.", { type: "string", format: "uuid" }),
  token: as("Good for this attempt alone. Opaque: send it back as it came.", text(1, 128)),
};
const ref = as("Chosen by the worker, repeated in the ack.", text(1, 64));
const report = { ...held, "ref?": ref };

const stepName = as("Names the step within its job; used once in an attempt.", text(1, 128));

/** What a worker offers: hello says it for a connection, a poll for itself. */
const offer = (slots) => ({
  types: as("Job types it runs: names of mutation fields.", list(name, 1, 1000)),
  slots: as(slots, integer(1, 10_000)),
  "queues?": as("Queues it takes jobs from; left out: all that its credential allows.", list(name, 1, 1000)),
  "name?": as("For people; need not be unique.", name),
  "build?": as("Which build of the worker's code this is.", name),
  "sdk?": as("Library and version.", name),
  "labels?": as("The worker's own labels, for people to see; they choose no jobs.", {
    type: "object", maxProperties: 64, additionalProperties: text(0, 256),
  }),
  "selectors?": as("Which jobs it takes, by the job's labels: for each name here, the job's label of that name must have one of the values; "
    + "[] means that the job must not have the label. Left out: every job.", {
    type: "object", maxProperties: 16, propertyNames: { minLength: 1, maxLength: 128 },
    additionalProperties: list(text(0, 256), 0, 32),
  }),
});

// --- The protocol ------------------------------------------------------------------------------------------------------

export const protocol = {
  name: "errand.worker.v1",
  id: "https://errand.dev/protocol/worker/v1/",

  features: {
    steps: "Recorded steps: what earlier attempts recorded comes with the job, and `step` records one. Reserved: no server announces it yet.",
  },

  messages: {
    // From the worker, in the order in which it comes to need them.
    hello: {
      from: "worker",
      title: "Who the worker is and what it can run; the first message of a WebSocket",
      about: "Within 10 s, once, before anything else.",
      answers: ["welcome"],
      members: offer("How many jobs it runs at once at most."),
    },
    credits: {
      from: "worker",
      title: "More free slots: each lets the server send one job",
      answers: ["job"], answered: "one for each, when there is one",
      members: {
        add: as("Slots that became free. Free slots and running jobs together never exceed hello.slots.", integer(1, 10_000)),
      },
    },
    heartbeat: {
      from: "worker", http: true,
      title: "The worker lives and still runs these jobs; extends their leases",
            answers: ["heartbeat_ack"],
      members: { jobs: list(object(held), 0, 10_000) },
    },
    progress: {
      from: "worker", http: true,
      title: "How far a job has come: completed, total, stage, message",
      about: "At least one of `completed`, `stage` and `message`; `total` only beside `completed`.",
      answers: ["ack"], answered: "only when it was refused",
      members: {
        ...report,
        "completed?": as("Units of work done.", { type: "number", minimum: 0 }),
        "total?": as("Units of work in all, when known.", { type: "number", exclusiveMinimum: 0 }),
        "stage?": as("What it does now, in a word or two.", text(0, 128)),
        "message?": as("For people.", text(0, 1024)),
      },
      rules: {
        anyOf: [{ required: ["completed"] }, { required: ["stage"] }, { required: ["message"] }],
        dependentRequired: { total: ["completed"] },
      },
    },
    complete: {
      from: "worker", http: true,
      title: "The job has succeeded, with this result",
      answers: ["ack"],
      members: { ...report, result: as("The mutation field's value: checked against its SDL type.", {}) },
    },
    fail: {
      from: "worker", http: true,
      title: "The attempt has failed, with this error",
      answers: ["ack"],
      members: {
        ...report,
        error: object({
          kind: as("Whether another attempt may succeed.", { enum: ["TRANSIENT", "PERMANENT"] }),
          "code?": as("For programs; the worker's own.", code("^[A-Z][A-Z0-9_]{0,63}$")),
          message: as("For people; no stack traces.", text(0, 4096)),
          "details?": as("Further facts for programs.", { type: "object" }),
          "remediation?": as("What a person can do about it.", text(0, 1024)),
          "retryAfterMs?": as("Wait at least so long before the next attempt.", integer(0, thirtyDaysMs)),
        }),
      },
    },
    release: {
      from: "worker", http: true,
      title: "Gives the job back unfinished; the attempt does not count",
      answers: ["ack"],
      members: report,
    },
    snooze: {
      from: "worker", http: true,
      title: "Gives the job back until later; the attempt does not count",
      answers: ["ack"],
      members: { ...report, delayMs: as("When to offer it again.", integer(1, thirtyDaysMs)) },
    },
    step: {
      from: "worker", http: true, feature: "steps",
      title: "A step of the job is done, and this is what it gave",
      about: "Acknowledged as a report is, and as repeatable. Once it is acknowledged, the step comes with every later attempt as an entry of "
        + "`job.steps`, and its work is not done again.",
      answers: ["ack"],
      members: { ...report, name: stepName, result: as("What the step gave, for later attempts.", {}) },
    },
    drain: {
      from: "worker",
      title: "The worker wants no further job: drops all credits; it is about to stop",
      answers: ["draining"],
      members: {},
    },

    // From the server.
    welcome: {
      from: "server",
      title: "Answers hello: intervals, bounds, and what this server can do",
      about: "A type in `unknownTypes` never gets a job.",
      members: {
        workerId: as("Names this connection in logs and in the workers query.", text(1)),
        server: as("Program and version.", text()),
        heartbeatMs: as("How often to send a heartbeat.", integer(1)),
        leaseMs: as("A job without a heartbeat for so long is given to someone else.", integer(1)),
        messageBytesMax: as("Longest WebSocket message or HTTP body the server reads, in bytes.", integer(1)),
        "queues?": as("Queues it will get jobs from; left out: all.", list(name)),
        unknownTypes: as("Announced types that the server's schema does not have.", list(name)),
        "features?": as("What this server can do beyond the first v1; left out: nothing. Names that the worker does not know are ignored.",
          list(text(1, 64))),
      },
    },
    job: {
      from: "server",
      title: "Run this; uses up one credit",
      members: {
        ...held,
        jobType: as("Name of the mutation field.", name),
        queue: name,
        tenant: name,
        run: as("From 1; counts retries by an operator.", integer(1)),
        attempt: as("From 1; counts on over runs.", integer(1)),
        maxAttempts: as("Attempts that this run may make in all.", integer(1)),
        arguments: as("The mutation field's arguments by name, without options.", { type: "object" }),
        leaseMs: as("Send the first heartbeat well before.", integer(1)),
        timeoutMs: as("What this attempt has left, from now.", milliseconds),
        "deadlineMs?": as("What the job has left in all, from now; left out: no deadline.", milliseconds),
        priority: integer(-100, 100),
        tags: list(text()),
        labels: { type: "object", additionalProperties: text() },
        correlationId: as("Put it into log lines and outgoing requests.", text()),
        "traceparent?": as("W3C Trace Context: parent of the attempt's span; left out: not traced.",
          { type: "string", pattern: "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$" }),
        createdAt: { type: "string", format: "date-time" },
        "steps?": as("Steps that earlier attempts recorded, in the order in which they were; left out: none. Feature steps.",
          list(object({ name: stepName, result: as("As it was recorded.", {}) }))),
      },
    },
    heartbeat_ack: {
      from: "server",
      title: "Answers heartbeat, job by job",
      members: {
        jobs: list(object({
          ...held,
          state: as("LEASE_LOST and JOB_ENDED: stop, no report will be taken.", { enum: ["RUNNING", "CANCELING", "LEASE_LOST", "JOB_ENDED"] }),
          "leaseMs?": as("The lease as it was extended just now; with RUNNING and CANCELING.", milliseconds),
          "reason?": as("With CANCELING: why to stop.", { enum: ["CANCEL", "DEADLINE"] }),
          "graceMs?": as("With CANCELING: what is left to stop in.", milliseconds),
        })),
      },
    },
    cancel: {
      from: "server",
      title: "Stop this job; why, and what time is left",
      members: {
        ...held,
        reason: as("CANCEL and DEADLINE leave graceMs for a last report; after the others no report is taken.",
          { enum: ["CANCEL", "DEADLINE", "KILL", "TIMEOUT", "LEASE_LOST"] }),
        graceMs: as("What is left to stop in.", milliseconds),
      },
    },
    ack: {
      from: "server",
      title: "Answers complete, fail, release, snooze and step; and a progress that was refused",
      about: "`error` comes with `REFUSED` and never with `OK`.",
      members: {
        "ref?": ref,
        ...held,
        status: as("OK: the outcome is durable.", { enum: ["OK", "REFUSED"] }),
        "error?": object({
          code: as("LEASE_LOST, JOB_ENDED, RESULT_INVALID, INVALID_ARGUMENT, PAYLOAD_TOO_LARGE, UNAVAILABLE and others of docs/errors.", code()),
          message: as("For people.", text()),
          retryable: as("Whether to send the same report again, a little later.", { type: "boolean" }),
        }),
      },
      rules: {
        if: { properties: { status: { const: "REFUSED" } } },
        then: { required: ["error"] },
        else: { not: { required: ["error"] } },
      },
    },
    draining: {
      from: "server",
      title: "Answers drain: no job comes after this message",
      about: "A `job` may come before it.",
      members: {},
    },
    "drain-server": {
      from: "server", type: "drain",
      title: "The server sends no further job: it stops, or an operator drains this worker",
      members: {
        reason: as("SHUTDOWN: the server stops; connect again before this connection closes. REQUESTED: an operator drains this worker; "
          + "finish and stop.", { enum: ["SHUTDOWN", "REQUESTED"] }),
        graceMs: as("After so long the server closes the connection.", milliseconds),
      },
    },
    error: {
      from: "server",
      title: "The worker broke the protocol, and where; the connection closes",
      members: {
        code: as("PROTOCOL_ERROR, FORBIDDEN or another of docs/errors.", code()),
        message: as("What was wrong and where.", text()),
      },
    },
  },

  http: {
    poll: {
      path: "/worker/v1/poll",
      title: "Takes jobs",
      about: "Answered with the first job, or empty after `waitMs`. Credits end with the answer.",
      request: "poll-request", response: "messages-response",
    },
    messages: {
      path: "/worker/v1/messages",
      title: "Takes heartbeats and reports",
      about: "The body may also be one message, or the array alone. Answered with each one's `heartbeat_ack` or `ack`, in order; progress that "
        + "was taken has none.",
      request: "messages-request", response: "messages-response",
    },
  },

  // The body's schema, or `messages`: {"messages": [...]} of those that may be posted ("http") or of the server's.
  bodies: {
    "poll-request": {
      title: "Body of POST /worker/v1/poll",
      schema: object({
        ...offer("Most jobs to answer with."),
        "waitMs?": as("How long to wait for the first job; 20000 when left out.", integer(0, 60_000)),
      }),
    },
    "messages-request": {
      title: "Body of POST /worker/v1/messages: heartbeat, progress, complete, fail, release, snooze, step",
      messages: { of: "http", min: 1, max: 1000 },
    },
    "messages-response": {
      title: "Body of every 200 answer under /worker/v1/",
      messages: { of: "server" },
    },
    "error-response": {
      title: "Body of an answer under /worker/v1/ that refuses the request as a whole",
      schema: object({
        error: object({
          code: as("One of docs/errors.", code()),
          message: as("What was wrong and where, for people.", text()),
          retryable: as("Whether the same request may succeed a little later.", { type: "boolean" }),
        }),
      }),
    },
  },

  statuses: [
    ["200", "answered; a refused report is a `REFUSED` ack within"],
    ["400", "not JSON, or not as the schema says: `{\"error\": {\"code\": \"PROTOCOL_ERROR\", \"message\": \"[0].token: is missing\", \"retryable\": false}}`"],
    ["401, 403", "no good token; no scope `worker`, or a queue that is not allowed"],
    ["405, 413, 415", "not POST; body too large; not JSON by its content type"],
    ["500", "an error within the server"],
    ["503", "stopping or overloaded, with `Retry-After`"],
  ],

  closeCodes: [
    ["1000", "normal end", "–"],
    ["1001", "the server stops", "yes"],
    ["1009", "a message was longer than `messageBytesMax`", "yes, without that message"],
    ["1011", "an error within the server", "yes"],
    ["4400", "malformed message, or one out of order; the `error` before it says what", "no: a bug in the worker"],
    ["4403", "the credential does not allow a queue of `hello`", "no"],
    ["4406", "no version that the server speaks was offered", "no"],
    ["4408", "no `hello` within 10 s", "yes"],
    ["1013, 4429", "the worker read too slowly", "yes"],
    ["none", "nothing was heard for 60 s, pongs included", "yes"],
  ],
};
