// Deliveries that are made later than in the commit of their event: from the log, on a lane and a
// store in memory.

#include "errand/notification/webhook_catch_up.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/crypto/master_key.h"
#include "errand/net/test_client.h"
#include "errand/runtime/lane_test_support.h"

namespace errand::notification {
namespace {

namespace asio = boost::asio;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""h;

const TenantId kAcme("acme");
const TenantId kBolt("bolt");
const JobTypeName kDelivery("errand.webhook.billing");

TEST(WebhookCatchUp, IsReadAsItWasWritten) {
  const WebhookCatchUp least{.endpoint = "billing", .after = LogPosition{7}};
  EXPECT_EQ(parse_webhook_catch_up(least.to_json()), least);
  const WebhookCatchUp all{.endpoint = "billing",
                           .after = LogPosition{7},
                           .until = LogPosition{70},
                           .since_time = Timestamp(Milliseconds(1)),
                           .before_time = Timestamp(Milliseconds(2))};
  EXPECT_EQ(parse_webhook_catch_up(all.to_json()), all);
  for (const char* bad : {"", "[]", "{}", R"({"endpoint":"billing"})",
                          R"({"endpoint":7,"after":1})", R"({"endpoint":"billing","after":-1})"}) {
    EXPECT_EQ(parse_webhook_catch_up(bad), std::nullopt) << bad;
  }
}

class WebhookCatchUpTest : public ::testing::Test {
 protected:
  /// @param room  deliveries that may wait
  explicit WebhookCatchUpTest(std::uint64_t room = 1'000'000) {
    runtime::Lane::Options options;
    options.engine.queue_length_max = room;
    lane_ = std::make_unique<runtime::Lane>(options, store_, bus_, clock_, random_, nullptr);
    EXPECT_TRUE(lane_->start());
    put(billing());
    restart();
  }
  ~WebhookCatchUpTest() override {
    lane_->stop();
    pool_.stop();
    threads_.join();
  }

  static WebhookEndpoint billing() {
    return {.name = "billing", .url = "https://hooks.example.com/", .types = {"*"}};
  }
  void put(WebhookEndpoint endpoint) { endpoints_.put({.endpoint = std::move(endpoint)}); }

  /// The server's next process: nothing but what is stored goes over.
  void restart() {
    handler_ = std::make_unique<WebhookCatchUpHandler>(
        WebhookCatchUpHandler::Means{.endpoints = endpoints_,
                                     .reader = store_.reader(),
                                     .pool = pool_,
                                     .lane = runtime::LaneClient(*lane_),
                                     .deliveries = options_,
                                     .clock = clock_,
                                     .random = random_,
                                     .metrics = metrics_},
        telemetry::Log());
  }

  /// A user's job, in a queue of its own that none of the others fills.
  JobId enqueue(const TenantId& tenant = kAcme) {
    const std::uint64_t number = ++jobs_;
    auto request = runtime::enqueue(number, store::conformance::BatchBuilder::spec(
                                                tenant.view(), "queue-" + std::to_string(number)));
    const JobId id = request.id;
    EXPECT_TRUE(runtime::ask(*lane_, std::move(request)).get());
    return id;
  }

  void kill(const JobId& id, bool internal = false) {
    engine::CommandJob request{.id = id, .command = job::Kill{}};
    request.internal = internal;
    EXPECT_TRUE(runtime::ask(*lane_, std::move(request)).get());
  }

  worker::Outcome follow(const WebhookCatchUp& what, std::string_view type = kCatchUpType) {
    return follow(what.to_json(), type);
  }
  worker::Outcome follow(std::string arguments, std::string_view type = kCatchUpType) {
    worker::JobOffer offer;
    offer.job = catch_up_;
    offer.type = JobTypeName(std::string(type));
    offer.tenant = kAcme;
    offer.arguments_json = std::move(arguments);
    offer.timeout = 600s;
    auto attempt = std::make_shared<worker::Attempt>(
        std::move(offer), FencingToken{1},
        [](const worker::Progress&, std::move_only_function<void()>) {});
    return asio::co_spawn(threads_.context(), handler_->run(std::move(attempt)), asio::use_future)
        .get();
  }

  /// The job of a catch-up is another one.
  void next_catch_up() { catch_up_ = JobId{Uuid::v7(clock_.now().wall, random_)}; }

  /// In the order in which they were made.
  std::vector<job::StatePtr> deliveries(const TenantId& tenant = kAcme) {
    auto all = *store_.reader().jobs(
        {.tenant = tenant, .kind = job::JobKind::kInternal, .types = {kDelivery}},
        {.limit = 1'000});
    std::ranges::sort(all, {}, [](const job::StatePtr& each) { return each->ready_position; });
    return all;
  }

  std::optional<store::Record> place() {
    return *store_.reader().record(
        {.collection = "webhook_catch_up", .tenant = kAcme, .key = catch_up_.str()});
  }

  /// {"outcome", "deliveries"} of an attempt that completed its job.
  static boost::json::object completed(const worker::Outcome& outcome) {
    const auto* complete = std::get_if<worker::Complete>(&outcome);
    EXPECT_NE(complete, nullptr) << "outcome number " << outcome.index();
    return complete == nullptr ? boost::json::object() : complete->result.as_object();
  }

  /// Why an attempt put its job off.
  static std::string snoozed(const worker::Outcome& outcome) {
    const auto* snooze = std::get_if<worker::Snooze>(&outcome);
    EXPECT_NE(snooze, nullptr) << "outcome number " << outcome.index();
    return snooze == nullptr ? "" : snooze->reason;
  }

  runtime::TestClock clock_;
  SystemRandom random_;
  crypto::MasterKey key_ = crypto::MasterKey::generate(random_);
  const WebhookDeliveryOptions options_{.payload_key = key_.hmac_key(crypto::kPayloadDigestLabel)};
  telemetry::Metrics metrics_;
  store::MemoryStore store_;
  runtime::EventBus bus_;
  WebhookRegistry endpoints_;
  net::TestThreads threads_;
  async::BlockingPool pool_{{.threads = 2}};
  std::unique_ptr<runtime::Lane> lane_;
  std::unique_ptr<WebhookCatchUpHandler> handler_;
  std::uint64_t jobs_ = 0;
  JobId catch_up_{Uuid::v7(clock_.now().wall, random_)};
};

constexpr const char* kFull = "The queue of the endpoint's deliveries is full.";

/// Two deliveries may wait.
class WebhookCatchUpWithoutRoomTest : public WebhookCatchUpTest {
 protected:
  WebhookCatchUpWithoutRoomTest() : WebhookCatchUpTest(2) {}
};

TEST_F(WebhookCatchUpTest, DeliversWhatIsOfItsTenantAndAfterItsPlaceOverManyPages) {
  const JobId before = enqueue();
  const LogPosition after = store_.last_position();
  for (int i = 0; i < 450; ++i) enqueue(i % 2 == 0 ? kAcme : kBolt);
  const auto count = count_webhook_recovery(endpoints_, store_.reader(), options_,
                                            {.endpoint = "billing", .after = after}, kAcme);
  ASSERT_TRUE(count);
  EXPECT_EQ(count->missing, 225U);
  EXPECT_FALSE(count->has_more);

  const auto end = completed(follow({.endpoint = "billing", .after = after}));
  EXPECT_EQ(end.at("outcome"), "caught up");
  EXPECT_EQ(end.at("deliveries"), 225);
  const auto made = deliveries();
  EXPECT_EQ(made.size(), 225U);
  for (const job::StatePtr& delivery : made) {
    EXPECT_THAT(delivery->spec.unique_key, ::testing::Not(::testing::StartsWith(before.str())));
  }
  EXPECT_TRUE(deliveries(kBolt).empty());
  EXPECT_FALSE(place()) << "it is at its end, and its place is needed no more";
}

TEST_F(WebhookCatchUpTest, MakesNoneThatIsThere) {
  for (int i = 0; i < 3; ++i) enqueue();
  EXPECT_EQ(completed(follow({.endpoint = "billing"})).at("deliveries"), 3);
  enqueue();
  next_catch_up();
  EXPECT_EQ(completed(follow({.endpoint = "billing"})).at("deliveries"), 1);
  EXPECT_EQ(deliveries().size(), 4U);
}

TEST_F(WebhookCatchUpTest, ARecoveryMakesAnewWhatWasGivenUp) {
  enqueue();
  enqueue();
  completed(follow({.endpoint = "billing"}));
  kill(deliveries().front()->id, true);
  next_catch_up();
  EXPECT_EQ(completed(follow({.endpoint = "billing"})).at("deliveries"), 0);
  const auto count =
      count_webhook_recovery(endpoints_, store_.reader(), options_, {.endpoint = "billing"}, kAcme);
  ASSERT_TRUE(count);
  EXPECT_EQ(count->missing, 1U);
  next_catch_up();
  EXPECT_EQ(completed(follow({.endpoint = "billing"}, kRecoveryType)).at("deliveries"), 1);
  EXPECT_THAT(deliveries().back()->spec.tags, ::testing::Contains(kRecoveryTag));
}

TEST_F(WebhookCatchUpTest, ARecoveryKeepsToTheTimesOfItsEvents) {
  std::vector<LogPosition> places = {LogPosition{0}};
  const Timestamp begin = clock_.now().wall;
  for (int i = 0; i < 5; ++i) {
    enqueue();
    places.push_back(store_.last_position());
    clock_.advance(1s);
  }
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(position_before(store_.reader(), begin + i * 1s), places[static_cast<std::size_t>(i)])
        << i;
  }
  EXPECT_EQ(position_before(store_.reader(), begin - 1s), LogPosition{0});
  EXPECT_EQ(position_before(store_.reader(), begin + 60s), places.back());

  const WebhookCatchUp two{
      .endpoint = "billing", .since_time = begin + 1s, .before_time = begin + 3s};
  EXPECT_EQ(completed(follow(two, kRecoveryType)).at("deliveries"), 2);
}

TEST_F(WebhookCatchUpWithoutRoomTest, GoesOnFromItsPlaceAsRoomComesAndOverARestart) {
  for (int i = 0; i < 5; ++i) enqueue();
  EXPECT_EQ(snoozed(follow({.endpoint = "billing"})), kFull);
  EXPECT_EQ(deliveries().size(), 2U);
  ASSERT_TRUE(place());
  // What comes from here on is left to the next one.
  enqueue();
  std::size_t ended = 0;
  for (int attempt = 0; attempt < 2; ++attempt) {
    for (const job::StatePtr& delivery : deliveries()) {
      if (delivery->terminal()) continue;
      kill(delivery->id, true);
      ++ended;
    }
    restart();
    const auto outcome = follow({.endpoint = "billing"});
    if (attempt == 0) {
      EXPECT_EQ(snoozed(outcome), kFull);
    } else {
      EXPECT_EQ(completed(outcome).at("deliveries"), 5);
    }
  }
  EXPECT_EQ(ended, 4U);
  EXPECT_EQ(deliveries().size(), 5U);
  EXPECT_FALSE(place());
}

TEST_F(WebhookCatchUpWithoutRoomTest, KeepsTheOrderOfAJobsEvents) {
  WebhookEndpoint ordered = billing();
  ordered.ordering = WebhookOrdering::kPerJob;
  put(ordered);
  const JobId first = enqueue();
  kill(first);
  const JobId second = enqueue();
  kill(second);
  std::vector<std::string> made;
  for (worker::Outcome outcome = follow({.endpoint = "billing"});;
       outcome = follow({.endpoint = "billing"})) {
    for (const job::StatePtr& delivery : deliveries()) {
      if (delivery->terminal()) continue;
      made.push_back(delivery->spec.unique_key);
      kill(delivery->id, true);
    }
    if (!std::holds_alternative<worker::Snooze>(outcome)) break;
  }
  EXPECT_THAT(made, ::testing::ElementsAre(first.str() + "-1", first.str() + "-2",
                                           second.str() + "-1", second.str() + "-2"));
}

TEST_F(WebhookCatchUpTest, EndsWithTheEndpointThatIsDeleted) {
  enqueue();
  RegisteredWebhook deleted{.endpoint = billing()};
  deleted.revision = 1;
  deleted.gone_at = clock_.now().wall + 1h;
  endpoints_.put(deleted);
  EXPECT_EQ(completed(follow({.endpoint = "billing"})).at("outcome"), "endpoint is deleted");
  EXPECT_TRUE(deliveries().empty());
}

TEST_F(WebhookCatchUpTest, WaitsForTheEndpointThatIsNotInTheSettingsAndKeepsItsPlaceAlive) {
  enqueue();
  endpoints_.erase("billing");
  const char* why = "The endpoint is not in the settings.";
  EXPECT_EQ(snoozed(follow({.endpoint = "billing"})), why);
  ASSERT_TRUE(place());
  const auto expires = place()->expires_at;
  clock_.advance(23h);
  EXPECT_EQ(snoozed(follow({.endpoint = "billing"})), why);
  EXPECT_EQ(place()->expires_at, expires);
  clock_.advance(1h);
  EXPECT_EQ(snoozed(follow({.endpoint = "billing"})), why);
  EXPECT_GT(place()->expires_at, expires);
  put(billing());
  EXPECT_EQ(completed(follow({.endpoint = "billing"})).at("deliveries"), 1);
}

TEST_F(WebhookCatchUpTest, IsGivenUpWhereItsInputSaysNothing) {
  const auto outcome = follow(std::string("{}"));
  const auto* failure = std::get_if<worker::Failure>(&outcome);
  ASSERT_NE(failure, nullptr);
  EXPECT_EQ(failure->kind, worker::FailureKind::kPermanent);
}

}  // namespace
}  // namespace errand::notification
