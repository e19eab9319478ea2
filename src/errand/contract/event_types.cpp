#include "errand/contract/event_types.h"

#include <array>

namespace errand::contract {
namespace {

constexpr auto kEventTypes = std::to_array<EventType>({
    {"enqueued", "JobEnqueuedEvent", "The job exists: PENDING, or SCHEDULED for later.",
     R"graphql(
  "The mutation that started the job."
  jobType: String!
  "The queue that the job waits in."
  queue: String!
  "-100 to 100; higher goes first within the queue."
  priority: Int!
  "What the client tagged the job with."
  tags: [String!]!
  "Names and values that the client gave to find the job by: an object of strings."
  labels: JSON!
  "Attempts that one run may take, the first included."
  maxAttempts: Int!
  "Nothing starts before this time."
  scheduledFor: DateTime
  "Nothing starts from this time on."
  deadline: DateTime
  "Size of the input as JSON text."
  inputBytes: Int!
  "The ended job that this one repeats."
  retryOf: ID
)graphql"},
    {"ready", "JobReadyEvent", "The job's time has come: PENDING, at the end of its line.", ""},
    {"started", "JobStartedEvent", "A worker holds the lease: RUNNING.",
     R"graphql(
  "Number of the attempt over all runs, from 1."
  attempt: Int!
  "The worker's connection."
  worker: String!
  "The build that the worker announced; null where it named none."
  workerBuild: String
)graphql"},
    {"progressed", "JobProgressedEvent",
     "How far the attempt has come. At most a few a second; the last one before the end always.",
     R"graphql(
  "What the worker said."
  progress: JobProgress!
)graphql"},
    {"step_completed", "JobStepCompletedEvent", "A named step has a result.",
     R"graphql(
  "The step's name."
  step: String!
  "Size of the result as JSON text."
  resultBytes: Int!
)graphql"},
    {"waiting", "JobWaitingEvent", "Suspended by its worker: WAITING. The attempt is not counted.",
     R"graphql(
  "What the worker said; null where it said nothing."
  reason: String
)graphql"},
    {"signaled", "JobSignaledEvent", "What the job waited for has come: PENDING.",
     R"graphql(
  "Name of the signal."
  signal: String!
)graphql"},
    {"released", "JobReleasedEvent",
     "Given back by its worker: PENDING, at its old place. The attempt is not counted.",
     R"graphql(
  "What the worker said; null where it said nothing."
  reason: String
)graphql"},
    {"snoozed", "JobSnoozedEvent", "Put off by its worker: SCHEDULED. The attempt is not counted.",
     R"graphql(
  "When it becomes PENDING again."
  until: DateTime!
  "What the worker said; null where it said nothing."
  reason: String
)graphql"},
    {"attempt_failed", "JobAttemptFailedEvent",
     "One attempt is over. JobRetryScheduledEvent or JobFailedEvent follows.",
     R"graphql(
  "How it failed."
  kind: JobFailureKind!
  "Why it failed."
  error: JobError!
)graphql"},
    {"retry_scheduled", "JobRetryScheduledEvent", "The next attempt is to come: RETRYING.",
     R"graphql(
  "When it becomes PENDING again."
  at: DateTime!
)graphql"},
    {"cancel_requested", "JobCancelRequestedEvent", "The worker is asked to stop: CANCELING.",
     R"graphql(
  "Why it is to stop."
  cancelReason: JobCancelReason!
  "What the person who canceled said; null where nothing was said."
  message: String
  "When the job ends without the worker."
  graceUntil: DateTime!
)graphql"},
    {"canceled", "JobCanceledEvent", "Ended on request: CANCELED.",
     R"graphql(
  "Why it ended."
  error: JobError!
)graphql"},
    {"killed", "JobKilledEvent",
     "Ended at once by an operator: CANCELED, or while it was being undone the status of its "
     "cause.",
     R"graphql(
  "Why it ended."
  error: JobError!
)graphql"},
    {"succeeded", "JobSucceededEvent", "Ended with a result: SUCCEEDED.",
     R"graphql(
  "Size of the result as JSON text."
  resultBytes: Int!
)graphql"},
    {"failed", "JobFailedEvent", "Ended with an error: FAILED.",
     R"graphql(
  "Why it ended."
  error: JobError!
)graphql"},
    {"expired", "JobExpiredEvent", "Ended because it was too late: EXPIRED.",
     R"graphql(
  "The clock that ran out."
  expiryReason: JobExpiryReason!
  "Why it ended."
  error: JobError!
)graphql"},
    {"compensation_started", "JobCompensationStartedEvent",
     "Completed steps are being undone: COMPENSATING.",
     R"graphql(
  "The status that the job ends in."
  outcome: JobStatus!
  "Why it is undone."
  error: JobError!
)graphql"},
    {"compensated", "JobCompensatedEvent", "One step is undone.",
     R"graphql(
  "The step's name."
  step: String!
)graphql"},
    {"compensation_failed", "JobCompensationFailedEvent",
     "One step could not be undone and waits for a person.",
     R"graphql(
  "The step's name."
  step: String!
  "Why it could not be undone."
  error: JobError!
)graphql"},
    {"dead_lettered", "JobDeadLetteredEvent", "The FAILED job waits for an operator.",
     R"graphql(
  "Groups dead letters whose errors differ in numbers alone."
  fingerprint: String!
)graphql"},
    {"discarded", "JobDiscardedEvent", "An operator put the dead letter away; it stays FAILED.",
     ""},
    {"requeued", "JobRequeuedEvent", "The next run begins: PENDING.",
     R"graphql(
  "Number of the run, from 2."
  run: Int!
  "Nothing of this run starts from this time on."
  deadline: DateTime
  "Whether it works on another input than the run before."
  inputChanged: Boolean!
)graphql"},
});
static_assert(kEventTypes.size() == job::kEventNameCount, "every event has its type");

}  // namespace

std::span<const EventType, job::kEventNameCount> event_types() noexcept { return kEventTypes; }

std::string_view event_fields_sdl() noexcept {
  return R"graphql(
  "Identifies the event; never changes."
  id: ID!
  "Place in the log, to go on after."
  cursor: String!
  "The job."
  jobId: ID!
  "Number within the job, from 1 without gaps."
  sequence: Int!
  "What happened, such as \"dev.errand.job.started\"."
  type: String!
  "When."
  time: DateTime!
  "Who caused it."
  actor: JobActor!
  "The job's correlation id."
  correlationId: String!
  "W3C trace context of the cause."
  traceparent: String
  "What belongs to the type, for programs that take every kind alike. Inputs and results never stand here."
  data: JSON!
)graphql";
}

std::string event_types_sdl() {
  std::string sdl;
  for (const EventType& type : kEventTypes) {
    sdl.append("\n\"").append(type.description).append("\"\ntype ").append(type.name);
    sdl.append(" implements JobEvent {").append(event_fields_sdl()).append(type.fields);
    sdl.append("}\n");
  }
  return sdl;
}

}  // namespace errand::contract
