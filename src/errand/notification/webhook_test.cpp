#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/base/random.h"
#include "errand/crypto/master_key.h"
#include "errand/engine/request.h"
#include "errand/job/evolve.h"
#include "errand/job/internal_type.h"
#include "errand/notification/webhook_catch_up.h"
#include "errand/notification/webhook_endpoint.h"
#include "errand/notification/webhook_handler.h"
#include "errand/notification/webhook_reactor.h"
#include "errand/outbound/standard_webhooks.h"
#include "errand/worker/gateway_test_support.h"

namespace errand::notification {
namespace {

namespace asio = boost::asio;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using ::testing::ElementsAre;

WebhookEndpoint endpoint(std::vector<std::string> types) {
  return {.name = "billing", .url = "https://hooks.example.com/errand", .types = std::move(types)};
}

TEST(WebhookEndpoint, TakesTypesByNameOrByTheirBeginning) {
  EXPECT_TRUE(endpoint({"dev.errand.job.failed"}).takes_type("dev.errand.job.failed"));
  EXPECT_FALSE(endpoint({"dev.errand.job.failed"}).takes_type("dev.errand.job.failed_twice"));
  EXPECT_TRUE(endpoint({"dev.errand.job.*"}).takes_type("dev.errand.job.started"));
  EXPECT_FALSE(endpoint({"dev.errand.job.*"}).takes_type("dev.errand.jobs.started"));
  EXPECT_TRUE(endpoint({"x", "*"}).takes_type("dev.errand.job.started"));
}

TEST(WebhookEndpoint, KnowsWhatCanBeAPattern) {
  for (const char* good : {"*", "dev.errand.job.failed", "dev.errand.job.*", "dev.*"}) {
    EXPECT_TRUE(is_type_pattern(good)) << good;
  }
  for (const char* bad : {"", "dev.*.job", "dev*", "Dev.errand", ".*", "a b", "dev..*"}) {
    EXPECT_FALSE(is_type_pattern(bad)) << bad;
  }
}

TEST(WebhookEndpoint, TakesJobsOfItsTenantsTypesAndTags) {
  job::JobState job;
  job.spec.tenant = TenantId("acme");
  job.spec.type = JobTypeName("export");
  job.spec.tags = {"vip", "eu"};
  WebhookEndpoint all = endpoint({"*"});
  EXPECT_TRUE(all.takes_job(job));
  WebhookEndpoint some = all;
  some.tenants = {TenantId("acme")};
  some.job_types = {JobTypeName("export"), JobTypeName("import")};
  some.tags = {"eu"};
  EXPECT_TRUE(some.takes_job(job));
  some.tags = {"us"};
  EXPECT_FALSE(some.takes_job(job));
  WebhookEndpoint others = all;
  others.tenants = {TenantId("bolt")};
  EXPECT_FALSE(others.takes_job(job));
}

TEST(WebhookEndpoint, TakesEventsWhoseDataIsAsItSays) {
  job::JobState job;
  job.spec.tenant = TenantId("acme");
  job.spec.type = JobTypeName("export");
  const job::Event started{.data = job::Started{.attempt = 2}};
  WebhookEndpoint any = endpoint({"*"});
  EXPECT_TRUE(any.takes(started, job));
  const auto takes = [&](std::string path, std::vector<std::string> in) {
    WebhookEndpoint some = any;
    some.data = {{.path = std::move(path), .in = std::move(in)}};
    return some.takes(started, job);
  };
  EXPECT_TRUE(takes("/attempt", {"2"}));
  EXPECT_TRUE(takes("/attempt", {"1", "2"}));
  EXPECT_FALSE(takes("/attempt", {"\"2\""}));
  EXPECT_FALSE(takes("/attempt/0", {"2"}));
  EXPECT_FALSE(takes("/nothing", {"null"})) << "what is not there is no null";
  WebhookEndpoint two = any;
  two.data = {{.path = "/attempt", .in = {"2"}}, {.path = "/worker", .in = {"7"}}};
  EXPECT_FALSE(two.takes(started, job)) << "all hold";
  for (const char* good : {"/a", "/", "/a~1b/~0"}) EXPECT_TRUE(is_data_path(good)) << good;
  for (const char* bad : {"", "a", "/~", "/~2", "/a\n"}) EXPECT_FALSE(is_data_path(bad)) << bad;
}

TEST(WebhookDelivery, IsReadAsItWasWritten) {
  SystemRandom random;
  const WebhookDelivery delivery{.job = JobId{Uuid::v7(Timestamp{}, random)},
                                 .sequence = Sequence{7}};
  EXPECT_EQ(parse_webhook_delivery(delivery.to_json()), delivery);
  for (const char* bad : {"", "[]", "{}", R"({"job":"x","sequence":1})"}) {
    EXPECT_EQ(parse_webhook_delivery(bad), std::nullopt) << bad;
  }
}

class WebhookReactorTest : public ::testing::Test {
 protected:
  std::vector<engine::EnqueueJob> react(const std::vector<WebhookEndpoint>& endpoints) {
    WebhookRegistry registry;
    for (const WebhookEndpoint& each : endpoints) registry.put({.endpoint = each});
    WebhookReactor reactor(registry, {.payload_key = key_.hmac_key(crypto::kPayloadDigestLabel)},
                           telemetry::Log(), metrics_);
    job::JobSpec spec;
    spec.tenant = TenantId("acme");
    spec.subject = SubjectId("anna");
    spec.type = JobTypeName("export");
    spec.queue = QueueName("exports");
    event_.job = JobId{Uuid::v7(Timestamp{}, random_)};
    event_.sequence = Sequence{1};
    event_.data = job::Enqueued{spec};
    const auto state = job::fold({&event_, 1});
    EXPECT_TRUE(state);
    std::vector<engine::EnqueueJob> reactions;
    reactor.react({.before = nullptr, .after = *state, .events = {&event_, 1}}, reactions);
    return reactions;
  }

  SystemRandom random_;
  crypto::MasterKey key_ = crypto::MasterKey::generate(random_);
  telemetry::Metrics metrics_;
  job::Event event_;
};

TEST_F(WebhookReactorTest, MakesADeliveryForEachEndpointThatTakesTheEvent) {
  WebhookEndpoint other = endpoint({"dev.errand.job.failed"});
  other.name = "other";
  const auto reactions = react({endpoint({"dev.errand.job.*"}), other});
  ASSERT_EQ(reactions.size(), 1U);
  const job::JobSpec& spec = reactions.front().spec;
  EXPECT_EQ(spec.type.str(), "errand.webhook.billing");
  EXPECT_TRUE(job::is_internal(spec.type));
  EXPECT_TRUE(job::is_internal(spec.queue));
  EXPECT_EQ(spec.tenant.str(), "acme");
  EXPECT_FALSE(spec.fifo);
  const auto delivery = parse_webhook_delivery(reactions.front().input);
  ASSERT_TRUE(delivery);
  EXPECT_EQ(delivery->job, event_.job);
  EXPECT_EQ(delivery->sequence, Sequence{1});
}

TEST_F(WebhookReactorTest, TriesForThreeDays) {
  const auto reactions = react({endpoint({"*"})});
  const auto policy = job::RetryPolicy::create(reactions.front().spec.retry);
  ASSERT_TRUE(policy);
  Milliseconds all{0};
  for (int attempt = 1; attempt < 10; ++attempt) all += *policy->next_delay(attempt, 0.5);
  EXPECT_EQ(policy->next_delay(10, 0.5), std::nullopt);
  EXPECT_EQ(std::chrono::round<std::chrono::minutes>(all),
            std::chrono::hours(75) + std::chrono::minutes(35));
}

TEST_F(WebhookReactorTest, KeepsTheOrderOfAJobsEventsWhereItIsAskedTo) {
  WebhookEndpoint ordered = endpoint({"*"});
  ordered.ordering = WebhookOrdering::kPerJob;
  const auto reactions = react({ordered});
  EXPECT_TRUE(reactions.front().spec.fifo);
  EXPECT_EQ(reactions.front().spec.limit_key, event_.job.str());
  const auto limits = webhook_limits(ordered);
  ASSERT_EQ(limits.size(), 3U);
  EXPECT_EQ(limits[0].kind, engine::LimitKind::kRate);
  EXPECT_EQ(limits[1].value, 20U);
  EXPECT_TRUE(limits[2].fifo);
}

TEST(WebhookDeadline, ComesBeforeTheEndOfTheAttempt) {
  const auto now = std::chrono::steady_clock::now();
  EXPECT_EQ(webhook_deadline(20s, now, now + 25s), now + 20s);
  EXPECT_EQ(webhook_deadline(20s, now, now + 10s), now + 8s);
}

/// Keeps what it is told.
class Watch final : public WebhookWatch {
 public:
  void on_outcome(const RegisteredWebhook&, const WebhookOutcome& outcome) override {
    const std::scoped_lock lock(mutex_);
    outcomes_.push_back(outcome);
  }
  std::vector<WebhookOutcome> outcomes() {
    const std::scoped_lock lock(mutex_);
    return outcomes_;
  }

 private:
  std::mutex mutex_;
  std::vector<WebhookOutcome> outcomes_;
};

/// On an endpoint that takes connections and never answers.
class WebhookHandlerTest : public worker::GatewayTest {
 protected:
  void SetUp() override {
    start();
    silent_.open(asio::ip::tcp::v4());
    silent_.bind({asio::ip::address_v4::loopback(), 0});
    silent_.listen();
    client_ = *outbound::HttpClient::create(
        {},
        std::make_shared<const outbound::AddressGuard>(*outbound::AddressGuard::create(
            {.allow = {"127.0.0.1"}, .ports = {port()}, .allow_http = true})),
        nullptr);
    job_ = enqueue();
  }
  void TearDown() override {
    GatewayTest::TearDown();
    client_->stop();
  }

  std::uint16_t port() { return silent_.local_endpoint().port(); }

  void put(const std::string& host, std::string headers_file = {}) {
    RegisteredWebhook webhook{
        .endpoint = {.name = "billing",
                     .url = "http://" + host + ":" + std::to_string(port()) + "/",
                     .types = {"*"},
                     .headers_file = std::move(headers_file),
                     .timeout = 3s}};
    webhook.keys.push_back(
        {.secret = *outbound::WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
         .signing = std::nullopt,
         .created_at = std::nullopt,
         .until = std::nullopt});
    endpoints_.put(std::move(webhook));
    handler_ = *WebhookHandler::create({.name = "billing", .breaker = {.requests_min = 1}},
                                       {.endpoints = endpoints_,
                                        .watch = watch_,
                                        .client = *client_,
                                        .reader = store_.reader(),
                                        .pool = pool_,
                                        .clock = clock_});
  }

  worker::Outcome deliver() {
    worker::JobOffer offer;
    offer.job = JobId{Uuid::v7(clock_.now().wall, random_)};
    offer.arguments_json = WebhookDelivery{.job = job_, .sequence = Sequence{1}}.to_json();
    offer.timeout = 30s;
    auto attempt = std::make_shared<worker::Attempt>(
        std::move(offer), FencingToken{1},
        [](const worker::Progress&, std::move_only_function<void()>) {});
    return asio::co_spawn(threads_.context(), handler_->run(std::move(attempt)), asio::use_future)
        .get();
  }

  asio::io_context context_;
  asio::ip::tcp::acceptor silent_{context_};
  std::unique_ptr<outbound::HttpClient> client_;
  WebhookRegistry endpoints_;
  Watch watch_;
  std::shared_ptr<WebhookHandler> handler_;
  JobId job_;
};

TEST_F(WebhookHandlerTest, AnEndpointThatDoesNotAnswerHasFailed) {
  put("127.0.0.1");
  const auto outcome = deliver();
  const auto* failure = std::get_if<worker::Failure>(&outcome);
  ASSERT_NE(failure, nullptr);
  EXPECT_EQ(failure->kind, worker::FailureKind::kTransient);
  EXPECT_EQ(failure->code, "WEBHOOK_TIMED_OUT");
  ASSERT_EQ(watch_.outcomes().size(), 1U);
  EXPECT_FALSE(watch_.outcomes().front().delivered);
  // Its breaker is open, so that the next one is put off at once.
  const auto next = deliver();
  const auto* snooze = std::get_if<worker::Snooze>(&next);
  ASSERT_NE(snooze, nullptr);
  EXPECT_GT(snooze->delay, 20s);
  EXPECT_EQ(watch_.outcomes().size(), 1U);
}

TEST_F(WebhookHandlerTest, AnAddressThatIsRefusedIsTriedAgainAndNotShown) {
  put("127.0.0.2");
  const auto outcome = deliver();
  const auto* failure = std::get_if<worker::Failure>(&outcome);
  ASSERT_NE(failure, nullptr);
  EXPECT_EQ(failure->kind, worker::FailureKind::kTransient);
  EXPECT_EQ(failure->code, "WEBHOOK_REFUSED");
  EXPECT_EQ(failure->message, kAddressRefused);
}

TEST_F(WebhookHandlerTest, AHeadersFileThatCannotBeReadIsNotShown) {
  put("127.0.0.1", "/nowhere/headers");
  const auto outcome = deliver();
  const auto* failure = std::get_if<worker::Failure>(&outcome);
  ASSERT_NE(failure, nullptr);
  EXPECT_EQ(failure->kind, worker::FailureKind::kTransient);
  EXPECT_EQ(failure->message, kHeadersUnreadable);
}

TEST_F(WebhookHandlerTest, WhatIsRecoveredWaitsForNoPlaceInTheOrder) {
  WebhookEndpoint ordered = endpoint({"*"});
  ordered.ordering = WebhookOrdering::kPerJob;
  endpoints_.put({.endpoint = ordered});
  const WebhookDeliveryOptions options{.payload_key = key_.hmac_key(crypto::kPayloadDigestLabel)};
  for (const bool recovers : {false, true}) {
    const auto steps =
        read_webhook_steps(endpoints_, store_.reader(), options, {.endpoint = "billing"},
                           TenantId("acme"), LogPosition{0}, LogPosition{1'000}, recovers);
    ASSERT_TRUE(steps);
    ASSERT_FALSE(steps->empty());
    ASSERT_TRUE(steps->front().delivery);
    EXPECT_EQ(steps->front().delivery->spec.fifo, !recovers);
    EXPECT_EQ(steps->front().delivery->spec.limit_key.empty(), recovers);
  }
}

TEST(WebhookSecret, FollowsFromKeyNameAndGeneration) {
  SystemRandom random;
  const auto key = crypto::MasterKey::generate(random);
  const std::string secret = webhook_secret(key, "billing", 1);
  EXPECT_TRUE(outbound::WebhookSecret::parse(secret));
  EXPECT_EQ(webhook_secret(key, "billing", 1), secret);
  EXPECT_NE(webhook_secret(key, "billing", 2), secret);
  EXPECT_NE(webhook_secret(key, "other", 1), secret);
}

}  // namespace
}  // namespace errand::notification
