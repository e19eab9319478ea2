#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "errand/base/clock.h"
#include "errand/base/ids.h"

namespace errand::engine {

/// What a limit bounds.
enum class LimitKind : std::uint8_t {
  kConcurrency,  ///< jobs with a lease at once
  kRate,         ///< starts within a length of time
  kLength,       ///< jobs of a queue that wait, all tenants
};
std::string_view to_string(LimitKind kind) noexcept;  ///< "CONCURRENCY", "RATE", "LENGTH"

/// A limit that can hold jobs back: of a queue (all its types count) or of a type. Each key has a
/// count of its own: one for all, one a tenant, or one for each JobSpec::limit_key of a tenant.
struct Limit {
  LimitKind kind = LimitKind::kConcurrency;
  QueueName queue;         ///< whose limit it is; else:
  JobTypeName type;        ///< whose limit it is
  bool by_tenant = false;  ///< counts each tenant apart
  std::string by_input;    ///< the expression that limit_key is the value of; implies by_tenant
  bool fifo = false;       ///< concurrency of by_input: the jobs of a key run in order
  std::optional<std::uint64_t> value;  ///< >= 1; nullopt: none, unless an operator sets one
  Milliseconds per{1'000};             ///< kRate: the length of time; > 0

  /// Names the limit for good: "queue:reports/length", "type:exportReport+tenant/concurrency",
  /// "type:exportReport+input.account/rate".
  [[nodiscard]] std::string id() const;

  friend bool operator==(const Limit&, const Limit&) = default;
};

/// Largest value of a limit.
inline constexpr std::uint64_t kLimitValueMax = 1'000'000'000;
/// Shortest and longest time of a rate.
inline constexpr Milliseconds kRatePerMin{100};
inline constexpr Milliseconds kRatePerMax{31LL * 24 * 3'600'000};

}  // namespace errand::engine
