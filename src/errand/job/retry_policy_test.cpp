#include "errand/job/retry_policy.h"

#include <algorithm>
#include <limits>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace errand::job {
namespace {

using namespace std::chrono_literals;
using Kind = RetryPolicy::Kind;
using Jitter = RetryPolicy::Jitter;

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

TEST(RetryPolicy, DrawsHalfOfTheWaitWithEqualJitter) {
  const auto p = policy({.jitter = Jitter::kEqual, .initial_interval = 100ms});
  EXPECT_EQ(p.next_delay(1, 0.0), 50ms);
  EXPECT_EQ(p.next_delay(1, 0.5), 75ms);
  EXPECT_EQ(p.next_delay(2, 0.0), 100ms);
}

TEST(RetryPolicy, WaitsTheSameAfterEachAttemptWithAFixedInterval) {
  RetryPolicy::Options options{.kind = Kind::kFixed, .jitter = Jitter::kNone};
  options.initial_interval = 30s;
  EXPECT_EQ(policy(options).next_delay(1, 0.9), 30s);
  EXPECT_EQ(policy(options).next_delay(4, 0.1), 30s);
  options.jitter = Jitter::kFull;
  EXPECT_EQ(policy(options).next_delay(4, 0.1), 3s);
}

TEST(RetryPolicy, GoesThroughAListOfWaitsAndRepeatsTheLast) {
  const auto p = policy(
      {.max_attempts = 9, .kind = Kind::kList, .jitter = Jitter::kNone, .waits = {1s, 10s, 60s}});
  EXPECT_EQ(p.next_delay(1, 0.5), 1s);
  EXPECT_EQ(p.next_delay(2, 0.5), 10s);
  EXPECT_EQ(p.next_delay(3, 0.5), 60s);
  EXPECT_EQ(p.next_delay(8, 0.5), 60s);
  EXPECT_EQ(p.next_delay(9, 0.5), std::nullopt);
}

TEST(RetryPolicy, BoundsTheListOfWaits) {
  const auto with = [](Kind kind, std::vector<RetryPolicy::Duration> waits) {
    return RetryPolicy::create({.kind = kind, .waits = std::move(waits)});
  };
  EXPECT_FALSE(with(Kind::kList, {}).has_value());
  EXPECT_FALSE(with(Kind::kList, {1s, -1ms}).has_value());
  EXPECT_FALSE(with(Kind::kExponential, {1s}).has_value());
  EXPECT_TRUE(with(Kind::kList, std::vector(RetryPolicy::kWaitsMax, 1'000ms)).has_value());
  EXPECT_FALSE(with(Kind::kList, std::vector(RetryPolicy::kWaitsMax + 1, 1'000ms)).has_value());
}

RetryPolicy::Options any_options() {
  RetryPolicy::Options options;
  options.max_attempts = std::numeric_limits<int>::max();
  options.kind = *rc::gen::element(Kind::kExponential, Kind::kFixed, Kind::kList);
  options.jitter = *rc::gen::element(Jitter::kFull, Jitter::kEqual, Jitter::kNone, Jitter::kSpread);
  options.initial_interval = 1ms * *rc::gen::inRange(1, 100'000);
  options.max_interval = options.initial_interval + 1ms * *rc::gen::inRange(0, 1'000'000);
  options.backoff_coefficient = 1.0 + *rc::gen::inRange(0, 90) / 10.0;
  if (options.kind == Kind::kList) {
    for (int i = *rc::gen::inRange(1, 101); i > 0; --i) {
      options.waits.push_back(1ms * *rc::gen::inRange(0, 1'000'000));
    }
  }
  return options;
}

/// The longest wait by the words of the header, made step by step.
RetryPolicy::Duration longest(const RetryPolicy::Options& options, int attempt) {
  if (options.kind == Kind::kFixed) return options.initial_interval;
  if (options.kind == Kind::kList) {
    return attempt <= static_cast<int>(options.waits.size())
               ? options.waits[static_cast<std::size_t>(attempt) - 1]
               : options.waits.back();
  }
  double wait = static_cast<double>(options.initial_interval.count());
  const auto most = static_cast<double>(options.max_interval.count());
  for (int i = 1; i < attempt && wait < most; ++i) wait *= options.backoff_coefficient;
  return 1ms * static_cast<std::int64_t>(std::min(wait, most));
}

TEST(RetryPolicy, KeepsToASpreadListOfWaits) {
  // What Standard Webhooks recommends for deliveries.
  const auto p = policy({.max_attempts = 10,
                         .kind = RetryPolicy::Kind::kList,
                         .jitter = RetryPolicy::Jitter::kSpread,
                         .waits = {5s, 5min, 30min, 2h, 5h, 10h, 14h, 20h, 24h}});
  EXPECT_EQ(p.next_delay(1, 0.0), 4s);
  EXPECT_EQ(p.next_delay(1, 0.5), 5s);
  EXPECT_EQ(p.next_delay(2, 0.75), 330s);
  EXPECT_EQ(p.next_delay(9, 0.5), 24h);
  EXPECT_LT(*p.next_delay(9, 0.999'999), 1'728min);
  EXPECT_EQ(p.next_delay(10, 0.5), std::nullopt);
  EXPECT_EQ(p.next_delay(1, 0.5, 10min), 10min) << "Retry-After is a lower bound";
}

RC_GTEST_PROP(RetryPolicy, KeepsWithinTheBoundsOfItsKindAndJitter, ()) {
  const RetryPolicy::Options options = any_options();
  const auto p = policy(options);
  const int attempt = *rc::gen::inRange(1, 300);
  const double draw = *rc::gen::inRange(0, 1'000) / 1'000.0;
  const auto delay = *p.next_delay(attempt, draw);
  // A millisecond for rounding.
  auto most = longest(options, attempt) + 1ms;
  if (options.jitter == Jitter::kSpread) {
    RC_ASSERT(delay + 1ms >= (most - 1ms) * 4 / 5);
    most = (most - 1ms) * 6 / 5 + 1ms;
  }
  RC_ASSERT(delay >= 0ms && delay <= most);
  if (options.jitter == Jitter::kEqual) RC_ASSERT(delay + 1ms >= (most - 1ms) / 2);
  if (options.jitter == Jitter::kNone) RC_ASSERT(delay + 1ms >= most - 1ms);
}

RC_GTEST_PROP(RetryPolicy, NeverWaitsLessThanTheWorkerAskedForWhateverItsKind, ()) {
  const auto p = policy(any_options());
  const auto asked = 1ms * *rc::gen::inRange(0, 10'000'000);
  const double draw = *rc::gen::inRange(0, 1'000) / 1'000.0;
  const int attempt = *rc::gen::inRange(1, 300);
  RC_ASSERT(*p.next_delay(attempt, draw, asked) == std::max(*p.next_delay(attempt, draw), asked));
}

RC_GTEST_PROP(RetryPolicy, WaitsLongerTheHigherTheDraw, ()) {
  const auto p = policy(any_options());
  const int attempt = *rc::gen::inRange(1, 300);
  const int low = *rc::gen::inRange(0, 1'000);
  const int high = *rc::gen::inRange(low, 1'000);
  RC_ASSERT(*p.next_delay(attempt, low / 1'000.0) <= *p.next_delay(attempt, high / 1'000.0));
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
