#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>

#include "errand/base/clock.h"
#include "errand/base/result.h"

namespace errand::outbound {

/// Keeps requests from a target that fails, so that it can recover and nobody waits for it in vain.
///
/// *Closed* it lets all through, and opens once enough of those in the window have failed. *Open*
/// it lets none through for a while. Then it is *half-open*: one request at a time goes as a probe;
/// a success closes it with an empty window, a failure opens it again.
///
/// A pure value: time comes in with each call and must not go back. Not thread-safe: its owner
/// guards it.
class CircuitBreaker {
 public:
  struct Options {
    Milliseconds window = std::chrono::minutes(5);  ///< how far back counts; >= 10 ms
    std::uint32_t requests_min = 10;                ///< fewer in the window never open it; >= 1
    int failures_percent = 70;  ///< of those in the window, from which on it opens; 1 .. 100
    Milliseconds open_for = std::chrono::seconds(30);  ///< > 0
  };

  enum class State : std::uint8_t { kClosed, kOpen, kHalfOpen };

  /// kNeither: canceled, refused by ourselves: says nothing about the target.
  enum class Outcome : std::uint8_t { kSuccess, kFailure, kNeither };

  /// Leave for one request. What became of it is to be told by report().
  class Permit {
    friend class CircuitBreaker;
    explicit Permit(std::uint64_t epoch) : epoch_(epoch) {}
    std::uint64_t epoch_;
  };

  /// Checks `options`.
  /// @return kInvalidArgument, its message naming the first bad option.
  static Result<CircuitBreaker> create(const Options& options);

  /// Asks to send a request at `now`.
  /// @return when to ask again, where none may be sent: the open state's end, or the time after
  ///         which a probe that never reported counts as lost
  std::expected<Permit, MonotonicTime> acquire(MonotonicTime now);

  /// Tells what became of the request of `permit`. Late ones, from before the last change of state,
  /// count no more.
  void report(Permit permit, Outcome outcome, MonotonicTime now);

  [[nodiscard]] State state(MonotonicTime now) const noexcept;

  /// How often it has opened since a request last succeeded in the half-open state: what asks for
  /// disabling a target altogether.
  [[nodiscard]] std::uint32_t times_opened() const noexcept { return times_opened_; }

 private:
  /// The window moves on by slices, so that it takes the same memory for any number of requests.
  static constexpr std::size_t kSlices = 10;
  static constexpr MonotonicTime kNoProbe = MonotonicTime::min();
  struct Slice {
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
  };

  explicit CircuitBreaker(const Options& options) : options_(options) {}

  void advance(MonotonicTime now);
  void open(MonotonicTime now);

  Options options_;
  std::array<Slice, kSlices> slices_{};
  std::size_t slice_ = 0;  ///< the newest
  MonotonicTime slice_begin_{};
  bool open_ = false;                     ///< open or half-open
  MonotonicTime open_until_{};            ///< half-open from then on
  MonotonicTime probe_until_ = kNoProbe;  ///< one is under way until then
  std::uint64_t epoch_ = 0;               ///< changes of state
  std::uint32_t times_opened_ = 0;
};

}  // namespace errand::outbound
