#include "errand/outbound/circuit_breaker.h"

#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace errand::outbound {
namespace {

using namespace std::chrono_literals;
using Outcome = CircuitBreaker::Outcome;
using State = CircuitBreaker::State;

constexpr MonotonicTime kStart{1h};

CircuitBreaker breaker(const CircuitBreaker::Options& options = {}) {
  return CircuitBreaker::create(options).value();
}

void request(CircuitBreaker& b, Outcome outcome, MonotonicTime now) {
  const auto permit = b.acquire(now);
  ASSERT_TRUE(permit);
  b.report(*permit, outcome, now);
}

void open(CircuitBreaker& b, MonotonicTime now) {
  for (int i = 0; i < 10; ++i) request(b, Outcome::kFailure, now);
  ASSERT_EQ(b.state(now), State::kOpen);
}

TEST(CircuitBreaker, OpensAtItsShareOfFailures) {
  CircuitBreaker b = breaker();
  for (int i = 0; i < 3; ++i) request(b, Outcome::kSuccess, kStart);
  for (int i = 0; i < 6; ++i) request(b, Outcome::kFailure, kStart);
  EXPECT_EQ(b.state(kStart), State::kClosed);  // 9 requests
  request(b, Outcome::kFailure, kStart);       // 7 of 10
  EXPECT_EQ(b.state(kStart), State::kOpen);
  EXPECT_EQ(b.acquire(kStart + 1s).error(), kStart + 30s);
}

TEST(CircuitBreaker, StaysClosedBelowItsShareOfFailures) {
  CircuitBreaker b = breaker();
  for (int i = 0; i < 31; ++i) request(b, Outcome::kSuccess, kStart);
  for (int i = 0; i < 69; ++i) request(b, Outcome::kFailure, kStart);
  EXPECT_EQ(b.state(kStart), State::kClosed);
}

TEST(CircuitBreaker, ForgetsWhatIsOlderThanItsWindow) {
  CircuitBreaker b = breaker();
  for (int i = 0; i < 9; ++i) request(b, Outcome::kFailure, kStart);
  request(b, Outcome::kFailure, kStart + 5min + 30s);
  EXPECT_EQ(b.state(kStart + 5min + 30s), State::kClosed);
  // Those of less than five minutes count together.
  CircuitBreaker other = breaker();
  for (int i = 0; i < 10; ++i) request(other, Outcome::kFailure, kStart + i * 29s);
  EXPECT_EQ(other.state(kStart + 5min), State::kHalfOpen);
}

TEST(CircuitBreaker, LetsOneProbeThroughWhenHalfOpen) {
  CircuitBreaker b = breaker();
  open(b, kStart);
  EXPECT_FALSE(b.acquire(kStart + 29'999ms));
  const auto probe = b.acquire(kStart + 30s);
  ASSERT_TRUE(probe);
  EXPECT_EQ(b.state(kStart + 30s), State::kHalfOpen);
  EXPECT_EQ(b.acquire(kStart + 31s).error(), kStart + 60s);
  b.report(*probe, Outcome::kSuccess, kStart + 32s);
  EXPECT_EQ(b.state(kStart + 32s), State::kClosed);
  EXPECT_EQ(b.times_opened(), 0U);
  // The window is empty again: one failure does not open it.
  request(b, Outcome::kFailure, kStart + 32s);
  EXPECT_EQ(b.state(kStart + 32s), State::kClosed);
}

TEST(CircuitBreaker, OpensAgainWhenTheProbeFails) {
  CircuitBreaker b = breaker();
  open(b, kStart);
  request(b, Outcome::kFailure, kStart + 30s);
  EXPECT_EQ(b.acquire(kStart + 31s).error(), kStart + 60s);
  EXPECT_EQ(b.times_opened(), 2U);
}

TEST(CircuitBreaker, SendsAnotherProbeAfterOneThatSaysNothing) {
  CircuitBreaker b = breaker();
  open(b, kStart);
  request(b, Outcome::kNeither, kStart + 30s);
  const auto lost = b.acquire(kStart + 30s);
  ASSERT_TRUE(lost);
  EXPECT_FALSE(b.acquire(kStart + 59s));
  const auto second = b.acquire(kStart + 60s);
  ASSERT_TRUE(second);
  b.report(*lost, Outcome::kSuccess, kStart + 61s);  // too late to tell
  EXPECT_EQ(b.state(kStart + 61s), State::kHalfOpen);
  b.report(*second, Outcome::kSuccess, kStart + 61s);
  EXPECT_EQ(b.state(kStart + 61s), State::kClosed);
}

TEST(CircuitBreaker, DoesNotCountRequestsFromBeforeItOpened) {
  CircuitBreaker b = breaker();
  const auto slow = b.acquire(kStart);
  ASSERT_TRUE(slow);
  open(b, kStart);
  b.report(*slow, Outcome::kSuccess, kStart + 1s);
  EXPECT_EQ(b.state(kStart + 1s), State::kOpen);
}

TEST(CircuitBreaker, NamesTheFirstBadOption) {
  EXPECT_FALSE(CircuitBreaker::create({.window = 9ms}));
  EXPECT_FALSE(CircuitBreaker::create({.requests_min = 0}));
  EXPECT_FALSE(CircuitBreaker::create({.failures_percent = 0}));
  EXPECT_FALSE(CircuitBreaker::create({.failures_percent = 101}));
  EXPECT_FALSE(CircuitBreaker::create({.open_for = 0ms}));
}

RC_GTEST_PROP(CircuitBreaker, NeverKeepsTheWayClosedForLongerThanItSays, ()) {
  CircuitBreaker b = breaker({.window = 100ms, .requests_min = 2, .open_for = 10ms});
  MonotonicTime now = kStart;
  std::vector<CircuitBreaker::Permit> permits;
  for (const auto& [wait_ms, what] : *rc::gen::container<std::vector<std::pair<int, int>>>(
           rc::gen::pair(rc::gen::inRange(0, 40), rc::gen::inRange(0, 4)))) {
    now += Milliseconds(wait_ms);
    auto permit = b.acquire(now);
    if (!permit) {
      RC_ASSERT(permit.error() > now);
      RC_ASSERT(permit.error() <= now + 10ms);
      CircuitBreaker later = b;
      RC_ASSERT(later.acquire(permit.error()).has_value());
    } else {
      permits.push_back(*permit);
    }
    if (what < 3 && !permits.empty()) {
      b.report(permits.back(), static_cast<Outcome>(what), now);
      permits.pop_back();
    }
  }
}

}  // namespace
}  // namespace errand::outbound
