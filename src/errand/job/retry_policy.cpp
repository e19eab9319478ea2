#include "errand/job/retry_policy.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "errand/base/assert.h"

namespace errand::job {

Result<RetryPolicy> RetryPolicy::create(const Options& options) {
  const auto invalid = [](const char* why) { return fail(ErrorCode::kInvalidArgument, why); };
  if (options.max_attempts < 1) return invalid("max_attempts is below 1");
  if (options.initial_interval <= Duration::zero()) return invalid("initial_interval is too short");
  if (options.max_interval < options.initial_interval) return invalid("max_interval is too short");
  // A negation, so that NaN is refused as well.
  if (!(options.backoff_coefficient >= 1.0)) return invalid("backoff_coefficient is below 1");
  if (options.kind == Kind::kList && options.waits.empty()) return invalid("waits is empty");
  if (options.kind != Kind::kList && !options.waits.empty()) {
    return invalid("waits is for the kind LIST alone");
  }
  if (options.waits.size() > kWaitsMax) return invalid("waits has more than 100 entries");
  if (std::ranges::any_of(options.waits, [](Duration wait) { return wait < Duration::zero(); })) {
    return invalid("waits has an entry below 0");
  }
  return RetryPolicy(options);
}

double RetryPolicy::longest_ms(int failed_attempt) const {
  switch (options_.kind) {
    case Kind::kFixed:
      return static_cast<double>(options_.initial_interval.count());
    case Kind::kList: {
      const auto place = std::min(static_cast<std::size_t>(failed_attempt), options_.waits.size());
      return static_cast<double>(options_.waits[place - 1].count());
    }
    case Kind::kExponential:
      break;
  }
  // In double: the power leaves 64 bits after some fifty attempts, whereas pow() goes to infinity
  // and min() brings it back.
  return std::min(static_cast<double>(options_.max_interval.count()),
                  static_cast<double>(options_.initial_interval.count()) *
                      std::pow(options_.backoff_coefficient, failed_attempt - 1));
}

std::optional<RetryPolicy::Duration> RetryPolicy::next_delay(int failed_attempt, double draw,
                                                             Duration retry_after) const {
  ERRAND_ASSERT(failed_attempt >= 1);
  ERRAND_ASSERT(draw >= 0.0 && draw < 1.0);
  if (failed_attempt >= options_.max_attempts) return std::nullopt;

  double wait_ms = longest_ms(failed_attempt);
  if (options_.jitter == Jitter::kFull) wait_ms *= draw;
  if (options_.jitter == Jitter::kEqual) wait_ms *= 0.5 + 0.5 * draw;
  if (options_.jitter == Jitter::kSpread) wait_ms *= 0.8 + 0.4 * draw;
  const Duration backoff{static_cast<Duration::rep>(wait_ms)};
  return std::max(backoff, retry_after);
}

std::string_view to_string(RetryPolicy::Kind kind) noexcept {
  static constexpr std::array<std::string_view, 3> kKinds = {"EXPONENTIAL", "FIXED", "LIST"};
  return kKinds[static_cast<std::size_t>(kind)];
}

std::string_view to_string(RetryPolicy::Jitter jitter) noexcept {
  static constexpr std::array<std::string_view, 4> kJitters = {"FULL", "EQUAL", "NONE", "SPREAD"};
  return kJitters[static_cast<std::size_t>(jitter)];
}

}  // namespace errand::job
