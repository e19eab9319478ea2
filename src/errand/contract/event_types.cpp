#include "errand/contract/event_types.h"

#include <array>

#include "errand/base/assert.h"

namespace errand::contract {
namespace {

constexpr auto kEnqueuedFields = std::to_array<EventField>({
    {.name = "jobType", .type = "String!", .description = "The mutation that started the job."},
    {.name = "queue", .type = "String!", .description = "The queue that the job waits in."},
    {.name = "priority",
     .type = "Int!",
     .description = "-100 to 100; higher goes first within the queue."},
    {.name = "tags", .type = "[String!]!", .description = "What the client tagged the job with."},
    {.name = "labels",
     .type = "JSON!",
     .description =
         "Names and values that the client gave to find the job by: an object of strings.",
     .shape = "Labels"},
    {.name = "maxAttempts",
     .type = "Int!",
     .description = "Attempts that one run may take, the first included."},
    {.name = "scheduledFor", .type = "DateTime", .description = "Nothing starts before this time."},
    {.name = "deadline", .type = "DateTime", .description = "Nothing starts from this time on."},
    {.name = "inputBytes", .type = "Int!", .description = "Size of the input as JSON text."},
    {.name = "retryOf", .type = "ID", .description = "The ended job that this one repeats."},
});
constexpr auto kStartedFields = std::to_array<EventField>({
    {.name = "attempt",
     .type = "Int!",
     .description = "Number of the attempt over all runs, from 1."},
    {.name = "worker", .type = "String!", .description = "The worker's connection."},
    {.name = "workerBuild",
     .type = "String",
     .description = "The build that the worker announced.",
     .absent = "where it named none"},
});
constexpr auto kProgressedFields = std::to_array<EventField>({
    {.name = "progress", .type = "JobProgress!", .description = "What the worker said."},
});
constexpr auto kStepCompletedFields = std::to_array<EventField>({
    {.name = "step", .type = "String!", .description = "The step's name."},
    {.name = "resultBytes", .type = "Int!", .description = "Size of the result as JSON text."},
});
constexpr auto kWaitingFields = std::to_array<EventField>({
    {.name = "reason",
     .type = "String",
     .description = "What the worker said.",
     .absent = "where it said nothing"},
});
constexpr auto kSignaledFields = std::to_array<EventField>({
    {.name = "signal", .type = "String!", .description = "Name of the signal."},
});
constexpr auto kReleasedFields = std::to_array<EventField>({
    {.name = "reason",
     .type = "String",
     .description = "What the worker said.",
     .absent = "where it said nothing"},
});
constexpr auto kSnoozedFields = std::to_array<EventField>({
    {.name = "until", .type = "DateTime!", .description = "When it becomes PENDING again."},
    {.name = "reason",
     .type = "String",
     .description = "What the worker said.",
     .absent = "where it said nothing"},
});
constexpr auto kAttemptFailedFields = std::to_array<EventField>({
    {.name = "kind", .type = "JobFailureKind!", .description = "How it failed."},
    {.name = "error", .type = "JobError!", .description = "Why it failed."},
});
constexpr auto kRetryScheduledFields = std::to_array<EventField>({
    {.name = "at", .type = "DateTime!", .description = "When it becomes PENDING again."},
});
constexpr auto kCancelRequestedFields = std::to_array<EventField>({
    {.name = "cancelReason", .type = "JobCancelReason!", .description = "Why it is to stop."},
    {.name = "message",
     .type = "String",
     .description = "What the person who canceled said.",
     .absent = "where nothing was said"},
    {.name = "graceUntil",
     .type = "DateTime!",
     .description = "When the job ends without the worker."},
});
constexpr auto kCanceledFields = std::to_array<EventField>({
    {.name = "error", .type = "JobError!", .description = "Why it ended."},
});
constexpr auto kKilledFields = std::to_array<EventField>({
    {.name = "error", .type = "JobError!", .description = "Why it ended."},
});
constexpr auto kSucceededFields = std::to_array<EventField>({
    {.name = "resultBytes", .type = "Int!", .description = "Size of the result as JSON text."},
});
constexpr auto kFailedFields = std::to_array<EventField>({
    {.name = "error", .type = "JobError!", .description = "Why it ended."},
});
constexpr auto kExpiredFields = std::to_array<EventField>({
    {.name = "expiryReason", .type = "JobExpiryReason!", .description = "The clock that ran out."},
    {.name = "error", .type = "JobError!", .description = "Why it ended."},
});
constexpr auto kCompensationStartedFields = std::to_array<EventField>({
    {.name = "outcome", .type = "JobStatus!", .description = "The status that the job ends in."},
    {.name = "error", .type = "JobError!", .description = "Why it is undone."},
});
constexpr auto kCompensatedFields = std::to_array<EventField>({
    {.name = "step", .type = "String!", .description = "The step's name."},
});
constexpr auto kCompensationFailedFields = std::to_array<EventField>({
    {.name = "step", .type = "String!", .description = "The step's name."},
    {.name = "error", .type = "JobError!", .description = "Why it could not be undone."},
});
constexpr auto kDeadLetteredFields = std::to_array<EventField>({
    {.name = "fingerprint",
     .type = "String!",
     .description = "Groups dead letters whose errors differ in numbers alone."},
});
constexpr auto kRequeuedFields = std::to_array<EventField>({
    {.name = "run", .type = "Int!", .description = "Number of the run, from 2."},
    {.name = "deadline",
     .type = "DateTime",
     .description = "Nothing of this run starts from this time on."},
    {.name = "inputChanged",
     .type = "Boolean!",
     .description = "Whether it works on another input than the run before."},
});

constexpr auto kEventTypes = std::to_array<EventType>({
    {.event = "enqueued",
     .name = "JobEnqueuedEvent",
     .description = "The job exists: PENDING, or SCHEDULED for later.",
     .fields = kEnqueuedFields},
    {.event = "ready",
     .name = "JobReadyEvent",
     .description = "The job's time has come: PENDING, at the end of its line.",
     .fields = {}},
    {.event = "started",
     .name = "JobStartedEvent",
     .description = "A worker holds the lease: RUNNING.",
     .fields = kStartedFields},
    {.event = "progressed",
     .name = "JobProgressedEvent",
     .description = "How far the attempt has come. At most a few a second; the last one before the "
                    "end always.",
     .fields = kProgressedFields},
    {.event = "step_completed",
     .name = "JobStepCompletedEvent",
     .description = "A named step has a result.",
     .fields = kStepCompletedFields},
    {.event = "waiting",
     .name = "JobWaitingEvent",
     .description = "Suspended by its worker: WAITING. The attempt is not counted.",
     .fields = kWaitingFields},
    {.event = "signaled",
     .name = "JobSignaledEvent",
     .description = "What the job waited for has come: PENDING.",
     .fields = kSignaledFields},
    {.event = "released",
     .name = "JobReleasedEvent",
     .description =
         "Given back by its worker: PENDING, at its old place. The attempt is not counted.",
     .fields = kReleasedFields},
    {.event = "snoozed",
     .name = "JobSnoozedEvent",
     .description = "Put off by its worker: SCHEDULED. The attempt is not counted.",
     .fields = kSnoozedFields},
    {.event = "attempt_failed",
     .name = "JobAttemptFailedEvent",
     .description = "One attempt is over. JobRetryScheduledEvent or JobFailedEvent follows.",
     .fields = kAttemptFailedFields},
    {.event = "retry_scheduled",
     .name = "JobRetryScheduledEvent",
     .description = "The next attempt is to come: RETRYING.",
     .fields = kRetryScheduledFields},
    {.event = "cancel_requested",
     .name = "JobCancelRequestedEvent",
     .description = "The worker is asked to stop: CANCELING.",
     .fields = kCancelRequestedFields},
    {.event = "canceled",
     .name = "JobCanceledEvent",
     .description = "Ended on request: CANCELED.",
     .fields = kCanceledFields},
    {.event = "killed",
     .name = "JobKilledEvent",
     .description =
         "Ended at once by an operator: CANCELED, or while it was being undone the status of its "
         "cause.",
     .fields = kKilledFields},
    {.event = "succeeded",
     .name = "JobSucceededEvent",
     .description = "Ended with a result: SUCCEEDED.",
     .fields = kSucceededFields},
    {.event = "failed",
     .name = "JobFailedEvent",
     .description = "Ended with an error: FAILED.",
     .fields = kFailedFields},
    {.event = "expired",
     .name = "JobExpiredEvent",
     .description = "Ended because it was too late: EXPIRED.",
     .fields = kExpiredFields},
    {.event = "compensation_started",
     .name = "JobCompensationStartedEvent",
     .description = "Completed steps are being undone: COMPENSATING.",
     .fields = kCompensationStartedFields},
    {.event = "compensated",
     .name = "JobCompensatedEvent",
     .description = "One step is undone.",
     .fields = kCompensatedFields},
    {.event = "compensation_failed",
     .name = "JobCompensationFailedEvent",
     .description = "One step could not be undone and waits for a person.",
     .fields = kCompensationFailedFields},
    {.event = "dead_lettered",
     .name = "JobDeadLetteredEvent",
     .description = "The FAILED job waits for an operator.",
     .fields = kDeadLetteredFields},
    {.event = "discarded",
     .name = "JobDiscardedEvent",
     .description = "An operator put the dead letter away; it stays FAILED.",
     .fields = {}},
    {.event = "requeued",
     .name = "JobRequeuedEvent",
     .description = "The next run begins: PENDING.",
     .fields = kRequeuedFields},
});
static_assert(kEventTypes.size() == job::kEventNameCount, "every event has its type");

constexpr auto kDataFields = std::to_array<EventField>({
    {.name = "jobId", .type = "ID!", .description = "The job."},
    {.name = "jobType", .type = "String!", .description = "The mutation that started the job."},
    {.name = "tenant", .type = "String!", .description = "The tenant that the job belongs to."},
    {.name = "sequence",
     .type = "Int!",
     .description = "Number of the event within the job, from 1 without gaps."},
});

constexpr auto kFullFields = std::to_array<EventField>({
    {.name = "actor", .type = "JobActor", .description = "Who caused the event."},
    {.name = "job", .type = "Job", .description = "The job as it was right after the event."},
    {.name = "result",
     .type = "JSON",
     .description = "The job's result, with its succeeded event.",
     .absent = "where it has been erased"},
});

constexpr auto kErrorFields = std::to_array<EventField>({
    {.name = "code", .type = "String!", .description = "A stable code for programs."},
    {.name = "message", .type = "String!", .description = "What happened."},
    {.name = "details", .type = "JSON", .description = "More, as the worker gave it."},
    {.name = "retryable",
     .type = "Boolean!",
     .description = "Whether another run may succeed without a change."},
    {.name = "remediation", .type = "String", .description = "What can be done about it."},
    {.name = "attempt", .type = "Int", .description = "The attempt that failed."},
});

constexpr auto kProgressFields = std::to_array<EventField>({
    {.name = "completed", .type = "Float!", .description = "Units done."},
    {.name = "total", .type = "Float", .description = "Units in all, where known."},
    {.name = "fraction",
     .type = "Float",
     .description = "completed / total, 0 to 1, where the total is known."},
    {.name = "stage", .type = "String", .description = "The stage the work is in."},
    {.name = "message", .type = "String", .description = "A sentence for people."},
    {.name = "updatedAt", .type = "DateTime!", .description = "When the worker said so."},
});

constexpr auto kActorFields = std::to_array<EventField>({
    {.name = "kind", .type = "ActorKind!", .description = "What kind of party."},
    {.name = "subject", .type = "String!", .description = "Its stable name; empty for the system."},
});

constexpr auto kJobFields = std::to_array<EventField>({
    {.name = "status", .type = "JobStatus!", .description = "Where it is in its life."},
    {.name = "queue", .type = "String!", .description = "The queue that it waits in."},
    {.name = "priority",
     .type = "Int!",
     .description = "-100 to 100; higher goes first within the queue."},
    {.name = "tags", .type = "[String!]!", .description = "What the client tagged it with."},
    {.name = "run", .type = "Int!", .description = "Number of the run, from 1."},
    {.name = "attempt",
     .type = "Int!",
     .description = "Number of the last counted attempt over all runs; 0 before the first."},
    {.name = "maxAttempts",
     .type = "Int!",
     .description = "Attempts that one run may take, the first included."},
    {.name = "createdAt", .type = "DateTime!", .description = "When it was submitted."},
    {.name = "scheduledFor", .type = "DateTime", .description = "Nothing starts before this time."},
    {.name = "startedAt",
     .type = "DateTime",
     .description = "When a worker first started on this run."},
    {.name = "finishedAt", .type = "DateTime", .description = "When this run ended."},
    {.name = "deadline", .type = "DateTime", .description = "Nothing starts from this time on."},
    {.name = "expiresAt", .type = "DateTime", .description = "When the record may be deleted."},
    {.name = "progress",
     .type = "JobProgress",
     .description = "Of the present attempt, or the last one."},
    {.name = "error", .type = "JobError", .description = "Why it ended without a result."},
});

constexpr auto kParts = std::to_array<EventPart>({
    {.name = "JobError", .description = "What went wrong.", .fields = kErrorFields},
    {.name = "JobProgress",
     .description = "How far an attempt has come.",
     .fields = kProgressFields},
    {.name = "JobActor", .description = "Who caused an event.", .fields = kActorFields},
    {.name = "Job", .description = "A job at one moment.", .fields = kJobFields},
});

}  // namespace

std::string describe(const EventField& field, std::string_view absence) {
  std::string text(field.description);
  if (field.absent.empty()) return text;
  ERRAND_ASSERT(text.ends_with('.'));
  text.pop_back();
  return text.append("; ").append(absence).append(" ").append(field.absent).append(".");
}

std::span<const EventType, job::kEventNameCount> event_types() noexcept { return kEventTypes; }

std::span<const EventField> event_data_fields() noexcept { return kDataFields; }

std::span<const EventField> full_payload_fields() noexcept { return kFullFields; }

std::span<const EventPart> event_parts() noexcept { return kParts; }

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
    sdl.append(" implements JobEvent {").append(event_fields_sdl());
    for (const EventField& field : type.fields) {
      if (field.until != 0) continue;
      sdl.append("  \"").append(describe(field, "null")).append("\"\n  ");
      sdl.append(field.name).append(": ").append(field.type).append("\n");
    }
    sdl.append("}\n");
  }
  return sdl;
}

}  // namespace errand::contract
