#include "errand/notification/webhook_health.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace errand::notification {
namespace {

using std::chrono_literals::operator""h;

constexpr std::uint32_t kFailingFrom = 4;
constexpr Milliseconds kApart = 12h;
constexpr Milliseconds kWithin = 24h;
constexpr Milliseconds kGivenUpAfter = 5 * 24h;

}  // namespace

bool WebhookHealth::failing() const { return failures >= kFailingFrom; }

HealthChange note_success(WebhookHealth& health, Timestamp now) {
  const bool was_failing = health.failing();
  health = {.last_success_at = std::max(health.last_success_at.value_or(now), now),
            .last_failure_at = health.last_failure_at,
            .last_failure = std::move(health.last_failure)};
  return was_failing ? HealthChange::kRecovered : HealthChange::kNone;
}

HealthChange note_failure(WebhookHealth& health, std::string why, Timestamp now) {
  const bool was_failing = health.failing();
  health.last_failure_at = now;
  health.last_failure = std::move(why);
  if (health.failures < kFailingFrom) ++health.failures;
  if (!health.failing_since) health.failing_since = now;
  if (!health.counting_since) {
    // A clock that was set back counts as a beginning.
    const bool too_far =
        !health.first_of_two || now - *health.first_of_two > kWithin || now < *health.first_of_two;
    if (too_far) {
      health.first_of_two = now;
    } else if (now - *health.first_of_two >= kApart) {
      health.counting_since = now;
    }
  } else if (now - *health.counting_since >= kGivenUpAfter) {
    return HealthChange::kGivenUp;
  }
  return !was_failing && health.failing() ? HealthChange::kFailing : HealthChange::kNone;
}

}  // namespace errand::notification
