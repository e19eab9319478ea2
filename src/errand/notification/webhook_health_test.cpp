#include "errand/notification/webhook_health.h"

#include <gtest/gtest.h>

namespace errand::notification {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kStart{Milliseconds(1'800'000'000'000)};

TEST(WebhookHealth, IsFailingFromTheFourthFailureInARowUntilASuccess) {
  WebhookHealth health;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(note_failure(health, "status 500", kStart + i * 1s), HealthChange::kNone);
  }
  EXPECT_FALSE(health.failing());
  EXPECT_EQ(note_failure(health, "status 502", kStart + 3s), HealthChange::kFailing);
  EXPECT_EQ(note_failure(health, "status 502", kStart + 4s), HealthChange::kNone) << "told once";
  EXPECT_TRUE(health.failing());
  EXPECT_EQ(health.failing_since, kStart);
  EXPECT_EQ(health.last_failure, "status 502");
  EXPECT_EQ(note_success(health, kStart + 5s), HealthChange::kRecovered);
  EXPECT_EQ(health.failures, 0U);
  EXPECT_EQ(health.failing_since, std::nullopt);
  EXPECT_EQ(health.last_success_at, kStart + 5s);
  EXPECT_EQ(note_success(health, kStart + 6s), HealthChange::kNone);
}

TEST(WebhookHealth, IsGivenUpAfterFiveDaysOfFailuresAlone) {
  WebhookHealth health;
  Timestamp now = kStart;
  for (; now < kStart + 12h; now += 1h) {
    EXPECT_NE(note_failure(health, "x", now), HealthChange::kGivenUp);
  }
  EXPECT_EQ(health.counting_since, std::nullopt);
  for (; now < kStart + 12h + 120h; now += 1h) {
    EXPECT_NE(note_failure(health, "x", now), HealthChange::kGivenUp) << (now - kStart).count();
  }
  EXPECT_EQ(health.counting_since, kStart + 12h);
  EXPECT_EQ(note_failure(health, "x", now), HealthChange::kGivenUp);
}

TEST(WebhookHealth, ASuccessBeginsTheFiveDaysAnew) {
  WebhookHealth health;
  for (int hour = 0; hour < 130; hour += 6) (void)note_failure(health, "x", kStart + hour * 1h);
  (void)note_success(health, kStart + 131h);
  for (int hour = 132; hour < 132 + 12 + 120; hour += 6) {
    EXPECT_NE(note_failure(health, "x", kStart + hour * 1h), HealthChange::kGivenUp) << hour;
  }
}

TEST(WebhookHealth, AnOutageOfAnEveningBeginsNothing) {
  WebhookHealth health;
  for (int minute = 0; minute < 600; ++minute) {
    (void)note_failure(health, "x", kStart + minute * 1min);
  }
  // Next fails an event days later: too far from the first ones to be the same matter.
  EXPECT_EQ(note_failure(health, "x", kStart + 200h), HealthChange::kNone);
  EXPECT_EQ(health.counting_since, std::nullopt);
}

TEST(WebhookHealth, TheAttemptsOfOneEventGiveNoEndpointUp) {
  for (const double jitter : {0.8, 1.0, 1.2}) {
    WebhookHealth health;
    Timestamp now = kStart;
    for (const Milliseconds wait :
         {Milliseconds(0), Milliseconds(5s), Milliseconds(5min), Milliseconds(30min),
          Milliseconds(2h), Milliseconds(5h), Milliseconds(10h), Milliseconds(14h),
          Milliseconds(20h), Milliseconds(24h)}) {
      now += Milliseconds(static_cast<std::int64_t>(static_cast<double>(wait.count()) * jitter));
      EXPECT_NE(note_failure(health, "x", now), HealthChange::kGivenUp);
    }
  }
}

}  // namespace
}  // namespace errand::notification
