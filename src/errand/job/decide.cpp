#include "errand/job/decide.h"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "errand/base/assert.h"
#include "errand/base/deliberate_bug.h"
#include "errand/base/time_text.h"
#include "errand/job/retry_policy.h"
#include "errand/job/transition_table.h"

namespace errand::job {
namespace {

using Events = std::vector<EventData>;

/// FNV-1a, 64 bits. Tells a repeated report from another one; guards against no adversary, since
/// only the holder of the fencing token could profit.
class ContentHash {
 public:
  explicit ContentHash(CommandKind kind) { add(static_cast<std::uint64_t>(kind)); }

  ContentHash& add(std::string_view text) {
    add(static_cast<std::uint64_t>(text.size()));
    for (const char c : text) step(static_cast<std::uint8_t>(c));
    return *this;
  }
  ContentHash& add(std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) step(static_cast<std::uint8_t>(number >> shift));
    return *this;
  }
  [[nodiscard]] std::uint64_t value() const { return hash_; }

 private:
  void step(std::uint8_t byte) {
    hash_ ^= byte;
    hash_ *= 1'099'511'628'211ULL;
  }
  std::uint64_t hash_ = 14'695'981'039'346'656'037ULL;
};

std::uint64_t number(Milliseconds duration) { return static_cast<std::uint64_t>(duration.count()); }

/// The mark of a report that ends an attempt; nullopt for every other command.
std::optional<ReportMark> mark_of(const Command& command) {
  return std::visit(
      [&]<class C>(const C& report) -> std::optional<ReportMark> {
        ContentHash hash(kind_of(command));
        if constexpr (std::same_as<C, Complete>) {
          for (const std::uint8_t byte : report.result.digest) hash.add(std::uint64_t{byte});
          hash.add(report.result.size_bytes);
        } else if constexpr (std::same_as<C, FailAttempt>) {
          hash.add(std::uint64_t{report.permanent}).add(number(report.retry_after));
          hash.add(report.error.code).add(report.error.message).add(report.error.details);
        } else if constexpr (std::same_as<C, Release> || std::same_as<C, Suspend>) {
          hash.add(report.reason);
        } else if constexpr (std::same_as<C, Snooze>) {
          hash.add(number(report.delay)).add(report.reason);
        } else {
          return std::nullopt;
        }
        if constexpr (requires { report.token; }) {
          return ReportMark{report.token, hash.value()};
        }
      },
      command);
}

std::optional<FencingToken> token_of(const Command& command) {
  return std::visit(
      [](const auto& c) -> std::optional<FencingToken> {
        if constexpr (requires { c.token; }) {
          return c.token;
        } else {
          return std::nullopt;
        }
      },
      command);
}

/// Groups errors that differ in numbers alone: type, code and message with each row of digits cut
/// to one mark.
std::string fingerprint(const JobState& state, const JobError& error) {
  std::string text = state.spec.type.str() + '\n' + error.code + '\n';
  bool in_number = false;
  for (const char c : error.message) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) text += c;
    if (digit && !in_number) text += '#';
    in_number = digit;
  }
  std::uint64_t hash = ContentHash(CommandKind::kFailAttempt).add(text).value();
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out(16, '0');
  for (auto it = out.rbegin(); it != out.rend(); ++it, hash >>= 4) *it = kDigits[hash & 15U];
  return out;
}

std::string with_message(std::string text, const std::string& message) {
  if (!message.empty()) text += ' ' + message;
  return text;
}

JobError canceled_error(const JobState& state, const std::string& message) {
  return {.code = "CANCELED",
          .message = with_message("The job was canceled.", message),
          .retryable = true,
          .attempt = state.attempt};
}

JobError deadline_error(const JobState& state) {
  return {.code = "DEADLINE_EXCEEDED",
          .message = "The job did not end before its deadline.",
          .retryable = true,
          .remediation = "Retry the job; it gets as long as it had.",
          .attempt = state.attempt};
}

/// Ends a job that was CANCELING, by its reason. (Compensation is to begin here, once steps are.)
Events end_canceling(const JobState& state, std::optional<ReportMark> report) {
  if (state.cancel_reason == CancelReason::kDeadline) {
    return {Expired{ExpiryReason::kDeadline, deadline_error(state), report}};
  }
  return {Canceled{canceled_error(state, state.cancel_message), report}};
}

/// An attempt is over without a result: what comes next.
Events fail_attempt(const JobState& state, FailureKind kind, JobError error, bool permanent,
                    Milliseconds retry_after, std::optional<ReportMark> report,
                    const DecisionContext& context) {
  if (state.status == JobStatus::kCanceling) return end_canceling(state, report);

  error.attempt = state.attempt;
  error.retryable = !permanent;
  const auto policy = RetryPolicy::create(state.spec.retry);
  ERRAND_ASSERT(policy.has_value());  // checked at enqueue
  std::optional<Milliseconds> delay;
  if (!permanent) {
    delay = policy->next_delay(static_cast<int>(state.attempts_in_run), context.draw, retry_after);
    // The job is most likely innocent of its first lost lease.
    if (delay && kind == FailureKind::kLeaseLost && state.lost_leases_in_run == 0) {
      delay = Milliseconds::zero();
    }
  }
  if (delay) {
    return {AttemptFailed{kind, std::move(error), report}, RetryScheduled{context.now + *delay}};
  }
  if (error.remediation.empty()) {
    error.remediation = permanent ? "Trying again will not help before the cause is mended."
                                  : "Every attempt failed. Retry the job once the cause is mended.";
  }
  DeadLettered dead_lettered{fingerprint(state, error)};
  return {AttemptFailed{kind, error, report}, Failed{error}, std::move(dead_lettered)};
}

std::unexpected<Error> too_long(std::string_view what) {
  return fail(ErrorCode::kPayloadTooLarge, std::string(what) + " is too long");
}

/// One overload for each command that the table lets through.
class Decider {
 public:
  Decider(const JobState& state, const DecisionContext& context, std::optional<ReportMark> report)
      : state_(state), context_(context), report_(report) {}

  Result<Events> operator()(const Enqueue&) const {
    return fail(ErrorCode::kConflict, "the job exists already");
  }

  Result<Events> operator()(const DueNow&) const {
    if (!state_.due_at || context_.now < *state_.due_at) return too_early();
    if (has_bug(DeliberateBug::kDueFiredTwice)) return Events{Ready{}, Ready{}};
    return Events{Ready{}};
  }

  Result<Events> operator()(const Start& start) const {
    if (past_deadline()) {
      return fail(ErrorCode::kDeadlineExceeded, "the job's deadline has passed");
    }
    return Events{Started{state_.attempt + 1, FencingToken{to_number(state_.token) + 1},
                          start.worker, start.worker_build}};
  }

  Result<Events> operator()(const Complete& complete) const {
    if (state_.cancel_reason == CancelReason::kDeadline) return end_canceling(state_, report_);
    return Events{Succeeded{complete.result, report_}};
  }

  Result<Events> operator()(const FailAttempt& failure) const {
    if (failure.error.code.empty()) {
      return fail(ErrorCode::kInvalidArgument, "the error's code is empty");
    }
    if (failure.error.code.size() > kErrorCodeBytesMax) return too_long("the error's code");
    if (failure.error.message.size() > kErrorMessageBytesMax)
      return too_long("the error's message");
    if (failure.error.details.size() > kErrorDetailsBytesMax)
      return too_long("the error's details");
    if (failure.error.remediation.size() > kErrorMessageBytesMax) {
      return too_long("the error's remediation");
    }
    if (!sane(failure.retry_after)) {
      return fail(ErrorCode::kInvalidArgument, "retry_after is out of range");
    }
    return fail_attempt(state_, FailureKind::kError, failure.error, failure.permanent,
                        failure.retry_after, report_, context_);
  }

  Result<Events> operator()(const TimeOutAttempt&) const {
    JobError error{.code = "TIMEOUT",
                   .message = "The attempt ran longer than its timeout of " +
                              format_duration(state_.spec.timeout) + "."};
    return fail_attempt(state_, FailureKind::kTimeout, std::move(error), false, {}, {}, context_);
  }

  Result<Events> operator()(const LoseLease&) const {
    JobError error{.code = "LEASE_LOST",
                   .message = "The worker stopped answering before it reported an outcome."};
    return fail_attempt(state_, FailureKind::kLeaseLost, std::move(error), false, {}, {}, context_);
  }

  Result<Events> operator()(const Release& release) const {
    if (release.reason.size() > kReasonBytesMax) return too_long("the reason");
    if (state_.status == JobStatus::kCanceling) return end_canceling(state_, report_);
    return Events{Released{release.reason, report_}};
  }

  Result<Events> operator()(const Snooze& snooze) const {
    if (snooze.reason.size() > kReasonBytesMax) return too_long("the reason");
    if (!sane(snooze.delay)) return fail(ErrorCode::kInvalidArgument, "delay is out of range");
    if (state_.status == JobStatus::kCanceling) return end_canceling(state_, report_);
    return Events{Snoozed{context_.now + snooze.delay, snooze.reason, report_}};
  }

  Result<Events> operator()(const Suspend& suspend) const {
    if (suspend.reason.size() > kReasonBytesMax) return too_long("the reason");
    if (state_.status == JobStatus::kCanceling) return end_canceling(state_, report_);
    return Events{Waiting{suspend.reason, report_}};
  }

  Result<Events> operator()(const Resume& resume) const { return Events{Signaled{resume.signal}}; }

  Result<Events> operator()(const ReportProgress& report) const {
    const Progress& progress = report.progress;
    if (progress.stage.size() > kProgressTextBytesMax) return too_long("the stage");
    if (progress.message.size() > kProgressTextBytesMax) return too_long("the message");
    for (const double value : {progress.completed, progress.total}) {
      if (!std::isfinite(value) || value < 0) {
        return fail(ErrorCode::kInvalidArgument, "completed and total are finite and not negative");
      }
    }
    if (state_.progress == progress) return Events{};
    return Events{Progressed{progress}};
  }

  Result<Events> operator()(const RequestCancel& cancel) const {
    if (cancel.message.size() > kReasonBytesMax) return too_long("the message");
    if (!has_lease(state_.status))
      return Events{Canceled{canceled_error(state_, cancel.message), {}}};
    return Events{CancelRequested{CancelReason::kRequested, cancel.message, grace_until()}};
  }

  Result<Events> operator()(const GraceOver&) const {
    if (context_.now < state_.cancel_grace_until) return too_early();
    return end_canceling(state_, {});
  }

  Result<Events> operator()(const Kill& kill) const {
    if (kill.message.size() > kReasonBytesMax) return too_long("the message");
    if (state_.status == JobStatus::kCompensating) {
      ERRAND_ASSERT(state_.compensation_error.has_value());
      return Events{Killed{*state_.compensation_error}};
    }
    return Events{Killed{JobError{.code = "KILLED",
                                  .message = with_message("The job was killed.", kill.message),
                                  .retryable = true,
                                  .attempt = state_.attempt}}};
  }

  Result<Events> operator()(const ExpireDeadline&) const {
    if (!past_deadline()) return too_early();
    if (has_lease(state_.status)) {
      return Events{CancelRequested{CancelReason::kDeadline, {}, grace_until()}};
    }
    return Events{Expired{ExpiryReason::kDeadline, deadline_error(state_), {}}};
  }

  Result<Events> operator()(const ExpireQueueTimeout&) const {
    if (!state_.queue_expires_at || context_.now < *state_.queue_expires_at) return too_early();
    JobError error{.code = "QUEUE_TIMEOUT",
                   .message = "No worker started the job within " +
                              format_duration(state_.spec.queue_timeout.value_or(Milliseconds{})) +
                              ".",
                   .retryable = true,
                   .remediation = "See that enough workers serve the queue, then retry the job."};
    return Events{Expired{ExpiryReason::kQueueTimeout, std::move(error), {}}};
  }

  Result<Events> operator()(const EndCompensation&) const {
    ERRAND_ASSERT(state_.compensation_error.has_value());
    const JobError& error = *state_.compensation_error;
    switch (state_.compensation_outcome.value_or(JobStatus::kFailed)) {
      case JobStatus::kCanceled:
        return Events{Canceled{error, {}}};
      case JobStatus::kExpired:
        return Events{Expired{ExpiryReason::kDeadline, error, {}}};
      default:
        return Events{Failed{error}, DeadLettered{fingerprint(state_, error)}};
    }
  }

  Result<Events> operator()(const RetryRun&) const { return Events{next_run()}; }

  Result<Events> operator()(const Discard&) const {
    if (!state_.dead_letter) return discarded_before();
    return Events{Discarded{}};
  }

  Result<Events> operator()(const RequeueDeadLetter& requeue) const {
    if (!state_.dead_letter) return discarded_before();
    Requeued requeued = next_run();
    if (requeue.input) {
      requeued.input = requeue.input;
      requeued.limit_key = requeue.limit_key;
      requeued.unique_key = requeue.unique_key;
    }
    return Events{std::move(requeued)};
  }

 private:
  static std::unexpected<Error> too_early() {
    return fail(ErrorCode::kInvalidTransition, "it is not time for that yet");
  }
  static std::unexpected<Error> discarded_before() {
    return fail(ErrorCode::kJobNotDeadLetter, "the job is FAILED and was discarded before");
  }
  [[nodiscard]] Requeued next_run() const {
    Requeued requeued{.run = state_.run + 1};
    if (state_.spec.deadline) {
      const Timestamp began =
          std::max(state_.run_created_at, state_.spec.scheduled_for.value_or(Timestamp::min()));
      requeued.deadline = context_.now + (*state_.spec.deadline - began);
    }
    return requeued;
  }
  /// Up to 10 years, so that no sum of times leaves its range.
  static bool sane(Milliseconds duration) {
    return duration >= Milliseconds::zero() && duration <= std::chrono::years{10};
  }
  [[nodiscard]] bool past_deadline() const {
    if (has_bug(DeliberateBug::kDeadlineCheckedAtEnqueueOnly)) return false;
    return state_.spec.deadline && context_.now >= *state_.spec.deadline;
  }
  [[nodiscard]] Timestamp grace_until() const { return context_.now + state_.spec.cancel_grace; }

  const JobState& state_;
  const DecisionContext& context_;
  std::optional<ReportMark> report_;
};

Result<Events> enqueue(const Enqueue& command, const DecisionContext& context) {
  const JobSpec& spec = command.spec;
  const auto invalid = [](const char* why) { return fail(ErrorCode::kInvalidArgument, why); };
  if (spec.tenant.empty() || spec.type.empty() || spec.queue.empty()) {
    return invalid("tenant, type and queue must be named");
  }
  if (spec.priority < -100 || spec.priority > 100) return invalid("priority is outside -100..100");
  if (spec.timeout <= Milliseconds::zero()) return invalid("timeout is not above 0");
  if (spec.queue_timeout && *spec.queue_timeout <= Milliseconds::zero()) {
    return invalid("queueTimeout is not above 0");
  }
  if (spec.cancel_grace < Milliseconds::zero()) return invalid("cancel grace is below 0");
  if (spec.retention < Milliseconds::zero()) return invalid("retention is below 0");
  if (const auto policy = RetryPolicy::create(spec.retry); !policy) {
    return std::unexpected(policy.error());
  }
  if (spec.deadline) {
    if (*spec.deadline <= context.now) {
      return fail(ErrorCode::kDeadlineExceeded, "deadline lies in the past");
    }
    if (spec.scheduled_for && *spec.scheduled_for >= *spec.deadline) {
      return invalid("runAt is not before the deadline");
    }
  }
  return Events{Enqueued{spec}};
}

}  // namespace

Result<std::vector<EventData>> decide(const JobState* state, const Command& command,
                                      const DecisionContext& context) {
  if (state == nullptr) {
    if (const auto* make = std::get_if<Enqueue>(&command)) return enqueue(*make, context);
    return fail(ErrorCode::kNotFound, "there is no such job");
  }

  const std::optional<ReportMark> report = mark_of(command);
  if (report && report == state->last_report) return Events{};

  if (has_bug(DeliberateBug::kTerminalStatusOverwritten) && state->terminal() &&
      std::holds_alternative<Complete>(command)) {
    return Events{Succeeded{std::get<Complete>(command).result, report}};
  }
  const Transition& cell = transition(state->status, kind_of(command));
  if (cell.kind == Transition::Kind::kAcknowledge) return Events{};
  if (cell.kind == Transition::Kind::kRefuse) {
    std::string text = "the job is ";
    text += to_string(state->status);
    text += "; ";
    text += to_string(kind_of(command));
    text += " is not possible";
    return fail(cell.refusal, std::move(text));
  }
  if (const auto token = token_of(command);
      token && token != state->token && !has_bug(DeliberateBug::kLeaseNotFenced)) {
    return fail(ErrorCode::kLeaseLost, "another start of the job came after this one");
  }
  return std::visit(Decider(*state, context, report), command);
}

}  // namespace errand::job
