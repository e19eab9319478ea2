#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/job/event.h"
#include "errand/job/payload.h"
#include "errand/job/status.h"

namespace errand::job {

/// A job as it is now: the fold of its events, which evolve() alone makes. A plain value; shared
/// between threads as StatePtr.
struct JobState {
  JobId id;
  JobSpec spec;                ///< as enqueued; deadline and input are those of the present run
  std::string correlation_id;  ///< of the enqueue
  std::string traceparent;     ///< of the enqueue: parent of every attempt's span; may be empty

  JobStatus status = JobStatus::kScheduled;
  std::uint32_t run = 1;              ///< from 1
  std::uint32_t attempt = 0;          ///< number of the last counted attempt, over all runs
  std::uint32_t attempts_in_run = 0;  ///< counted attempts of this run; <= spec.retry.max_attempts
  std::uint32_t lost_leases_in_run = 0;
  FencingToken token{};  ///< of the last start: the number of starts so far; 0: none yet

  Timestamp created_at{};
  Timestamp run_created_at{};                   ///< when this run was asked for
  std::optional<Timestamp> due_at;              ///< SCHEDULED, RETRYING: when it becomes PENDING
  std::optional<Timestamp> ready_since;         ///< PENDING: since when
  LogPosition ready_position{};                 ///< place in line within its priority: lower first
  std::optional<Timestamp> queue_expires_at;    ///< end of the queue timeout; until the first start
  std::optional<Timestamp> started_at;          ///< first start of this run
  std::optional<Timestamp> attempt_started_at;  ///< start of the attempt that holds the lease
  std::optional<Timestamp> finished_at;         ///< terminal: since when
  std::optional<Timestamp> expires_at;          ///< terminal: when the record may be pruned

  WorkerId worker;           ///< of the last start
  std::string worker_build;  ///< of the last start

  std::optional<Progress> progress;  ///< of the present attempt, or the last one
  std::optional<Timestamp> progress_at;

  std::optional<CancelReason> cancel_reason;    ///< CANCELING: why
  std::string cancel_message;                   ///< CANCELING: what the person said
  std::optional<Timestamp> cancel_grace_until;  ///< CANCELING: when it ends without the worker

  std::optional<PayloadRef> result;       ///< SUCCEEDED alone
  std::optional<JobError> error;          ///< FAILED, CANCELED, EXPIRED alone
  std::optional<JobError> last_failure;   ///< of the last attempt that failed in this run
  std::optional<ReportMark> last_report;  ///< the report that ended the last attempt, if one did
  std::optional<JobStatus> compensation_outcome;  ///< COMPENSATING: the status to come
  std::optional<JobError> compensation_error;     ///< COMPENSATING: the error to come
  bool dead_letter = false;                       ///< FAILED and waiting for an operator
  std::string error_fingerprint;                  ///< of the dead letter

  Sequence last_sequence{};     ///< number of events so far
  LogPosition last_position{};  ///< of the last event

  [[nodiscard]] bool terminal() const noexcept { return is_terminal(status); }

  friend bool operator==(const JobState&, const JobState&) = default;
};

/// When the job next changes by the clock alone while no worker holds it: the earlier of due time
/// and deadline (SCHEDULED, RETRYING), of queue timeout and deadline (PENDING), the deadline
/// (WAITING). nullopt where there is none, and for jobs with a lease: the engine's memory holds
/// their timers.
std::optional<Timestamp> next_timer(const JobState& state) noexcept;

/// Whether the job takes one of the places that a limit on its limit_key gives: while a worker has
/// it, and where it is fifo also between its attempts.
bool holds_key(const JobState& state) noexcept;

/// Snapshots are never changed once made, so that all threads can read the one copy.
using StatePtr = std::shared_ptr<const JobState>;

}  // namespace errand::job
