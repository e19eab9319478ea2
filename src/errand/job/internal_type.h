#pragma once

#include <cstdint>
#include <string_view>

#include "errand/base/ids.h"

namespace errand::job {

// An internal job is work of the server itself, such as a delivery or a mail: a job as any other,
// with its own clocks, retries and retention, but listed apart. Its type and its queue have names
// that begin with "errand.", such as "errand.webhook". A type of the schema is a name of GraphQL,
// which has no dot, and the schema's queues may not be called so; hence nothing can clash.

inline constexpr std::string_view kInternalPrefix = "errand.";

/// Whether jobs of that type are internal.
[[nodiscard]] inline bool is_internal(const JobTypeName& type) noexcept {
  return type.view().starts_with(kInternalPrefix);
}

/// Whether only internal jobs wait in that queue.
[[nodiscard]] inline bool is_internal(const QueueName& queue) noexcept {
  return queue.view().starts_with(kInternalPrefix);
}

/// Which jobs are meant.
enum class JobKind : std::uint8_t {
  kUser,      ///< those of the schema's types
  kInternal,  ///< the server's own
};

[[nodiscard]] inline JobKind kind_of(const JobTypeName& type) noexcept {
  return is_internal(type) ? JobKind::kInternal : JobKind::kUser;
}

}  // namespace errand::job
