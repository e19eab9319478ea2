#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/job/payload.h"
#include "errand/job/retry_policy.h"
#include "errand/job/status.h"

namespace errand::job {

/// What kind of principal acts.
enum class ActorKind : std::uint8_t { kSystem, kClient, kWorker, kOperator };
std::string_view to_string(ActorKind kind) noexcept;  ///< "SYSTEM", "CLIENT", ...

/// Who caused an event. Timers and lost leases are the system's own doing, with an empty subject.
struct Actor {
  ActorKind kind = ActorKind::kSystem;
  SubjectId subject;

  friend bool operator==(const Actor&, const Actor&) = default;
};

/// What an event goes back to.
struct Cause {
  std::string traceparent;     ///< W3C trace context of the request; may be empty
  std::string correlation_id;  ///< the job's

  friend bool operator==(const Cause&, const Cause&) = default;
};

/// Remembers a worker's report, so that its repetition is told from a contradiction.
struct ReportMark {
  FencingToken token{};
  std::uint64_t content = 0;  ///< hash of what was reported, its kind included

  friend bool operator==(const ReportMark&, const ReportMark&) = default;
};

/// Why a worker was asked to stop, and which terminal status it leads to.
enum class CancelReason : std::uint8_t { kRequested, kDeadline };
std::string_view to_string(CancelReason reason) noexcept;  ///< "REQUESTED", "DEADLINE"

/// How an attempt failed.
enum class FailureKind : std::uint8_t { kError, kTimeout, kLeaseLost };
std::string_view to_string(FailureKind kind) noexcept;  ///< "ERROR", "TIMEOUT", "LEASE_LOST"

/// Which clock ran out.
enum class ExpiryReason : std::uint8_t { kDeadline, kQueueTimeout };
std::string_view to_string(ExpiryReason reason) noexcept;  ///< "DEADLINE", "QUEUE_TIMEOUT"

/// What a job is made of: all that its snapshot needs beside the header of the first event.
struct JobSpec {
  TenantId tenant;
  SubjectId subject;  ///< who submitted it
  JobTypeName type;
  QueueName queue;
  int priority = 0;                           ///< -100..100; higher goes first
  std::optional<Timestamp> scheduled_for;     ///< not before this time; in the past: at once
  std::optional<Timestamp> deadline;          ///< nothing starts from here on
  std::optional<Milliseconds> queue_timeout;  ///< longest wait in line for a run's first start
  Milliseconds timeout{900'000};              ///< of one attempt; > 0
  Milliseconds cancel_grace{30'000};          ///< from the request to stop to the end; >= 0
  Milliseconds retention{604'800'000};        ///< how long the record outlives its end; >= 0
  RetryPolicy::Options retry;                 ///< its max_attempts counts within one run
  PayloadRef input;
  std::string contract_hash;  ///< of the schema's contract for this type
  std::vector<std::string> tags;
  std::map<std::string, std::string> labels;
  bool has_idempotency_key = false;
  /// Something of who submitted it is kept for its attempts, beside the log and sealed.
  bool has_credentials = false;
  /// Counted by the limits of its type that have a key over the input; empty: none counts it. A
  /// keyed digest of the values, as events hold no part of an input.
  std::string limit_key;
  /// Jobs of one limit_key run one after the other, in the order in which they entered the line:
  /// this one keeps its place from its run's first start to the run's end.
  bool fifo = false;
  /// Keyed digest of what makes the job unique among those of its tenant and type; empty: nothing.
  std::string unique_key;
  /// The labels that decide which workers may have the job: route_of(); empty: none does.
  std::string route;
  std::optional<JobId> retry_of;  ///< the ended job that this one repeats
  /// Where its events are posted to besides; empty: nowhere.
  std::string callback_url;
  std::vector<std::string> callback_types;  ///< of those events; empty: of the job's end

  friend bool operator==(const JobSpec&, const JobSpec&) = default;
};

// One struct for each event of DESIGN.md, section 6. Each holds what evolve() cannot know from the
// state before, drawn numbers included.

/// The job exists: PENDING, or SCHEDULED when spec.scheduled_for lies after the event's time.
struct Enqueued {
  JobSpec spec;
  friend bool operator==(const Enqueued&, const Enqueued&) = default;
};
/// Its time has come: PENDING, at the end of the line for its priority.
struct Ready {
  friend bool operator==(const Ready&, const Ready&) = default;
};
/// A worker holds the lease: RUNNING.
struct Started {
  std::uint32_t attempt = 0;  ///< from 1, continued over runs
  FencingToken token{};
  WorkerId worker;
  std::string worker_build;
  friend bool operator==(const Started&, const Started&) = default;
};
struct Progressed {
  Progress progress;
  friend bool operator==(const Progressed&, const Progressed&) = default;
};
struct StepCompleted {
  std::string step;
  PayloadRef result;
  friend bool operator==(const StepCompleted&, const StepCompleted&) = default;
};
/// Suspended by its worker: WAITING. The attempt is not counted.
struct Waiting {
  std::string reason;
  std::optional<ReportMark> report;
  friend bool operator==(const Waiting&, const Waiting&) = default;
};
/// What it waited for has come: PENDING.
struct Signaled {
  std::string signal;
  friend bool operator==(const Signaled&, const Signaled&) = default;
};
/// Given back by its worker: PENDING, at its old place in the line. The attempt is not counted.
struct Released {
  std::string reason;
  std::optional<ReportMark> report;
  friend bool operator==(const Released&, const Released&) = default;
};
/// Put off by its worker: SCHEDULED. The attempt is not counted.
struct Snoozed {
  Timestamp until{};
  std::string reason;
  std::optional<ReportMark> report;
  friend bool operator==(const Snoozed&, const Snoozed&) = default;
};
/// One attempt is over; RetryScheduled or Failed follows in the same commit.
struct AttemptFailed {
  FailureKind kind = FailureKind::kError;
  JobError error;
  std::optional<ReportMark> report;
  friend bool operator==(const AttemptFailed&, const AttemptFailed&) = default;
};
/// RETRYING until `at`.
struct RetryScheduled {
  Timestamp at{};
  friend bool operator==(const RetryScheduled&, const RetryScheduled&) = default;
};
/// The worker is asked to stop: CANCELING.
struct CancelRequested {
  CancelReason reason = CancelReason::kRequested;
  std::string message;      ///< of the person who canceled; may be empty
  Timestamp grace_until{};  ///< the job ends then without the worker
  friend bool operator==(const CancelRequested&, const CancelRequested&) = default;
};
struct Canceled {
  JobError error;
  std::optional<ReportMark> report;
  friend bool operator==(const Canceled&, const Canceled&) = default;
};
/// Ended at once by an operator: CANCELED (from COMPENSATING: the status of its cause).
struct Killed {
  JobError error;
  friend bool operator==(const Killed&, const Killed&) = default;
};
struct Succeeded {
  PayloadRef result;
  std::optional<ReportMark> report;
  friend bool operator==(const Succeeded&, const Succeeded&) = default;
};
struct Failed {
  JobError error;
  friend bool operator==(const Failed&, const Failed&) = default;
};
struct Expired {
  ExpiryReason reason = ExpiryReason::kDeadline;
  JobError error;
  std::optional<ReportMark> report;
  friend bool operator==(const Expired&, const Expired&) = default;
};
/// Completed steps are being undone: COMPENSATING, then `outcome` with `error`.
struct CompensationStarted {
  JobStatus outcome = JobStatus::kFailed;  ///< FAILED, CANCELED or EXPIRED
  JobError error;
  friend bool operator==(const CompensationStarted&, const CompensationStarted&) = default;
};
struct Compensated {
  std::string step;
  friend bool operator==(const Compensated&, const Compensated&) = default;
};
struct CompensationFailed {
  std::string step;
  JobError error;
  friend bool operator==(const CompensationFailed&, const CompensationFailed&) = default;
};
/// The failed job waits for an operator. Follows Failed in the same commit.
struct DeadLettered {
  std::string fingerprint;  ///< groups dead letters whose errors differ in numbers alone
  friend bool operator==(const DeadLettered&, const DeadLettered&) = default;
};
/// An operator put the dead letter away; it stays FAILED.
struct Discarded {
  friend bool operator==(const Discarded&, const Discarded&) = default;
};
/// The next run begins: PENDING.
struct Requeued {
  std::uint32_t run = 0;  ///< from 2
  std::optional<Timestamp> deadline;
  std::optional<PayloadRef> input;  ///< in place of the one before; never its value
  std::string limit_key;            ///< of this input
  std::string unique_key;           ///< of this input
  friend bool operator==(const Requeued&, const Requeued&) = default;
};

using EventData =
    std::variant<Enqueued, Ready, Started, Progressed, StepCompleted, Waiting, Signaled, Released,
                 Snoozed, AttemptFailed, RetryScheduled, CancelRequested, Canceled, Killed,
                 Succeeded, Failed, Expired, CompensationStarted, Compensated, CompensationFailed,
                 DeadLettered, Discarded, Requeued>;

/// One fact of a job's history.
struct Event {
  JobId job;
  Sequence sequence{};     ///< from 1 within the job, without gaps
  LogPosition position{};  ///< of the store's whole log
  Timestamp time{};
  Actor actor;
  Cause cause;
  EventData data;

  friend bool operator==(const Event&, const Event&) = default;
};

/// Public name of the event, "dev.errand.job.enqueued" for one.
std::string_view event_name(const EventData& data) noexcept;

/// Public names in the order of EventData's alternatives, so that an index is a compact code.
inline constexpr std::size_t kEventNameCount = std::variant_size_v<EventData>;
std::string_view event_name(std::size_t index) noexcept;

}  // namespace errand::job
