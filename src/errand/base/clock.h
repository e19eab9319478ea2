#pragma once

#include <chrono>

namespace errand {

/// Wall-clock time at the resolution that is stored: milliseconds since the Unix epoch, UTC.
using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;
/// Time that never jumps, for leases and timeouts. Its origin has no meaning.
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::milliseconds>;
/// A length of time at the resolution that is stored.
using Milliseconds = std::chrono::milliseconds;

/// Both clocks read together, for code that takes time as a value.
struct Now {
  Timestamp wall;
  MonotonicTime monotonic;
};

/// Source of time. The simulation passes a virtual one. Implementations are thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Now now() const = 0;
};

/// The machine's clocks.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Now now() const override;
};

}  // namespace errand
