#pragma once

#include <chrono>
#include <optional>

#include "errand/base/result.h"

namespace errand::job {

/// Says how long a job waits after a failed attempt before it is available again.
///
/// A pure value: no clock, no random source, no I/O. The caller passes the random draw in and
/// stores the outcome as an event, so replaying a job's history never draws anew. Immutable, hence
/// safe to share between threads.
class RetryPolicy {
 public:
  using Duration = std::chrono::milliseconds;

  struct Options {
    int max_attempts = 5;              ///< executions in one run, the first included; >= 1
    Duration initial_interval{1'000};  ///< longest wait after attempt 1; > 0
    Duration max_interval{600'000};    ///< longest wait after any attempt; >= initial_interval
    double backoff_coefficient = 2.0;  ///< growth of the longest wait per attempt; >= 1

    friend bool operator==(const Options&, const Options&) = default;
  };

  /// Checks `options` once, so that next_delay() cannot fail.
  /// @return kInvalidArgument, its message naming the first bad option.
  static Result<RetryPolicy> create(const Options& options);

  /// Wait between the failure of `failed_attempt` and the next attempt: uniform in [0, longest),
  /// longest = min(max_interval, initial_interval * backoff_coefficient^(failed_attempt - 1)).
  /// This is the "full jitter" of M. Brooker, "Exponential Backoff And Jitter", AWS, 2015.
  ///
  /// @param failed_attempt  number within the run of the attempt that failed, from 1
  /// @param draw            uniform random number in [0, 1)
  /// @param retry_after     wait that the worker asked for, in the sense of Retry-After (RFC 9110,
  ///                        10.2.3): a lower bound, which also outranks max_interval
  /// @return nullopt once max_attempts is used up: the job is to become a dead letter.
  [[nodiscard]] std::optional<Duration> next_delay(int failed_attempt, double draw,
                                                   Duration retry_after = Duration::zero()) const;

 private:
  explicit RetryPolicy(const Options& options) : options_(options) {}

  Options options_;
};

}  // namespace errand::job
