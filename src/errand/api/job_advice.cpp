#include "errand/api/job_advice.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "errand/base/time_text.h"

namespace errand::api {

using job::JobStatus;

std::optional<Milliseconds> poll_after(const job::JobState& state, Timestamp now) {
  constexpr Milliseconds kLongest{30'000};
  const auto until = [&](const std::optional<Timestamp>& time) {
    if (!time) return Milliseconds(5'000);
    return std::clamp(*time - now, Milliseconds(250), kLongest);
  };
  switch (state.status) {
    case JobStatus::kSucceeded:
    case JobStatus::kFailed:
    case JobStatus::kCanceled:
    case JobStatus::kExpired:
      return std::nullopt;
    case JobStatus::kScheduled:
    case JobStatus::kRetrying:
      return until(state.due_at);
    case JobStatus::kWaiting:
    case JobStatus::kCompensating:
      return Milliseconds(5'000);
    case JobStatus::kCanceling:
      return Milliseconds(500);
    case JobStatus::kPending:
    case JobStatus::kRunning:
      break;
  }
  // A tenth of its age: a quick job is seen quickly, a long one is not asked a thousand times.
  return std::clamp((now - state.run_created_at) / 10, Milliseconds(250), Milliseconds(5'000));
}

std::vector<std::string> next_steps(const job::JobState& state) {
  std::vector<std::string> steps;
  switch (state.status) {
    case JobStatus::kScheduled:
      steps.push_back(state.due_at
                          ? "It starts at " + format_timestamp(*state.due_at) + " or soon after."
                          : "It starts when its time has come.");
      steps.emplace_back("You can cancel it until then.");
      break;
    case JobStatus::kPending:
      steps.emplace_back("It starts as soon as a worker is free.");
      steps.emplace_back("You can leave this page: the job goes on without you.");
      break;
    case JobStatus::kRunning:
      steps.emplace_back("It is being worked on.");
      steps.emplace_back("You can leave this page: the job goes on without you.");
      break;
    case JobStatus::kWaiting:
      steps.emplace_back("It waits for something outside and goes on by itself then.");
      break;
    case JobStatus::kRetrying:
      steps.push_back(state.due_at ? "The last try failed. It is tried again at " +
                                         format_timestamp(*state.due_at) + "."
                                   : "The last try failed. It is tried again soon.");
      break;
    case JobStatus::kCanceling:
      steps.emplace_back("It has been asked to stop and ends shortly.");
      break;
    case JobStatus::kCompensating:
      steps.emplace_back("What it had done is being undone.");
      break;
    case JobStatus::kSucceeded:
      steps.emplace_back("It is done: the result is ready.");
      break;
    case JobStatus::kFailed:
      if (state.error && !state.error->remediation.empty()) {
        steps.push_back(state.error->remediation);
      }
      steps.emplace_back(state.error && state.error->retryable
                             ? "You can retry it."
                             : "Look at the error first; then you can retry it.");
      break;
    case JobStatus::kCanceled:
      steps.emplace_back("It was canceled. You can retry it.");
      break;
    case JobStatus::kExpired:
      steps.emplace_back("Its time ran out before it was done. You can retry it.");
      break;
  }
  return steps;
}

std::string wait_message(const engine::Explanation& explanation) {
  using engine::WaitKind;
  const auto at = [&](std::string_view text) {
    return explanation.until ? fmt::format("{} at {}.", text, format_timestamp(*explanation.until))
                             : fmt::format("{} when its time has come.", text);
  };
  switch (explanation.kind) {
    case WaitKind::kNone:
      return "It is not waiting.";
    case WaitKind::kScheduled:
      return at("It is scheduled and becomes available");
    case WaitKind::kRetryBackoff:
      return at("The last try failed; the next one may start");
    case WaitKind::kQueuePaused:
      return "Its queue is paused.";
    case WaitKind::kConcurrencyLimit:
      return explanation.of_key ? "Jobs of the same key go first; as many run as the limit allows."
                                : "As many jobs run as the limit allows.";
    case WaitKind::kRateLimit:
      return explanation.until
                 ? fmt::format(
                       "As many jobs have started lately as the limit allows; the next may "
                       "start at {}.",
                       format_timestamp(*explanation.until))
                 : "As many jobs have started lately as the limit allows.";
    case WaitKind::kNoWorker:
      return "No worker for this kind of job is connected.";
    case WaitKind::kPlaceInLine:
      if (explanation.place == 0) return "It is the next in line; all workers are busy.";
      return fmt::format("All workers are busy; {}{} job{} go{} first.",
                         explanation.place_is_exact ? "" : "at least ", explanation.place,
                         explanation.place == 1 ? "" : "s", explanation.place == 1 ? "es" : "");
    case WaitKind::kSuspended:
      return "It waits for a signal, a timer or another job.";
  }
  return {};
}

}  // namespace errand::api
