#include "errand/job/event.h"

#include <array>

#include "errand/base/assert.h"

namespace errand::job {
namespace {

constexpr std::array<std::string_view, kEventNameCount> kNames = {
    "dev.errand.job.enqueued",        "dev.errand.job.ready",
    "dev.errand.job.started",         "dev.errand.job.progressed",
    "dev.errand.job.step_completed",  "dev.errand.job.waiting",
    "dev.errand.job.signaled",        "dev.errand.job.released",
    "dev.errand.job.snoozed",         "dev.errand.job.attempt_failed",
    "dev.errand.job.retry_scheduled", "dev.errand.job.cancel_requested",
    "dev.errand.job.canceled",        "dev.errand.job.killed",
    "dev.errand.job.succeeded",       "dev.errand.job.failed",
    "dev.errand.job.expired",         "dev.errand.job.compensation_started",
    "dev.errand.job.compensated",     "dev.errand.job.compensation_failed",
    "dev.errand.job.dead_lettered",   "dev.errand.job.discarded",
    "dev.errand.job.requeued",
};

}  // namespace

std::string_view to_string(ActorKind kind) noexcept {
  static constexpr std::array<std::string_view, 4> kKinds = {"SYSTEM", "CLIENT", "WORKER",
                                                             "OPERATOR"};
  return kKinds[static_cast<std::size_t>(kind)];
}

std::string_view to_string(CancelReason reason) noexcept {
  return reason == CancelReason::kRequested ? "REQUESTED" : "DEADLINE";
}

std::string_view to_string(FailureKind kind) noexcept {
  static constexpr std::array<std::string_view, 3> kKinds = {"ERROR", "TIMEOUT", "LEASE_LOST"};
  return kKinds[static_cast<std::size_t>(kind)];
}

std::string_view to_string(ExpiryReason reason) noexcept {
  return reason == ExpiryReason::kDeadline ? "DEADLINE" : "QUEUE_TIMEOUT";
}

std::string_view event_name(const EventData& data) noexcept { return event_name(data.index()); }

std::string_view event_name(std::size_t index) noexcept {
  ERRAND_ASSERT(index < kEventNameCount);
  return kNames[index];
}

}  // namespace errand::job
