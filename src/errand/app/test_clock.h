#pragma once

#include <atomic>

#include "errand/base/clock.h"
#include "errand/base/result.h"

namespace errand::app {

/// The machine's clocks, put forward by hand: for tests against a real server (`errand serve
/// --test-clock`). Between two jumps it runs as the machine's do. Thread-safe.
class TestClock final : public Clock {
 public:
  [[nodiscard]] Now now() const override;

  /// Jumps forward by `by`.
  /// @return kInvalidArgument for a negative length, or one that leads beyond the year 9998.
  Result<void> advance(Milliseconds by);

  /// Jumps forward to `time`.
  /// @return kInvalidArgument for a time that is over.
  Result<void> set(Timestamp time);

  /// How far it is ahead of the machine's clocks.
  [[nodiscard]] Milliseconds ahead() const { return ahead_.load(); }

 private:
  const SystemClock machine_;
  std::atomic<Milliseconds> ahead_{Milliseconds::zero()};
};

}  // namespace errand::app
