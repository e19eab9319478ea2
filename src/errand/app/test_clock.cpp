#include "errand/app/test_clock.h"

#include <chrono>

#include "errand/base/time_text.h"

namespace errand::app {
namespace {

/// Beyond it, times of jobs would run out of the years that texts can show.
constexpr Timestamp kLast = std::chrono::sys_days(std::chrono::year(9998) / 1 / 1);

}  // namespace

Now TestClock::now() const {
  const Milliseconds ahead = ahead_.load();
  const Now machine = machine_.now();
  return {machine.wall + ahead, machine.monotonic + ahead};
}

Result<void> TestClock::advance(Milliseconds by) {
  if (by < Milliseconds::zero()) {
    return fail(ErrorCode::kInvalidArgument, "The clock goes forward only.");
  }
  Milliseconds ahead = ahead_.load();
  do {
    if (machine_.now().wall + ahead > kLast - by) {
      return fail(ErrorCode::kInvalidArgument, "The clock does not go beyond the year 9997.");
    }
  } while (!ahead_.compare_exchange_weak(ahead, ahead + by));
  return {};
}

Result<void> TestClock::set(Timestamp time) {
  const Timestamp present = now().wall;
  if (time < present) {
    return fail(ErrorCode::kInvalidArgument, "The clock goes forward only, and shows " +
                                                 format_timestamp(present) + " already.");
  }
  return advance(time - present);
}

}  // namespace errand::app
