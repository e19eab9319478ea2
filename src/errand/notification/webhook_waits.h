#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "errand/base/clock.h"

namespace errand::notification {

/// Waits between the attempts of a delivery, at most.
inline constexpr std::size_t kWebhookWaitsMax = 50;

/// The schedule that Standard Webhooks proposes: ten attempts over three days.
inline std::vector<Milliseconds> webhook_waits_by_default() {
  using std::chrono::hours;
  using std::chrono::minutes;
  return {std::chrono::seconds(5),
          minutes(5),
          minutes(30),
          hours(2),
          hours(5),
          hours(10),
          hours(14),
          hours(20),
          hours(24)};
}

}  // namespace errand::notification
