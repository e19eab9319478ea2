#include "attempt.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <stdexcept>
#include <utility>

#include "text.h"

namespace errand_worker::internal {
namespace {

/// Levels that a result may have: the message around it is one, an array of messages another.
constexpr int kResultLevelsMax = kLevelsMax - 2;
/// As good as no limit, and can be added to any time.
constexpr Milliseconds kLongest = std::chrono::years(100);

Milliseconds until(Attempt::Clock::time_point end) {
  const auto left = std::chrono::ceil<Milliseconds>(end - Attempt::Clock::now());
  return std::max(left, Milliseconds(0));
}

Failure failure_of(std::string message, bool permanent, std::string code,
                   boost::json::object details, std::string remediation) {
  return {.permanent = permanent,
          .message = std::move(message),
          .code = std::move(code),
          // Details that cannot be sent must not keep the failure from being reported.
          .details = json_fault(details, kResultLevelsMax - 1) ? boost::json::object()
                                                               : std::move(details),
          .remediation = std::move(remediation)};
}

/// What the exception that is being handled says about `attempt`.
Outcome outcome_of_exception(const Attempt& attempt) {
  const std::optional<StopReason> stopped = attempt.stop_reason();
  Outcome outcome{.kind = Outcome::Kind::kFail};
  try {
    throw;
  } catch (const ReleaseJob&) {
    return {.kind = Outcome::Kind::kRelease};
  } catch (const SnoozeJob& snooze) {
    return {.kind = Outcome::Kind::kSnooze,
            .delay = std::clamp(snooze.delay(), Milliseconds(1), kDelayMax)};
  } catch (const PermanentError& error) {
    const ErrorOptions& options = error.options();
    outcome.failure =
        failure_of(error.what(), true, options.code, options.details, options.remediation);
  } catch (const TransientError& error) {
    const TransientErrorOptions& options = error.options();
    outcome.failure =
        failure_of(error.what(), false, options.code, options.details, options.remediation);
    outcome.failure.retry_after = options.retry_after;
  } catch (const std::exception& error) {
    outcome.failure = failure_of(error.what(), false, "", {}, "");
  } catch (...) {
    outcome.failure = failure_of("the handler threw what is no std::exception", false, "", {}, "");
  }
  if (stopped == StopReason::kShutdown && !outcome.failure.permanent) {
    return {.kind = Outcome::Kind::kRelease};
  }
  if (!is_error_code(outcome.failure.code)) outcome.failure.code.clear();
  if (stopped && outcome.failure.code.empty()) {
    outcome.failure.code = *stopped == StopReason::kCancel ? "CANCELED" : to_string(*stopped);
  }
  return outcome;
}

}  // namespace

Attempt::Attempt(JobMessage message, AttemptHost& host)
    : message_(std::move(message)),
      host_(host),
      ends_at_(Clock::now() +
               std::min({message_.timeout, message_.deadline.value_or(kLongest), kLongest})) {}

const boost::json::value& Attempt::input() const {
  const boost::json::object& arguments = message_.arguments.get_object();
  if (arguments.size() == 1) {
    if (const boost::json::value* input = arguments.if_contains("input")) return *input;
  }
  return message_.arguments;
}

std::optional<StopReason> Attempt::stop_reason() const {
  const std::scoped_lock lock(mutex_);
  return stop_reason_;
}

bool Attempt::lost() const {
  const std::scoped_lock lock(mutex_);
  return lost_;
}

Milliseconds Attempt::grace_left() const {
  const std::scoped_lock lock(mutex_);
  if (lost_) return Milliseconds(0);
  return until(stop_reason_ ? grace_ends_at_ : ends_at_);
}

Milliseconds Attempt::time_left() const { return until(ends_at_); }

void Attempt::sleep_for(Milliseconds duration) const {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  if (duration > Milliseconds(0)) wake.wait_for(lock, stop_token(), duration, [] { return false; });
  if (const std::optional<StopReason> reason = stop_reason()) throw JobStopped(*reason);
}

void Attempt::stop(StopReason reason, Milliseconds grace) {
  bool lost = false;
  {
    const std::scoped_lock lock(mutex_);
    if (grace <= Milliseconds(0) && reason != StopReason::kShutdown) lost_ = true;
    lost = lost_;
    if (!stop_reason_) {
      stop_reason_ = reason;
      grace_ends_at_ = Clock::now() + grace;
    }
  }
  // Not under the lock: callbacks may ask for the reason.
  stop_source_.request_stop();
  if (lost) lost_source_.request_stop();
}

void Attempt::progress(const Progress& progress) {
  bool first = false;
  {
    const std::scoped_lock lock(mutex_);
    if (ended_ || lost_) return;
    // A later call that names only some members leaves the others as they were.
    if (progress.completed) progress_.completed = progress.completed;
    if (progress.total) progress_.total = progress.total;
    if (progress.stage) progress_.stage = progress.stage;
    if (progress.message) progress_.message = progress.message;
    first = !std::exchange(progress_waits_, true);
  }
  host_.progressed(*this, first);
}

std::optional<std::string> Attempt::take_progress() {
  const std::scoped_lock lock(mutex_);
  if (!std::exchange(progress_waits_, false) || lost_) return std::nullopt;
  progress_taken_at_ = Clock::now();
  std::string message = write_progress(held(), progress_);
  if (message.empty()) return std::nullopt;
  last_progress_ = message;
  return message;
}

std::string Attempt::last_progress() const {
  const std::scoped_lock lock(mutex_);
  return last_progress_;
}

Attempt::Clock::time_point Attempt::progress_taken_at() const {
  const std::scoped_lock lock(mutex_);
  return progress_taken_at_;
}

Progress Attempt::latest_progress() const {
  const std::scoped_lock lock(mutex_);
  return progress_;
}

void Attempt::end() {
  const std::scoped_lock lock(mutex_);
  ended_ = true;
}

std::optional<boost::json::value> Attempt::recorded_step(std::string_view name) {
  const std::size_t characters = count_characters(name);
  if (characters < 1 || characters > 128 || clean_text(name, 128) != name) {
    throw std::invalid_argument("a step's name has from 1 to 128 characters, in UTF-8");
  }
  const std::scoped_lock lock(mutex_);
  if (!step_names_.emplace(name).second) {
    throw std::invalid_argument("there is another step of that name: " + std::string(name));
  }
  const auto found = message_.steps.find(std::string(name));
  return found == message_.steps.end() ? std::nullopt : std::optional(found->second);
}

void Attempt::record_step(std::string_view name, const boost::json::value& result) {
  if (const auto fault = json_fault(result, kResultLevelsMax)) {
    throw PermanentError("the result of the step cannot be written as JSON: " + *fault,
                         {.code = "RESULT_NOT_SERIALIZABLE"});
  }
  host_.record_step(*this, name, result);
}

Outcome run_attempt(const Handler& handler, Attempt& attempt) noexcept {
  Outcome outcome;
  try {
    Job job(attempt);
    outcome.result = handler(job);
    if (const auto fault = json_fault(outcome.result, kResultLevelsMax)) {
      outcome = {.kind = Outcome::Kind::kFail,
                 .failure = failure_of("the result cannot be written as JSON: " + *fault, true,
                                       "RESULT_NOT_SERIALIZABLE", {}, "")};
    }
  } catch (...) {
    outcome = outcome_of_exception(attempt);
  }
  attempt.end();
  return outcome;
}

}  // namespace errand_worker::internal
