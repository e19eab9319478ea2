#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

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

  /// How the longest wait goes on from attempt to attempt.
  enum class Kind : std::uint8_t {
    kExponential,  ///< initial_interval * backoff_coefficient^(attempt - 1), up to max_interval
    kFixed,        ///< initial_interval after each attempt
    kList,         ///< waits[attempt - 1]; the last one repeats
  };

  /// How much of the longest wait is left to the draw.
  enum class Jitter : std::uint8_t {
    kFull,    ///< all of it: uniform in [0, longest)
    kEqual,   ///< half of it: uniform in [longest / 2, longest)
    kNone,    ///< nothing: the longest wait itself
    kSpread,  ///< a fifth to either side: uniform in [0.8, 1.2) of it, for waits that are planned
  };

  static constexpr std::size_t kWaitsMax = 100;

  struct Options {
    int max_attempts = 5;              ///< executions in one run, the first included; >= 1
    Kind kind = Kind::kExponential;    ///< which of the members below count
    Jitter jitter = Jitter::kFull;     ///< of every kind
    Duration initial_interval{1'000};  ///< longest wait after attempt 1; > 0
    Duration max_interval{600'000};    ///< longest wait after any attempt; >= initial_interval
    double backoff_coefficient = 2.0;  ///< growth of the longest wait per attempt; >= 1
    std::vector<Duration> waits;       ///< kList: 1 to kWaitsMax, each >= 0; else empty

    friend bool operator==(const Options&, const Options&) = default;
  };

  /// Checks `options` once, so that next_delay() cannot fail.
  /// @return kInvalidArgument, its message naming the first bad option.
  static Result<RetryPolicy> create(const Options& options);

  /// Wait between the failure of `failed_attempt` and the next attempt: the longest wait of the
  /// policy's kind, changed by what its jitter draws. The first jitters are the "full" and the
  /// "equal" one of M. Brooker, "Exponential Backoff And Jitter", AWS, 2015.
  ///
  /// @param failed_attempt  number within the run of the attempt that failed, from 1
  /// @param draw            uniform random number in [0, 1)
  /// @param retry_after     wait that the worker asked for, in the sense of Retry-After (RFC 9110,
  ///                        10.2.3): a lower bound of every kind, which also outranks max_interval
  /// @return nullopt once max_attempts is used up: the job is to become a dead letter.
  [[nodiscard]] std::optional<Duration> next_delay(int failed_attempt, double draw,
                                                   Duration retry_after = Duration::zero()) const;

 private:
  explicit RetryPolicy(const Options& options) : options_(options) {}

  [[nodiscard]] double longest_ms(int failed_attempt) const;

  Options options_;
};

std::string_view to_string(RetryPolicy::Kind kind) noexcept;  ///< "EXPONENTIAL", "FIXED", "LIST"
std::string_view to_string(RetryPolicy::Jitter jitter) noexcept;  ///< "FULL", ..., "SPREAD"

}  // namespace errand::job
