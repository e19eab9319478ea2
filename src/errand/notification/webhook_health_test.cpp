#include "errand/notification/webhook_health.h"

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "errand/notification/webhook_manager.h"
#include "errand/worker/gateway_test_support.h"

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

class WebhookWatchTest : public worker::GatewayTest {
 protected:
  void SetUp() override {
    start();
    client_ = *outbound::HttpClient::create(
        {}, std::make_shared<const outbound::AddressGuard>(guard_), nullptr);
    manager_ = std::make_unique<WebhookManager>(
        WebhookManager::Options{
            .endpoints = {{.name = "billing", .url = "https://example.com/", .types = {"*"}}}},
        WebhookManager::Means{.client = *client_,
                              .guard = guard_,
                              .reader = store_.reader(),
                              .pool = pool_,
                              .master_key = key_,
                              .clock = clock_,
                              .random = random_,
                              .metrics = metrics_},
        telemetry::Log::to_sink(telemetry::LogLevel::kInfo, telemetry::LogFormat::kText,
                                [this](std::string_view line) {
                                  const std::scoped_lock lock(mutex_);
                                  lines_.emplace_back(line);
                                }));
    ASSERT_TRUE(manager_->load());
    manager_->start(*lane_, *gateway_, threads_.context().get_executor());
  }
  void TearDown() override {
    manager_->stop();
    GatewayTest::TearDown();
    client_->stop();
  }

  int told(std::string_view sentence) {
    const std::scoped_lock lock(mutex_);
    int count = 0;
    for (const std::string& line : lines_) count += line.contains(sentence) ? 1 : 0;
    return count;
  }

  outbound::AddressGuard guard_ = *outbound::AddressGuard::create({});
  std::unique_ptr<outbound::HttpClient> client_;
  std::unique_ptr<WebhookManager> manager_;
  std::mutex mutex_;
  std::vector<std::string> lines_;  ///< guarded by mutex_
};

TEST_F(WebhookWatchTest, TellsOfAChangeAlsoWhileAnEarlierOneIsBeingWritten) {
  std::promise<void> held;
  std::promise<void> release;
  auto released = release.get_future();
  // Nothing is written while this stands on the lane.
  lane_->submit(engine::ListLimits{}, [&](const Result<engine::Reply>&) {
    held.set_value();
    released.wait();
  });
  held.get_future().wait();
  const auto webhook = manager_->registry().find("billing");
  ASSERT_TRUE(webhook);
  for (int i = 0; i < 4; ++i) manager_->on_outcome(*webhook, {.why = "status 500"});
  EXPECT_EQ(told("webhook endpoint is failing"), 1);
  manager_->on_outcome(*webhook, {.delivered = true, .status = 204, .why = {}});
  EXPECT_EQ(told("webhook endpoint has recovered"), 1);
  release.set_value();
  EXPECT_TRUE(ask(engine::ListLimits{}));  // the one before has returned
}

}  // namespace
}  // namespace errand::notification
