#include "errand/job/retry_policy.h"

#include <algorithm>
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
  return RetryPolicy(options);
}

std::optional<RetryPolicy::Duration> RetryPolicy::next_delay(int failed_attempt, double draw,
                                                             Duration retry_after) const {
  ERRAND_ASSERT(failed_attempt >= 1);
  ERRAND_ASSERT(draw >= 0.0 && draw < 1.0);
  if (failed_attempt >= options_.max_attempts) return std::nullopt;

  // In double: the power leaves 64 bits after some fifty attempts, whereas pow() goes to infinity
  // and min() brings it back.
  const double longest_ms =
      std::min(static_cast<double>(options_.max_interval.count()),
               static_cast<double>(options_.initial_interval.count()) *
                   std::pow(options_.backoff_coefficient, failed_attempt - 1));
  const Duration backoff{static_cast<Duration::rep>(longest_ms * draw)};
  return std::max(backoff, retry_after);
}

}  // namespace errand::job
