#include "errand/job/state.h"

#include <algorithm>

namespace errand::job {
namespace {

std::optional<Timestamp> earlier(const std::optional<Timestamp>& a,
                                 const std::optional<Timestamp>& b) {
  if (!a) return b;
  if (!b) return a;
  return std::min(*a, *b);
}

}  // namespace

std::optional<Timestamp> next_timer(const JobState& state) noexcept {
  switch (state.status) {
    case JobStatus::kScheduled:
    case JobStatus::kRetrying:
      return earlier(state.due_at, state.spec.deadline);
    case JobStatus::kPending:
      return earlier(state.queue_expires_at, state.spec.deadline);
    case JobStatus::kWaiting:
      return state.spec.deadline;
    case JobStatus::kRunning:
    case JobStatus::kCanceling:
    case JobStatus::kCompensating:
    case JobStatus::kSucceeded:
    case JobStatus::kFailed:
    case JobStatus::kCanceled:
    case JobStatus::kExpired:
      return std::nullopt;
  }
  return std::nullopt;
}

bool holds_key(const JobState& state) noexcept {
  return has_lease(state.status) ||
         (state.spec.fifo && state.started_at.has_value() && !state.terminal());
}

}  // namespace errand::job
