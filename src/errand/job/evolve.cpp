#include "errand/job/evolve.h"

#include <string>

#include "errand/base/assert.h"
#include "errand/base/deliberate_bug.h"

namespace errand::job {
namespace {

/// Whether an event of this kind can happen to a job of status `before`.
struct Follows {
  JobStatus before;

  bool operator()(const Enqueued&) const { return false; }
  bool operator()(const Ready&) const {
    if (has_bug(DeliberateBug::kDueFiredTwice) && before == JobStatus::kPending) return true;
    return before == JobStatus::kScheduled || before == JobStatus::kRetrying;
  }
  bool operator()(const Started&) const { return before == JobStatus::kPending; }
  bool operator()(const Progressed&) const { return has_lease(before); }
  bool operator()(const StepCompleted&) const { return has_lease(before); }
  bool operator()(const Waiting&) const { return before == JobStatus::kRunning; }
  bool operator()(const Signaled&) const { return before == JobStatus::kWaiting; }
  bool operator()(const Released&) const { return before == JobStatus::kRunning; }
  bool operator()(const Snoozed&) const { return before == JobStatus::kRunning; }
  bool operator()(const AttemptFailed&) const { return before == JobStatus::kRunning; }
  bool operator()(const RetryScheduled&) const { return before == JobStatus::kRunning; }
  bool operator()(const CancelRequested&) const { return before == JobStatus::kRunning; }
  bool operator()(const Canceled&) const {
    return !is_terminal(before) && before != JobStatus::kRunning;
  }
  bool operator()(const Killed&) const { return !is_terminal(before); }
  bool operator()(const Succeeded&) const {
    return has_lease(before) || has_bug(DeliberateBug::kTerminalStatusOverwritten);
  }
  bool operator()(const Failed&) const {
    return before == JobStatus::kRunning || before == JobStatus::kCompensating;
  }
  bool operator()(const Expired&) const {
    return !is_terminal(before) && before != JobStatus::kRunning;
  }
  bool operator()(const CompensationStarted&) const {
    return !is_terminal(before) && before != JobStatus::kCompensating;
  }
  bool operator()(const Compensated&) const { return before == JobStatus::kCompensating; }
  bool operator()(const CompensationFailed&) const { return before == JobStatus::kCompensating; }
  bool operator()(const DeadLettered&) const { return before == JobStatus::kFailed; }
  bool operator()(const Discarded&) const { return before == JobStatus::kFailed; }
  bool operator()(const Requeued&) const {
    return is_terminal(before) && before != JobStatus::kSucceeded;
  }
};

/// One overload for each event.
class Evolver {
 public:
  Evolver(JobState& state, const Event& event) : state_(state), event_(event) {}

  void operator()(const Enqueued& e) const {
    state_.id = event_.job;
    state_.spec = e.spec;
    state_.correlation_id = event_.cause.correlation_id;
    state_.traceparent = event_.cause.traceparent;
    state_.created_at = event_.time;
    state_.run_created_at = event_.time;
    if (e.spec.scheduled_for && *e.spec.scheduled_for > event_.time) {
      state_.status = JobStatus::kScheduled;
      state_.due_at = e.spec.scheduled_for;
    } else {
      enter_line();
    }
  }
  void operator()(const Ready&) const { enter_line(); }
  void operator()(const Started& e) const {
    state_.status = JobStatus::kRunning;
    state_.attempt = e.attempt;
    ++state_.attempts_in_run;
    state_.token = e.token;
    state_.worker = e.worker;
    state_.worker_build = e.worker_build;
    if (!state_.started_at) state_.started_at = event_.time;
    state_.attempt_started_at = event_.time;
    state_.ready_since.reset();
    state_.queue_expires_at.reset();
    state_.progress.reset();
    state_.progress_at.reset();
  }
  void operator()(const Progressed& e) const {
    state_.progress = e.progress;
    state_.progress_at = event_.time;
  }
  void operator()(const StepCompleted&) const {}
  void operator()(const Waiting& e) const {
    uncount_attempt(e.report);
    state_.status = JobStatus::kWaiting;
  }
  void operator()(const Signaled&) const { enter_line(); }
  void operator()(const Released& e) const {
    uncount_attempt(e.report);
    state_.status = JobStatus::kPending;
    state_.ready_since = event_.time;  // and ready_position stays: it goes back to its old place
  }
  void operator()(const Snoozed& e) const {
    uncount_attempt(e.report);
    state_.status = JobStatus::kScheduled;
    state_.due_at = e.until;
  }
  void operator()(const AttemptFailed& e) const {
    if (e.kind == FailureKind::kLeaseLost) ++state_.lost_leases_in_run;
    state_.last_failure = e.error;
    if (e.report) state_.last_report = e.report;
  }
  void operator()(const RetryScheduled& e) const {
    end_lease();
    state_.status = JobStatus::kRetrying;
    state_.due_at = e.at;
  }
  void operator()(const CancelRequested& e) const {
    state_.status = JobStatus::kCanceling;
    state_.cancel_reason = e.reason;
    state_.cancel_message = e.message;
    state_.cancel_grace_until = e.grace_until;
  }
  void operator()(const Canceled& e) const { end(JobStatus::kCanceled, e.error, e.report); }
  void operator()(const Killed& e) const {
    end(state_.compensation_outcome.value_or(JobStatus::kCanceled), e.error, {});
  }
  void operator()(const Succeeded& e) const {
    end(JobStatus::kSucceeded, {}, e.report);
    state_.result = e.result;
  }
  void operator()(const Failed& e) const { end(JobStatus::kFailed, e.error, {}); }
  void operator()(const Expired& e) const { end(JobStatus::kExpired, e.error, e.report); }
  void operator()(const CompensationStarted& e) const {
    end_lease();
    leave_line();
    state_.status = JobStatus::kCompensating;
    state_.compensation_outcome = e.outcome;
    state_.compensation_error = e.error;
  }
  void operator()(const Compensated&) const {}
  void operator()(const CompensationFailed&) const {}
  void operator()(const DeadLettered& e) const {
    state_.dead_letter = true;
    state_.error_fingerprint = e.fingerprint;
  }
  void operator()(const Discarded&) const { state_.dead_letter = false; }
  void operator()(const Requeued& e) const {
    state_.run = e.run;
    state_.run_created_at = event_.time;
    state_.spec.deadline = e.deadline;
    if (e.input) {
      state_.spec.input = *e.input;
      state_.spec.limit_key = e.limit_key;
      state_.spec.unique_key = e.unique_key;
    }
    state_.attempts_in_run = 0;
    state_.lost_leases_in_run = 0;
    state_.started_at.reset();
    state_.finished_at.reset();
    state_.expires_at.reset();
    state_.progress.reset();
    state_.progress_at.reset();
    state_.error.reset();
    state_.last_failure.reset();
    state_.dead_letter = false;
    state_.error_fingerprint.clear();
    enter_line();
  }

 private:
  void enter_line() const {
    state_.status = JobStatus::kPending;
    state_.due_at.reset();
    state_.ready_since = event_.time;
    if (!holds_key(state_)) state_.ready_position = event_.position;
    // The clock of the queue timeout runs to the run's first start.
    if (!state_.started_at && !state_.queue_expires_at && state_.spec.queue_timeout) {
      state_.queue_expires_at = event_.time + *state_.spec.queue_timeout;
    }
  }
  void leave_line() const {
    state_.due_at.reset();
    state_.ready_since.reset();
    state_.queue_expires_at.reset();
  }
  void end_lease() const {
    state_.attempt_started_at.reset();
    state_.cancel_reason.reset();
    state_.cancel_message.clear();
    state_.cancel_grace_until.reset();
  }
  void uncount_attempt(const std::optional<ReportMark>& report) const {
    end_lease();
    --state_.attempt;
    --state_.attempts_in_run;
    if (report) state_.last_report = report;
  }
  void end(JobStatus status, std::optional<JobError> error,
           const std::optional<ReportMark>& report) const {
    end_lease();
    leave_line();
    state_.status = status;
    state_.error = std::move(error);
    state_.finished_at = event_.time;
    state_.expires_at = event_.time + state_.spec.retention;
    state_.compensation_outcome.reset();
    state_.compensation_error.reset();
    if (report) state_.last_report = report;
  }

  JobState& state_;
  const Event& event_;
};

bool is_first(const JobState& state) { return to_number(state.last_sequence) == 0; }

/// nullptr where `event` may come next; what is wrong with it otherwise.
const char* objection(const JobState& state, const Event& event) {
  if (to_number(event.sequence) != to_number(state.last_sequence) + 1) return "has a gap";
  if (is_first(state)) {
    return std::holds_alternative<Enqueued>(event.data) ? nullptr : "does not begin with enqueued";
  }
  if (event.job != state.id) return "is of several jobs";
  if (event.position <= state.last_position) return "goes back in position";
  return std::visit(Follows{state.status}, event.data) ? nullptr : "makes an impossible move";
}

}  // namespace

void apply(JobState& state, const Event& event) {
  ERRAND_ASSERT(objection(state, event) == nullptr);
  std::visit(Evolver(state, event), event.data);
  state.last_sequence = event.sequence;
  state.last_position = event.position;
}

Result<void> apply_stored(JobState& state, const Event& event) {
  if (const char* why = objection(state, event)) {
    const JobId& job = is_first(state) ? event.job : state.id;
    return fail(ErrorCode::kStoreCorrupt, "the history of job " + job.str() + " " + why +
                                              " at sequence " +
                                              std::to_string(to_number(event.sequence)));
  }
  apply(state, event);
  return {};
}

Result<JobState> fold(std::span<const Event> history) {
  if (history.empty()) return fail(ErrorCode::kStoreCorrupt, "the history is empty");
  JobState state;
  for (const Event& event : history) {
    if (auto applied = apply_stored(state, event); !applied) {
      return std::unexpected(std::move(applied.error()));
    }
  }
  return state;
}

}  // namespace errand::job
