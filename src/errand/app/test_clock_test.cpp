#include "errand/app/test_clock.h"

#include <gtest/gtest.h>

namespace errand::app {
namespace {

using namespace std::chrono_literals;

TEST(TestClock, JumpsForwardAndRunsOn) {
  TestClock clock;
  const Now before = clock.now();
  ASSERT_TRUE(clock.advance(90min));
  const Now after = clock.now();
  EXPECT_GE(after.wall - before.wall, 90min);
  EXPECT_LT(after.wall - before.wall, 91min);
  EXPECT_GE(after.monotonic - before.monotonic, 90min);
  EXPECT_EQ(clock.ahead(), 90min);

  const Timestamp later = after.wall + 24h;
  ASSERT_TRUE(clock.set(later));
  EXPECT_GE(clock.now().wall, later);
  EXPECT_LT(clock.now().wall, later + 1min);
}

TEST(TestClock, NeverGoesBack) {
  TestClock clock;
  EXPECT_EQ(clock.set(clock.now().wall - 1min).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(clock.advance(-1ms).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(clock.ahead(), 0ms);
  for (int i = 0; i < 10'000 && clock.advance(24h * 3'650); ++i) {
  }
  EXPECT_LT(clock.now().wall, std::chrono::sys_days(std::chrono::year(9999) / 1 / 1));
}

}  // namespace
}  // namespace errand::app
