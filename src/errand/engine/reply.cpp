#include "errand/engine/reply.h"

#include <array>
#include <cstddef>

namespace errand::engine {

std::string_view to_string(StopReason reason) noexcept {
  static constexpr std::array<std::string_view, 5> kNames = {"CANCEL", "DEADLINE", "KILL",
                                                             "TIMEOUT", "LEASE_LOST"};
  return kNames[static_cast<std::size_t>(reason)];
}

std::string_view to_string(WaitKind kind) noexcept {
  static constexpr std::array<std::string_view, 9> kNames = {
      "NONE",       "SCHEDULED", "RETRY_BACKOFF", "QUEUE_PAUSED", "CONCURRENCY_LIMIT",
      "RATE_LIMIT", "NO_WORKER", "PLACE_IN_LINE", "SUSPENDED"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace errand::engine
