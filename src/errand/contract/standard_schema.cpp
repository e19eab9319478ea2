#include "errand/contract/standard_schema.h"

#include <array>

namespace errand::contract {

std::string_view job_fields_sdl() noexcept {
  return R"graphql(
  "Identifies the job. Opaque; sorts by time of creation."
  id: ID!
  "The mutation that started the job."
  type: String!
  "Where the job is in its life."
  status: JobStatus!
  "The queue that the job waits or waited in."
  queue: String!
  "-100 to 100; higher goes first within the queue."
  priority: Int!
  "What the client tagged the job with."
  tags: [String!]!
  "Follows the job through logs, events and workers. Given by the client or drawn."
  correlationId: String!
  "How far the present attempt has come; null until a worker reports it."
  progress: JobProgress
  "The declared steps with their state, to show progress against. Empty where none are declared."
  plan: [JobStep!]! @listSize(assumedSize: 5)
  "When the job may be done; null unless it runs, and where nothing can be said."
  estimate: JobEstimate
  "The time in the middle of what is likely, from `estimate`."
  estimatedCompletion: DateTime
  "What a person can do or expect now, in plain words."
  nextSteps: [String!]!
  "What holds the job back now; null while it runs and after it has ended."
  whyWaiting: WaitReason
  "Milliseconds to leave before asking again; null when the job has ended. A subscription spares the question."
  pollAfter: Int
  "Number of the run, from 1. A retry by hand starts the next one."
  run: Int!
  "Number of the last attempt over all runs; 0 before the first."
  attempt: Int!
  "Attempts that one run may take, the first included."
  maxAttempts: Int!
  "When the mutation was accepted."
  createdAt: DateTime!
  "Nothing starts before this time."
  scheduledFor: DateTime
  "When the present run first started."
  startedAt: DateTime
  "When the job ended."
  finishedAt: DateTime
  "Nothing starts from this time on, and what runs is told to stop."
  deadline: DateTime
  "When the record itself is deleted."
  expiresAt: DateTime
  "Why the job did not succeed. A terminal job has exactly one of result and error."
  error: JobError
  "Whether the job FAILED and still waits for an operator, who requeues or discards it."
  deadLetter: Boolean!
  "Groups FAILED jobs whose errors differ in numbers alone; null for every other job."
  errorFingerprint: String
  "What the viewer may do with the job now."
  actions: [JobAction!]!
  "The job as it was at a past time, from its history; null before it existed. What is only known of now is null or empty there: plan, estimate, estimatedCompletion, nextSteps, whyWaiting, pollAfter and actions. Its events are those up to then; its result is there where it was."
  at(
    "Not in the future. What happened in the same millisecond counts."
    time: DateTime!
  ): Job @cost(weight: "10")
  "The job's history, oldest first."
  events(
    "How many at most: 1 to 100."
    first: Int = 20
    "Only those after this cursor."
    after: String
    "Only events of these types, such as \"dev.errand.job.started\"."
    types: [String!]
  ): JobEventConnection! @listSize(assumedSize: 20, slicingArguments: ["first"], sizedFields: ["edges", "nodes"], requireOneSlicingArgument: false)
)graphql";
}

std::string_view standard_types_sdl() noexcept {
  return R"graphql(
"An object that can be fetched again by its id."
interface Node {
  "Identifies the object."
  id: ID!
}

"Work that a mutation started and that outlives the request. Each mutation with @job has a type of its own that adds the result."
interface Job implements Node#JOB_KEY# {
  #JOB_FIELDS#
}

"Where a job is in its life."
enum JobStatus {
  "Waits for its time."
  SCHEDULED
  "Waits in line for a worker."
  PENDING
  "A worker is at it."
  RUNNING
  "Suspended until a signal, a timer or other jobs."
  WAITING
  "Waits out the pause after a failed attempt."
  RETRYING
  "Its worker has been asked to stop."
  CANCELING
  "Completed steps are being undone."
  COMPENSATING
  "Ended with a result."
  SUCCEEDED
  "Ended with an error; an operator may start the next run."
  FAILED
  "Ended on request."
  CANCELED
  "Ended because it was too late."
  EXPIRED
}

"How far an attempt has come, as its worker says."
type JobProgress {
  "Units done."
  completed: Float!
  "Units in all, where known."
  total: Float
  "completed / total, 0 to 1, where the total is known."
  fraction: Float
  "The stage the work is in, such as \"rendering\"."
  stage: String
  "A sentence for people."
  message: String
  "When the worker said so."
  updatedAt: DateTime!
}

"One declared step of a job."
type JobStep {
  "The name that the worker uses."
  name: String!
  "The name for people."
  title: String!
  "How far the step is."
  status: JobStepStatus!
  "When it was completed."
  completedAt: DateTime
}

enum JobStepStatus {
  "Not completed yet."
  PENDING
  "Its result is recorded; a retried attempt skips it."
  COMPLETED
  "Undone after the job ended without success."
  COMPENSATED
  "Could not be undone; a person must look."
  COMPENSATION_FAILED
}

"When a job may be done, if its present attempt succeeds."
type JobEstimate {
  "Half of the jobs end before this, half after."
  completionAt: DateTime!
  "Nine in ten end later than this. Null where too few earlier jobs tell."
  earliest: DateTime
  "Nine in ten end earlier than this. Null where too few earlier jobs tell."
  latest: DateTime
  "What the estimate rests on."
  basis: EstimateBasis!
}

enum EstimateBasis {
  "How far the job has come: by what was left of earlier jobs of the type from there, or by its own pace."
  PROGRESS
  "How long earlier jobs of the type took in all."
  HISTORY
}

"What holds a job back."
type WaitReason {
  "The kind of obstacle."
  kind: WaitKind!
  "A sentence for people."
  message: String!
  "When the obstacle ends by itself, where known."
  until: DateTime
  "Jobs of the line that go first."
  place: Int
  "Connected workers that take this queue and type."
  workers: Int
  "The limit that holds it, by its id in the query limits."
  limit: String
}

enum WaitKind {
  "Its time has not come."
  SCHEDULED
  "It waits out the pause after a failed attempt."
  RETRY_BACKOFF
  "The queue is paused."
  QUEUE_PAUSED
  "As many jobs run as a limit allows."
  CONCURRENCY_LIMIT
  "As many jobs have started as a limit allows in its time."
  RATE_LIMIT
  "No connected worker takes this queue and type."
  NO_WORKER
  "All fitting workers are busy."
  PLACE_IN_LINE
  "The worker suspended it until a signal, a timer or other jobs."
  SUSPENDED
}

"Why a job did not succeed: for people, without stack traces."
type JobError {
  "A stable code for programs."
  code: String!
  "What happened."
  message: String!
  "More, as the worker gave it."
  details: JSON
  "Whether another run may succeed without a change."
  retryable: Boolean!
  "What can be done about it."
  remediation: String
  "The attempt that failed."
  attempt: Int
}

"What can be done with a job."
enum JobAction {
  "Ask it to stop: cancelJob."
  CANCEL
  "End it at once: killJob."
  KILL
  "Start the next run: retryJob."
  RETRY
  "Start the next run of a dead letter, with another input if need be: requeueDeadLetters."
  REQUEUE
  "Put a dead letter away: discardDeadLetters."
  DISCARD
  "Wake it with a signal."
  SIGNAL
  "Erase it: forgetJob."
  FORGET
}

"One fact of a job's history. Each kind of event is a type of its own, with its own fields beside these."
interface JobEvent {
  #EVENT_FIELDS#
}
#EVENT_TYPES#
"How an attempt failed."
enum JobFailureKind {
  "Its worker reported an error."
  ERROR
  "It ran longer than it may."
  TIMEOUT
  "Its worker gave no sign of life."
  LEASE_LOST
}

"Why a worker was asked to stop."
enum JobCancelReason {
  "Somebody canceled the job."
  REQUESTED
  "The job's deadline has passed."
  DEADLINE
}

"The clock that ran out."
enum JobExpiryReason {
  "The point in time from which nothing starts."
  DEADLINE
  "The longest wait for the first start of a run."
  QUEUE_TIMEOUT
}

"Who caused an event."
type JobActor {
  "What kind of party."
  kind: ActorKind!
  "Its stable name; empty for the system."
  subject: String!
}

enum ActorKind {
  "A timer or a lost lease."
  SYSTEM
  "Whoever sends operations."
  CLIENT
  "A worker."
  WORKER
  "An operator."
  OPERATOR
}

"A page of events."
type JobEventConnection {
  "The events with their cursors."
  edges: [JobEventEdge!]!
  "The events alone."
  nodes: [JobEvent!]!
  "Where the page lies."
  pageInfo: PageInfo!
}

type JobEventEdge {
  "Place in the log, to go on after."
  cursor: String!
  "The event."
  node: JobEvent!
}

"A page of jobs."
type JobConnection {
  "The jobs with their cursors."
  edges: [JobEdge!]!
  "The jobs alone."
  nodes: [Job!]!
  "Where the page lies."
  pageInfo: PageInfo!
}

type JobEdge {
  "Place in the list, to go on after."
  cursor: String!
  "The job."
  node: Job!
}

"Where a page lies in its list (Relay's cursor connections)."
type PageInfo#PAGE_INFO_SHARED# {
  "Whether more follows."
  hasNextPage: Boolean!
  "Whether something comes before."
  hasPreviousPage: Boolean!
  "Cursor of the first item."
  startCursor: String
  "Cursor of the last item."
  endCursor: String
}

"Which jobs: all conditions hold together."
input JobFilter {
  "In one of these statuses."
  status: [JobStatus!]
  "Started by one of these mutations."
  type: [String!]
  "In one of these queues."
  queue: [String!]
  "With all of these tags."
  tags: [String!]
  "With all of these labels: an object of strings."
  labels: JSON
  "With this correlation id."
  correlationId: String
  "Created at this time or later."
  createdFrom: DateTime
  "Created before this time."
  createdBefore: DateTime
}

"Which dead letters: all conditions hold together."
input DeadLetterFilter {
  "Started by one of these mutations."
  type: [String!]
  "In one of these queues."
  queue: [String!]
  "With one of these error fingerprints."
  fingerprint: [String!]
  "Failed at this time or later."
  finishedFrom: DateTime
  "Failed before this time."
  finishedBefore: DateTime
}

"What a command to dead letters did."
type DeadLetterResult {
  "Dead letters that the ids or the filter name, up to the limit."
  matched: Int!
  "Those of them that were changed; 0 of a dry run."
  changed: Int!
  "Whether the limit or the time for the request left some out: send the command again."
  hasMore: Boolean!
  "Ids of the first ten that were changed; of a dry run, of those that would be."
  jobs: [ID!]!
  "Those that could not be changed. They are as they were."
  refused: [DeadLetterRefusal!]!
}

"Why a command did not change a job."
type DeadLetterRefusal {
  "The job, as it was named."
  id: ID!
  "A stable code, such as JOB_NOT_DEAD_LETTER or NOT_FOUND."
  code: String!
  "What is the matter."
  message: String!
}

"What failed in a length of time, by its error."
type FailureReport {
  "Jobs that failed at this time or later."
  from: DateTime!
  "Jobs that failed before this time."
  to: DateTime!
  "The failures by their fingerprint, the most frequent first."
  groups: [FailureGroup!]!
  "Whether there are more groups than were asked for."
  hasMore: Boolean!
}

"FAILED jobs whose errors differ in numbers alone. A job that was requeued counts no more."
type FailureGroup {
  "Names the group: `filter.fingerprint` of deadLetters, requeueDeadLetters and discardDeadLetters."
  fingerprint: String!
  "The mutation that started the jobs."
  type: String!
  "The code of the error."
  code: String!
  "The message of the last one."
  message: String!
  "Jobs of the group."
  count: Int!
  "Those of them that still wait for an operator."
  deadLetters: Int!
  "When the first of them failed."
  firstAt: DateTime!
  "When the last of them failed."
  lastAt: DateTime!
  "Ids of the last five."
  jobs: [ID!]!
}

enum JobOrder {
  "By creation, the newest first."
  NEWEST_FIRST
  "By creation, the oldest first."
  OLDEST_FIRST
}

"How one job is to be treated. What is left out follows the mutation's @job."
input JobOptions {
  "Makes the mutation safe to repeat: the same key gives the same job. Up to 255 characters; outranks the header Idempotency-Key."
  idempotencyKey: String
  "Not before this time."
  runAt: DateTime
  "Not before this much time has passed. Not together with runAt."
  delay: Duration
  "-100 to 100; higher goes first within the queue."
  priority: Int
  "Nothing starts from this time on."
  deadline: DateTime
  "Longest wait for the first start."
  queueTimeout: Duration
  "Words to find the job by."
  tags: [String!]
  "Names and values to find the job by: an object of strings."
  labels: JSON
  "Follows the job through logs, events and workers. Drawn where left out."
  correlationId: String
  "A webhook for this job alone. Needs the scope callback:create."
  callback: JobCallback
  "Holds the answer up to this long, so that a quick job returns done."
  waitFor: Duration
  "Checks all that can be checked, makes no job and answers null."
  validateOnly: Boolean = false
}

input JobCallback {
  "Where to send the events to."
  url: String!
  "Only events of these types; the end of the job where left out."
  types: [String!]
}

"A queue with its load."
type QueueInfo {
  "The name, as in @job(queue:)."
  name: String!
  "Whether starting is stopped."
  paused: Boolean!
  "Jobs in line for a worker."
  pending: Int!
  "Jobs that wait for a time, a retry or a signal."
  waiting: Int!
  "Jobs that a worker is at."
  running: Int!
  "Connected workers that take it."
  workers: Int!
  "Slots of workers that it could use now: its jobs that are ready or running, within its concurrency limit."
  slotsWanted: Int!
}

"A limit that can hold jobs back."
type LimitInfo {
  "Names it for good, such as \"type:exportReport+input.account/concurrency\"."
  id: ID!
  "What it bounds."
  kind: LimitKind!
  "The queue whose limit it is: all its types count."
  queue: String
  "The job type whose limit it is."
  type: String
  "What it counts apart: an input of the mutation, tenant, or null where it has one count."
  key: String
  "As it holds now; null: no limit."
  value: Int
  "The length of time of a rate, as it holds now."
  per: Duration
  "As the schema and the configuration say; null: no limit."
  declaredValue: Int
  "When an operator set it, if one did."
  changedAt: DateTime
  "The operator who set it."
  changedBy: String
  "Whether the jobs of a key run in order."
  fifo: Boolean!
}

enum LimitKind {
  "Jobs that workers have at once."
  CONCURRENCY
  "Starts in a length of time."
  RATE
  "Jobs that wait in a queue."
  LENGTH
}

"A connected worker."
type WorkerInfo {
  "Identifies the connection."
  id: ID!
  "What it calls itself."
  name: String!
  "The principal that it authenticated as."
  subject: String!
  "The queues it takes; empty: all."
  queues: [String!]!
  "The job types it takes; empty: all."
  types: [String!]!
  "The build that it announced."
  build: String!
  "The SDK that it is written with."
  sdk: String!
  "How it runs jobs: PULL (it is connected), PUSH, UPSTREAM, COMMAND or IN_PROCESS (the server runs them itself)."
  way: WorkerWay!
  "Its own labels: an object of strings."
  labels: JSON!
  "For each name of a label the values of the jobs that it takes; no values: jobs without the label."
  selectors: JSON!
  "Jobs that it takes at once."
  slots: Int!
  "Jobs that it is at."
  running: Int!
  "Whether it gets no more jobs and is about to leave."
  draining: Boolean!
  "When it connected."
  connectedAt: DateTime!
  "When it last said something: a heartbeat, a report, a free slot."
  lastSeenAt: DateTime!
}

"How a worker runs jobs."
enum WorkerWay {
  "It connects and takes jobs, over WebSocket or HTTP long poll."
  PULL
  "The server posts each job to an endpoint."
  PUSH
  "The server runs a mutation of an existing GraphQL server for each job."
  UPSTREAM
  "The server runs a command for each job."
  COMMAND
  "A function within the server's process."
  IN_PROCESS
}
)graphql";
}

std::span<const StandardScalar> standard_scalars() noexcept {
  static constexpr std::array<StandardScalar, 4> kScalars{{
      {"DateTime", R"graphql("A point in time: RFC 3339, sent in UTC with milliseconds."
scalar DateTime @specifiedBy(url: "https://www.rfc-editor.org/rfc/rfc3339")
)graphql"},
      {"Duration",
       R"graphql("A length of time: whole numbers with units, such as 500ms, 15m, 1h30m or 7d."
scalar Duration
)graphql"},
      {"JSON", R"graphql("Any JSON value."
scalar JSON @specifiedBy(url: "https://www.rfc-editor.org/rfc/rfc8259")
)graphql"},
      {"UUID", R"graphql("A UUID in its 36-character form, sent in lower case."
scalar UUID @specifiedBy(url: "https://www.rfc-editor.org/rfc/rfc9562")
)graphql"},
  }};
  return kScalars;
}

std::string_view query_fields_sdl() noexcept {
  return R"graphql(
  "The job with this id; null when there is none that the viewer may see. With `waitFor` a long poll."
  job(
    id: ID!
    "Holds the answer up to this long, until the job's status is one of `until`. Then the present state is answered whatever it is; null where the job has been deleted meanwhile. The server bounds the time and the number of held requests, and answers earlier where it must."
    waitFor: Duration
    "The statuses that end the wait; any terminal one where left out. One that lasts for a moment may be missed."
    until: [JobStatus!]
  ): Job
  "Jobs that the viewer may see."
  jobs(
    "Which ones."
    filter: JobFilter
    "In which order."
    orderBy: JobOrder! = NEWEST_FIRST
    "How many at most: 1 to 100."
    first: Int = 20
    "Only those after this cursor."
    after: String
  ): JobConnection! @listSize(assumedSize: 20, slicingArguments: ["first"], sizedFields: ["edges", "nodes"], requireOneSlicingArgument: false)
  "FAILED jobs that wait for an operator, the last to fail first."
  deadLetters(
    "Which ones."
    filter: DeadLetterFilter
    "How many at most: 1 to 100."
    first: Int = 20
    "Only those after this cursor."
    after: String
  ): JobConnection! @listSize(assumedSize: 20, slicingArguments: ["first"], sizedFields: ["edges", "nodes"], requireOneSlicingArgument: false)
  "What failed in a length of time, by its error: in the last `period`, or `from` a time `to` another, which is now where left out."
  failureReport(
    "The length of time up to now."
    period: Duration
    "Failed at this time or later. Not together with `period`."
    from: DateTime
    "Failed before this time."
    to: DateTime
    "How many groups at most: 1 to 100."
    first: Int = 20
  ): FailureReport! @listSize(assumedSize: 20, slicingArguments: ["first"], sizedFields: ["groups"], requireOneSlicingArgument: false)
  "The object with this id; null when there is none that the viewer may see."
  node(id: ID!): Node
  "The queues with their load."
  queues: [QueueInfo!]!
  "The connected workers."
  workers: [WorkerInfo!]!
  "The limits that hold jobs back or can be set to; by default those that hold."
  limits(
    "Also those without a value."
    all: Boolean! = false
  ): [LimitInfo!]!
)graphql";
}

std::string_view mutation_fields_sdl() noexcept {
  return R"graphql(
  "Asks a job to stop. Returns at once; the job ends CANCELED when its worker has stopped."
  cancelJob(
    id: ID!
    "Shown to whoever looks at the job."
    reason: String
  ): Job
  "Ends a job at once, whatever its worker does. Audited."
  killJob(
    id: ID!
    "Shown to whoever looks at the job."
    reason: String
  ): Job
  "Starts the next run of a job that ended without success."
  retryJob(id: ID!): Job
  "Starts the next run of dead letters, the oldest first: of those with these ids, or of those that the filter fits."
  requeueDeadLetters(
    "These jobs. Not together with `filter`."
    ids: [ID!]
    "All dead letters that this fits; {} is all there are."
    filter: DeadLetterFilter
    "With one id: what the job works on from now on, an object of the mutation's arguments. Checked as they are."
    input: JSON
    "Changes nothing and tells what would be changed."
    dryRun: Boolean = false
    "How many at most: 1 to 10000."
    limit: Int = 1000
  ): DeadLetterResult
  "Puts dead letters away: those with these ids, or those that the filter fits. They stay FAILED."
  discardDeadLetters(
    "These jobs. Not together with `filter`."
    ids: [ID!]
    "All dead letters that this fits; {} is all there are."
    filter: DeadLetterFilter
    "Changes nothing and tells what would be changed."
    dryRun: Boolean = false
    "How many at most: 1 to 10000."
    limit: Int = 1000
  ): DeadLetterResult
  "Erases a job that has ended, with its input, result and events, at once and for good. Gives its id. The job's idempotency key stays used until it expires: a repetition is refused with JOB_FORGOTTEN."
  forgetJob(id: ID!): ID
  "Stops the starting of a queue's jobs. What runs goes on."
  pauseQueue(queue: String!): QueueInfo
  "Takes the pause back."
  resumeQueue(queue: String!): QueueInfo
  "Lets a worker take no more jobs, and tells it: it finishes what it has, and leaves. Where the server runs the jobs itself, pause their queue instead."
  drainWorker(id: ID!): WorkerInfo
  "Sets a limit over what the schema says, at once and over restarts. What runs goes on."
  setLimit(
    "Its id in the query limits."
    id: ID!
    "1 or more; to stop a queue, pause it."
    value: Int!
    "Another length of time for a rate: 100ms to 31d."
    per: Duration
  ): LimitInfo
  "Takes back what setLimit did."
  resetLimit(id: ID!): LimitInfo
)graphql";
}

std::string_view subscription_fields_sdl() noexcept {
  return R"graphql(
  "The state of one job: the present one first, then each change, coalesced. Ends after the terminal state."
  job(id: ID!): Job
  "The state of each job that the filter fits, when it changes, coalesced."
  jobs(filter: JobFilter): Job!
  "Every event after the cursor, in order, each exactly once: of one job, or of those that the filter fits. With an id it ends after the last event of an ended job."
  jobEvents(
    id: ID
    filter: JobFilter
    "From here on; left out: from the job's first event, or from now on."
    after: String
  ): JobEvent!
)graphql";
}

std::string_view cost_directives_sdl() noexcept {
  return R"graphql(
"What the field, argument or type counts towards the limit on an operation's cost."
directive @cost(
  "A number."
  weight: String!
) on ARGUMENT_DEFINITION | ENUM | FIELD_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT | SCALAR

"How many items the list has at most, for the limit on an operation's cost."
directive @listSize(
  "Items where nothing else says it."
  assumedSize: Int
  "Arguments of the field that say how many items it gives."
  slicingArguments: [String!]
  "Fields of the field's type that are the lists in question; the field itself where left out."
  sizedFields: [String!]
  "Whether exactly one of the slicing arguments must be given."
  requireOneSlicingArgument: Boolean = true
) on FIELD_DEFINITION
)graphql";
}

std::string_view directives_sdl() noexcept {
  return R"graphql(
"Makes a field of the mutation type a job."
directive @job(
  "The queue that its jobs wait in."
  queue: String! = "default"
  "-100 to 100; higher goes first within the queue."
  priority: Int! = 0
  "Longest run of one attempt."
  timeout: ErrandDurationText! = "15m"
  "Longest wait for the first start of a run."
  queueTimeout: ErrandDurationText
  "How long after it was due at the latest a job must have started."
  deadline: ErrandDurationText
  "Attempts that one run may take, the first included: 1 to 100."
  maxAttempts: Int! = 5
  "The pause between attempts."
  backoff: ErrandBackoff! = {}
  "How long the record outlives the end of the job."
  retention: ErrandDurationText! = "7d"
  "Whether clients must give an idempotency key."
  idempotency: ErrandIdempotency! = OPTIONAL
  "What makes a job unique among those of its tenant."
  unique: ErrandUnique
  "What happens when a job with the same values has not ended: RETURN_EXISTING where left out."
  onConflict: ErrandOnConflict
  "Limits on jobs that run at once."
  concurrency: [ErrandConcurrency!]
  "Limits on starts in a length of time."
  rateLimit: [ErrandRateLimit!]
  "Names of labels that decide which workers may have a job: those whose selectors fit its values."
  routeBy: [String!]
  "What runs the jobs; workers that connect where left out."
  handler: ErrandHandler
  "The steps that the worker goes through."
  steps: [ErrandStep!]
) on FIELD_DEFINITION

"Tells people about milestones of a job."
directive @notify(
  "Each tells once in a run of the job, whatever is retried."
  on: [ErrandMilestone!]!
  "Ways to tell. Users choose among them, category by category."
  channels: [ErrandChannel!]!
  "Who is told: \"principal\" (who submitted the job), \"group:NAME\" of the settings, or a path of the arguments that holds addresses or users' ids, such as \"input.email\"."
  to: [String!]! = ["principal"]
  "What users choose by; \"jobs\" where left out."
  category: String
  "Whether it goes out whatever they chose."
  mandatory: Boolean! = false
  "Texts of that name in the folder of templates; the server's own where left out."
  template: String
  "Shares of the work at which PROGRESS tells."
  progress: [Float!]! = [0.5]
) repeatable on FIELD_DEFINITION

"Starts a job on a schedule."
directive @schedule(
  "Five fields: minute, hour, day of the month, month, day of the week."
  cron: String!
  timezone: String! = "UTC"
  overlap: ErrandOverlap! = SKIP
  input: ErrandJson
) repeatable on FIELD_DEFINITION

"The scopes that a caller needs, all of them."
directive @auth(scopes: [String!]!) on FIELD_DEFINITION

"What an input value must be like. Checked before a job is made."
directive @constraint(
  "Smallest number."
  min: Float
  "Largest number."
  max: Float
  "Least number of characters."
  minLength: Int
  "Largest number of characters."
  maxLength: Int
  "A regular expression in the syntax of RE2 that must match somewhere; anchor it with ^ and $."
  pattern: String
  "A known form: email, uri, uuid, date-time, date, time, duration, hostname, ipv4, ipv6."
  format: String
  "Least number of items."
  minItems: Int
  "Largest number of items."
  maxItems: Int
) on ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION

"Keeps a value out of logs, traces, pages and events."
directive @sensitive on ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION

scalar ErrandDurationText
scalar ErrandJson

input ErrandBackoff {
  "How the pause goes on from attempt to attempt. Where left out: FIXED with `interval`, LIST with `waits`, else EXPONENTIAL."
  kind: ErrandBackoffKind
  "How much of the pause is drawn by chance. Where left out: FULL with EXPONENTIAL, else NONE."
  jitter: ErrandJitter
  "EXPONENTIAL: longest pause after the first attempt."
  initial: ErrandDurationText! = "1s"
  "EXPONENTIAL: longest pause after any attempt."
  max: ErrandDurationText! = "10m"
  "EXPONENTIAL: growth of the longest pause per attempt: 1 to 10."
  factor: Float! = 2
  "FIXED: the pause after each attempt."
  interval: ErrandDurationText
  "LIST: the pauses after the first attempt, the second and so on, 1 to 100; the last one repeats."
  waits: [ErrandDurationText!]
}

enum ErrandBackoffKind { EXPONENTIAL FIXED LIST }

"FULL: between nothing and the whole pause. EQUAL: between half of it and the whole. NONE: the whole."
enum ErrandJitter { FULL EQUAL NONE }

enum ErrandIdempotency { OPTIONAL REQUIRED }

input ErrandUnique {
  "Paths into the arguments, such as \"input.account\": jobs with the same values are the same."
  by: [String!]!
  "Which jobs count: those that no worker has had yet, those that one has had, and ended ones."
  among: [ErrandUniqueAmong!]! = [NOT_STARTED, STARTED, SUCCEEDED]
  "What happens when the last job with the same values has ended."
  afterEnd: ErrandAfterEnd! = ALLOW
  "How long an ended job counts, from its submission."
  period: ErrandDurationText
}

enum ErrandUniqueAmong { NOT_STARTED STARTED SUCCEEDED FAILED CANCELED EXPIRED }

enum ErrandAfterEnd { ALLOW RETURN_EXISTING REJECT }

enum ErrandOnConflict { RETURN_EXISTING REJECT REPLACE }

input ErrandConcurrency {
  "What is counted apart: queue, type, tenant or a path into the arguments, several joined by +."
  key: String!
  "Jobs of a key that a worker may have at once."
  limit: Int!
  "Jobs of a key run in the order in which they came, also past failures. Needs limit: 1."
  fifo: Boolean! = false
}

input ErrandRateLimit {
  "What is counted apart: queue, type, tenant or a path into the arguments, several joined by +."
  key: String!
  "Starts of a key in the time."
  limit: Int!
  "The time: 100ms to 31d."
  per: ErrandDurationText!
}

"One of http, graphql and command."
input ErrandHandler {
  "Each job is posted to an endpoint."
  http: ErrandHttpHandler
  "Each job runs a mutation of an existing GraphQL server."
  graphql: ErrandGraphqlHandler
  "Each job is run by a command, on the server's machine or on that of `errand worker run`: the program's whole path, then its arguments."
  command: [String!]
  "How the command is shut in."
  sandbox: ErrandSandbox! = {}
}

input ErrandHttpHandler {
  "An address of https, or of http where the server's settings let it."
  url: String!
  "Requests at once: 1 to 1000."
  concurrency: Int! = 10
}

input ErrandGraphqlHandler {
  "Where that server is: an address of https, or of http where the settings let it."
  url: String!
  "The mutation's name there; the field's own where left out."
  mutation: String
  "What is asked of the result: a selection set with its braces. Where left out: all leaf fields without required arguments, down to the third level."
  selection: String
  "Requests at once: 1 to 1000."
  concurrency: Int! = 10
  "Headers of the client's request that go along; kept encrypted with the job."
  forwardHeaders: [String!]! = []
  "A file of further headers, one a line, such as a service credential. Read for each request."
  headersFile: String
  "The header that says on whose behalf the job runs: the subject of the client's token."
  onBehalfOf: String
  "Codes of its errors (extensions.code) after which the job is tried again."
  transient: [String!]! = []
  "Codes of its errors that end the job."
  permanent: [String!]! = []
}

input ErrandSandbox {
  profile: ErrandSandboxProfile! = ISOLATED
  "Whether it may use the network."
  network: Boolean! = false
  "Commands at once: 1 to 256."
  concurrency: Int! = 1
  "Memory (address space) of each process."
  memoryMib: Int! = 1024
  "Memory of the command and all that it starts; needs a control group (sandbox.cgroup)."
  memoryTotalMib: Int
  "Time of the command; that of the attempt where left out."
  wall: ErrandDurationText
  "Processor time of each process: whole seconds."
  cpu: ErrandDurationText
  "Processes and threads at once."
  processes: Int! = 64
  "Open files of each process."
  openFiles: Int! = 256
  "Length of a file."
  fileMib: Int! = 1024
  "Length of all files that it writes; ISOLATED alone, where it is 256 if left out."
  diskMib: Int
  "Length of its standard output, and of its standard error."
  outputMib: Int! = 10
  "Variables of the server's environment that it gets too."
  environment: [String!]
  "Further paths that it may read."
  readable: [String!]
  "Further paths that it may write."
  writable: [String!]
}

"NONE: limits alone. RESTRICTED: it also sees the system's files alone, and few system calls. ISOLATED: a root, processes and a network of its own."
enum ErrandSandboxProfile { NONE RESTRICTED ISOLATED }

input ErrandStep {
  name: String!
  title: String
  weight: Float! = 1
  compensation: String
}

enum ErrandMilestone { ENQUEUED STARTED PROGRESS WAITING OVERDUE SUCCEEDED FAILED DEAD_LETTERED CANCELED EXPIRED }

enum ErrandChannel { EMAIL WEB_PUSH IN_APP CHAT }

enum ErrandOverlap { SKIP ALLOW QUEUE REPLACE }
)graphql";
}

}  // namespace errand::contract
