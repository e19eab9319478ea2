#include "errand/job/retry_policy.h"

#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace errand::job {
namespace {

using namespace std::chrono_literals;

RetryPolicy policy(RetryPolicy::Options options) { return *RetryPolicy::create(options); }

TEST(RetryPolicy, DoublesTheLongestWaitUpToMaxInterval) {
  const auto p = policy({.max_attempts = 5, .initial_interval = 100ms, .max_interval = 500ms});
  EXPECT_EQ(p.next_delay(1, 0.5), 50ms);
  EXPECT_EQ(p.next_delay(3, 0.5), 200ms);
  EXPECT_EQ(p.next_delay(4, 0.5), 250ms);  // 800 ms, capped to 500 ms
}

TEST(RetryPolicy, GivesUpAfterTheLastAttempt) {
  EXPECT_NE(policy({.max_attempts = 2}).next_delay(1, 0.0), std::nullopt);
  EXPECT_EQ(policy({.max_attempts = 2}).next_delay(2, 0.0), std::nullopt);
}

TEST(RetryPolicy, NeverWaitsLessThanTheWorkerAskedFor) {
  const auto p = policy({.max_attempts = 3, .initial_interval = 100ms, .max_interval = 200ms});
  EXPECT_EQ(p.next_delay(1, 0.9, 5s), 5s);
}

TEST(RetryPolicy, NamesTheFirstBadOption) {
  EXPECT_EQ(RetryPolicy::create({.max_attempts = 0}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(RetryPolicy::create({.initial_interval = 0ms}).has_value());
  EXPECT_FALSE(RetryPolicy::create({.initial_interval = 10ms, .max_interval = 9ms}).has_value());
  EXPECT_FALSE(
      RetryPolicy::create({.backoff_coefficient = std::numeric_limits<double>::quiet_NaN()})
          .has_value());
}

RC_GTEST_PROP(RetryPolicy, NeverWaitsLongerThanMaxInterval, ()) {
  const auto p = policy({.max_attempts = std::numeric_limits<int>::max()});
  const int attempt = *rc::gen::inRange(1, 1'000'000);
  const double draw = *rc::gen::inRange(0, 1'000) / 1'000.0;
  const auto delay = p.next_delay(attempt, draw);
  RC_ASSERT(delay >= 0ms && delay < 600'000ms);
}

}  // namespace
}  // namespace errand::job
