#include "errand/relay/relay.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/contract/cloud_event.h"
#include "errand/relay/log_page.h"
#include "errand/relay/sender.h"
#include "errand/runtime/lane_test_support.h"
#include "errand/store/conformance/builders.h"
#include "errand/store/memory_store.h"
#include "errand/telemetry/metric_names.h"

namespace errand::relay {
namespace {

namespace asio = boost::asio;
using store::conformance::BatchBuilder;
using std::chrono_literals::operator""ms;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A broker that takes what it is told to take. Outlives its connections.
class FakeBroker {
 public:
  /// Says of each message whether it is taken; by default each is.
  using Rule = std::function<bool(const Message&)>;

  Result<void> connect() {
    const std::lock_guard lock(mutex_);
    ++connects_;
    changed_.notify_all();
    if (away_) return fail(ErrorCode::kUnavailable, "nobody listens");
    return {};
  }
  Published publish(std::span<const Message* const> messages) {
    const std::lock_guard lock(mutex_);
    Published published{.confirmed = std::vector<bool>(messages.size(), false)};
    most_at_once_ = std::max(most_at_once_, messages.size());
    for (std::size_t i = 0; i < messages.size(); ++i) {
      if (away_ || (rule_ && !rule_(*messages[i]))) {
        published.error = {ErrorCode::kUnavailable, "not now"};
        continue;
      }
      taken_.push_back(*messages[i]);
      published.confirmed[i] = true;
    }
    changed_.notify_all();
    return published;
  }
  void rule(Rule rule) {
    const std::lock_guard lock(mutex_);
    rule_ = std::move(rule);
  }
  void away(bool away) {
    const std::lock_guard lock(mutex_);
    away_ = away;
  }
  [[nodiscard]] bool is_away() {
    const std::lock_guard lock(mutex_);
    return away_;
  }
  std::vector<Message> await(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return taken_.size() >= count; });
    return taken_;
  }
  void await_connects(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return connects_ >= count; });
  }
  std::vector<Message> taken() { return await(0); }
  std::size_t most_at_once() {
    const std::lock_guard lock(mutex_);
    return most_at_once_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Message> taken_;
  Rule rule_;
  bool away_ = false;
  int connects_ = 0;
  std::size_t most_at_once_ = 0;
};

class FakePublisher final : public Publisher {
 public:
  explicit FakePublisher(FakeBroker& broker) : broker_(broker) {}
  Result<void> connect(std::stop_token) override {
    auto done = broker_.connect();
    connected_ = done.has_value();
    return done;
  }
  [[nodiscard]] bool connected() const override { return connected_ && !broker_.is_away(); }
  Published publish(std::span<const Message* const> messages, std::stop_token) override {
    return broker_.publish(messages);
  }
  Result<void> keep_alive() override { return {}; }
  void disconnect() override { connected_ = false; }

 private:
  FakeBroker& broker_;
  bool connected_ = false;
};

/// What a StuckPublisher waits for. Outlives the publisher.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    reached_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    left_ = true;
    changed_.notify_all();
  }
  void await_reached() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return reached_; });
  }
  /// Opens it, and waits until the publisher is gone.
  void end() {
    std::unique_lock lock(mutex_);
    open_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return left_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool reached_ = false;
  bool open_ = false;
  bool left_ = false;
};

/// Its library does not come back from publishing, whether it is interrupted or not.
class StuckPublisher final : public Publisher {
 public:
  explicit StuckPublisher(std::shared_ptr<Gate> gate) : gate_(std::move(gate)) {}
  ~StuckPublisher() override { gate_->leave(); }
  Result<void> connect(std::stop_token) override {
    connected_ = true;
    return {};
  }
  [[nodiscard]] bool connected() const override { return connected_; }
  Published publish(std::span<const Message* const> messages, std::stop_token) override {
    gate_->pass();
    return {.confirmed = std::vector<bool>(messages.size(), true)};
  }
  Result<void> keep_alive() override { return {}; }
  void disconnect() override { connected_ = false; }

 private:
  std::shared_ptr<Gate> gate_;
  bool connected_ = false;
};

std::vector<std::string> ids(const std::vector<Message>& messages) {
  std::vector<std::string> list;
  for (const Message& message : messages) list.push_back(message.id);
  return list;
}

Message message(std::uint64_t job, std::uint64_t position) {
  SeededRandom random(job);
  const JobId id{Uuid::v7(Timestamp(1ms), random)};
  return {.id = fmt::format("{}-{}", job, position), .job = id, .position = LogPosition{position}};
}

TEST(Deliver, SendsAJobsNextEventOnceTheOneBeforeIsConfirmed) {
  FakeBroker broker;
  FakePublisher publisher(broker);
  // The first event of job 1 is refused: its second one must not overtake it.
  broker.rule([](const Message& each) { return each.id != "1-1"; });
  auto delivery =
      deliver(publisher, {message(1, 1), message(1, 2), message(2, 3), message(2, 4)}, {});
  EXPECT_THAT(ids(broker.taken()), ElementsAre("2-3"));
  EXPECT_THAT(ids(delivery.left), ElementsAre("1-1", "1-2", "2-4"));
  EXPECT_EQ(delivery.confirmed, 1U);
  ASSERT_TRUE(delivery.error.has_value());
  broker.rule({});
  delivery = deliver(publisher, std::move(delivery.left), {});
  EXPECT_THAT(ids(broker.taken()), ElementsAre("2-3", "1-1", "2-4", "1-2"));
  EXPECT_THAT(delivery.left, IsEmpty());
  EXPECT_FALSE(delivery.error.has_value());
}

TEST(Deliver, EndsWhenItIsStopped) {
  FakeBroker broker;
  FakePublisher publisher(broker);
  std::stop_source stop;
  stop.request_stop();
  const auto delivery = deliver(publisher, {message(1, 1)}, stop.get_token());
  EXPECT_THAT(delivery.left, SizeIs(1));
  EXPECT_THAT(broker.taken(), IsEmpty());
}

class SenderTest : public testing::Test {
 protected:
  void TearDown() override {
    work_.reset();
    thread_.join();
  }
  std::future<Delivery> send(Sender& sender) {
    return asio::co_spawn(context_, sender.send({message(1, 1)}), asio::use_future);
  }

  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::thread thread_{[this] { context_.run(); }};
};

TEST_F(SenderTest, AnswersWhateverItIsGivenAsItStops) {
  FakeBroker broker;
  for (int i = 0; i < 200; ++i) {
    Sender sender(std::make_unique<FakePublisher>(broker), {});
    auto sent = send(sender);
    sender.stop();
    const Delivery delivery = sent.get();
    EXPECT_EQ(delivery.left.size() + delivery.confirmed, 1U);
    EXPECT_FALSE(delivery.unknown);
  }
}

TEST_F(SenderTest, LeavesItsThreadBehindWhenThatDoesNotEnd) {
  const auto gate = std::make_shared<Gate>();
  telemetry::Metrics metrics;
  const auto connected = metrics.gauge(telemetry::kRelayConnected, {"nats.main"});
  {
    Sender sender(std::make_unique<StuckPublisher>(gate), connected, 20ms);
    auto sent = send(sender);
    gate->await_reached();
    sender.stop();
    sender.stop();
    const Delivery delivery = sent.get();
    EXPECT_TRUE(delivery.unknown);
    EXPECT_EQ(delivery.confirmed, 0U);
    ASSERT_TRUE(delivery.error.has_value());
    EXPECT_EQ(delivery.error->message, "The broker did not answer in time.");
    // It is stopped, and says so at once.
    EXPECT_THAT(send(sender).get().left, SizeIs(1));
  }
  EXPECT_THAT(metrics.render(), HasSubstr("errand_relay_connected{relay=\"nats.main\"} 0"));
  gate->end();
}

TEST(Cursor, IsReadAsItWasWritten) {
  const Cursor cursor{
      .position = LogPosition{1'047}, .whole_after = LogPosition{7}, .lineage = "b\"1"};
  EXPECT_EQ(parse_cursor(cursor.to_json()), cursor);
  for (const char* bad : {"", "{}", "[]", R"({"position": -1, "wholeAfter": 0, "lineage": ""})",
                          R"({"position": 1, "lineage": ""})"}) {
    EXPECT_EQ(parse_cursor(bad), std::nullopt) << bad;
  }
}

class LogPage : public testing::Test {
 protected:
  job::StatePtr enqueue(std::string_view tenant, std::string_view type = "exportReport") {
    job::JobSpec spec = BatchBuilder::spec(tenant);
    spec.type = JobTypeName(type);
    return builder_.enqueue(std::move(spec));
  }
  void commit() { ASSERT_TRUE(store_.commit(builder_.take()).has_value()); }
  Page read(PageQuery query) {
    auto page = read_page(store_.reader(), query);
    EXPECT_TRUE(page.has_value());
    return page ? *std::move(page) : Page{};
  }
  /// Deletes every job that has ended.
  void prune() {
    const auto pruned = store_.prune(Timestamp(Milliseconds(4'000'000'000'000)), {});
    ASSERT_TRUE(pruned.has_value());
    ASSERT_GT(pruned->jobs, 0U);
  }
  void end(job::StatePtr job) { builder_.succeed(builder_.start(job)); }

  store::MemoryStore store_;
  BatchBuilder builder_{store_, 1};
};

TEST_F(LogPage, HoldsTheUsersEventsThatPass) {
  enqueue("acme");
  enqueue("bolt");
  enqueue("acme", "errand.webhook.billing");
  enqueue("acme", "importReport");
  commit();
  const Page all = read({});
  EXPECT_THAT(all.messages, SizeIs(3));
  EXPECT_EQ(to_number(all.end), 4U);
  EXPECT_EQ(all.missing, 0U);
  EXPECT_EQ(all.messages[0].topic, "acme.exportReport.enqueued");
  EXPECT_THAT(all.messages[0].body, HasSubstr(all.messages[0].id));
  const Page some =
      read({.filter = {.tenants = {TenantId("acme")}, .job_types = {JobTypeName("importReport")}}});
  ASSERT_THAT(some.messages, SizeIs(1));
  EXPECT_EQ(some.messages[0].topic, "acme.importReport.enqueued");
  EXPECT_EQ(to_number(some.end), 4U);
  EXPECT_THAT(read({.filter = {.types = {"dev.errand.job.failed"}}}).messages, IsEmpty());
}

TEST_F(LogPage, EndsAtItsBounds) {
  for (int i = 0; i < 10; ++i) enqueue("acme");
  commit();
  const Page few = read({.after = LogPosition{2}, .events_max = 3});
  EXPECT_THAT(few.messages, SizeIs(3));
  EXPECT_EQ(to_number(few.end), 5U);
  EXPECT_EQ(to_number(few.last), 10U);
  const Page light = read({.bytes_max = 1});
  EXPECT_THAT(light.messages, SizeIs(1));
  EXPECT_EQ(to_number(light.end), 1U);
}

TEST_F(LogPage, CountsWhatWasDeletedUnread) {
  const auto first = enqueue("acme");   // 1
  enqueue("acme");                      // 2
  const auto second = enqueue("bolt");  // 3
  end(first);                           // 4, 5 at least
  end(second);
  commit();
  const auto last = store_.last_position();
  prune();
  const Page page = read({});
  EXPECT_THAT(page.messages, SizeIs(1));
  EXPECT_EQ(page.end, last);
  EXPECT_EQ(page.missing, to_number(last) - 1);
  EXPECT_EQ(read({.whole_after = last}).missing, 0U);
  EXPECT_EQ(read({.after = page.end}).missing, 0U);
  // Of another tenant nothing was deleted.
  EXPECT_EQ(read({.filter = {.tenants = {TenantId("other")}}}).missing, 0U);
  EXPECT_GT(read({.filter = {.tenants = {TenantId("bolt")}}}).missing, 0U);
}

/// A relay on a lane, with threads of their own.
class RelayTest : public testing::Test {
 protected:
  void SetUp() override { start_lane(); }
  void TearDown() override {
    if (relay_) stop();
    lane_->stop();
    pool_.stop();
    work_.reset();
    context_.stop();
    thread_.join();
    relay_.reset();
  }
  void start_lane() {
    lane_.emplace(runtime::Lane::Options{}, store_, bus_, clock_, random_,
                  runtime::Lane::Actions{});
    ASSERT_TRUE(lane_->start().has_value());
  }
  /// As a process that dies: nothing is written any more.
  void crash() {
    lane_->stop();
    stop();
    relay_.reset();
    start_lane();
  }
  void stop() {
    relay_->stop();
    if (ended_.valid()) ended_.get();
  }
  /// @param publisher  nullptr: one of `broker_`
  void start(Relay::Options options = {.from = StartFrom::kBeginning},
             std::unique_ptr<Publisher> publisher = nullptr) {
    if (!publisher) publisher = std::make_unique<FakePublisher>(broker_);
    options.name = "nats.main";
    options.wait_first = 1ms;
    options.wait_longest = 2ms;
    relay_ = std::make_unique<Relay>(std::move(options),
                                     Relay::Means{.lane = runtime::LaneClient(*lane_),
                                                  .reader = store_.reader(),
                                                  .pool = pool_,
                                                  .bus = bus_,
                                                  .random = random_,
                                                  .metrics = metrics_},
                                     std::move(publisher), context_.get_executor(), log());
    ended_ = asio::co_spawn(relay_->strand(), relay_->run(), asio::use_future);
  }
  telemetry::Log log() {
    return telemetry::Log::to_sink(telemetry::LogLevel::kDebug, telemetry::LogFormat::kText,
                                   [this](std::string_view line) {
                                     const std::lock_guard lock(mutex_);
                                     log_ += line;
                                     log_ += '\n';
                                   });
  }
  std::string logged() {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  void enqueue(std::uint64_t number) {
    ASSERT_NE(runtime::state_of(runtime::ask(*lane_, runtime::enqueue(number))), nullptr);
  }
  std::optional<Cursor> cursor() {
    const auto record = store_.reader().record(cursor_id("nats.main"));
    if (!record || !*record) return std::nullopt;
    return parse_cursor((*record)->text);
  }

  std::mutex mutex_;
  std::string log_;
  store::MemoryStore store_;
  runtime::EventBus bus_;
  runtime::TestClock clock_;
  SystemRandom random_;
  telemetry::Metrics metrics_;
  FakeBroker broker_;
  asio::io_context context_;
  async::BlockingPool pool_{{.threads = 2}};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::thread thread_{[this] { context_.run(); }};
  std::optional<runtime::Lane> lane_;
  std::unique_ptr<Relay> relay_;
  std::future<void> ended_;
};

TEST_F(RelayTest, PublishesWhatWasThereAndWhatComesInTheLogsOrder) {
  for (std::uint64_t i = 1; i <= 5; ++i) enqueue(i);
  start();
  broker_.await(5);
  for (std::uint64_t i = 6; i <= 8; ++i) enqueue(i);
  const auto taken = broker_.await(8);
  EXPECT_TRUE(std::ranges::is_sorted(taken, {}, &Message::position));
  stop();
  ASSERT_TRUE(cursor().has_value());
  EXPECT_EQ(cursor()->position, store_.last_position());
}

TEST_F(RelayTest, BeginsWithWhatHappensAfterItWasMade) {
  enqueue(1);
  start({.from = StartFrom::kNow, .now = store_.last_position()});
  enqueue(2);
  const auto taken = broker_.await(1);
  EXPECT_THAT(taken, SizeIs(1));
  EXPECT_EQ(to_number(taken[0].position), 2U);
}

TEST_F(RelayTest, BeginsWithTheOldestEventWhenItsCursorCannotBeRead) {
  enqueue(1);
  engine::WriteRecords broken;
  broken.changes.push_back({.id = cursor_id("nats.main"), .text = "{}"});
  ASSERT_TRUE(runtime::ask(*lane_, std::move(broken)).get().has_value());
  start({.from = StartFrom::kNow, .now = store_.last_position()});
  const auto taken = broker_.await(1);
  EXPECT_EQ(to_number(taken[0].position), 1U);
  EXPECT_THAT(logged(), HasSubstr("the cursor of a relay cannot be read"));
}

TEST_F(RelayTest, BeginsOnceItsFirstCursorIsWritten) {
  store_.fail_next_commit(store::MemoryStore::Fault::kRefuse);
  start({.from = StartFrom::kNow, .now = store_.last_position()});
  broker_.await_connects(1);
  EXPECT_TRUE(cursor().has_value());
  EXPECT_THAT(logged(), HasSubstr("relay could not write its cursor"));
}

TEST_F(RelayTest, GoesOnWhereItStopped) {
  enqueue(1);
  start();
  broker_.await(1);
  stop();
  enqueue(2);
  start();
  const auto taken = broker_.await(2);
  EXPECT_THAT(taken, SizeIs(2));
  EXPECT_EQ(to_number(taken[1].position), 2U);
}

TEST_F(RelayTest, LosesNothingWhileTheBrokerIsAway) {
  broker_.away(true);
  start({.from = StartFrom::kBeginning, .window = 10});
  for (std::uint64_t i = 1; i <= 100; ++i) enqueue(i);
  broker_.await_connects(3);
  EXPECT_THAT(broker_.taken(), IsEmpty());
  broker_.away(false);
  const auto taken = broker_.await(100);
  stop();
  EXPECT_THAT(taken, SizeIs(100));
  EXPECT_TRUE(std::ranges::is_sorted(taken, {}, &Message::position));
  EXPECT_LE(broker_.most_at_once(), 10U);  // however much waits
  EXPECT_THAT(logged(), HasSubstr("relay could not publish"));
  EXPECT_THAT(logged(), HasSubstr("relay goes on"));
  EXPECT_EQ(metrics_.render().find("errand_relay_published_total{relay=\"nats.main\"} 100") ==
                std::string::npos,
            false);
}

TEST_F(RelayTest, PublishesAgainWhatWasConfirmedBeforeACrashButNotWritten) {
  start();
  enqueue(1);
  broker_.await(1);
  stop();
  ASSERT_EQ(to_number(cursor()->position), 1U);
  relay_.reset();
  // The process dies between the broker's confirmation and the commit of the cursor.
  enqueue(2);
  broker_.rule([this](const Message&) {
    lane_->stop();
    return true;
  });
  start();
  broker_.await(2);
  crash();
  EXPECT_EQ(to_number(cursor()->position), 1U);
  broker_.rule({});
  start();
  const auto taken = broker_.await(3);
  EXPECT_EQ(taken[1].id, taken[2].id);
  EXPECT_EQ(taken[1].body, taken[2].body);
}

TEST_F(RelayTest, SaysWhatWasDeletedBeforeItWasRelayed) {
  start();
  enqueue(1);
  broker_.await(1);
  stop();
  relay_.reset();
  lane_->stop();
  {
    BatchBuilder builder(store_, 99);
    builder.succeed(builder.start(builder.enqueue(BatchBuilder::spec())));
    ASSERT_TRUE(store_.commit(builder.take()).has_value());
    ASSERT_TRUE(store_.prune(Timestamp(Milliseconds(4'000'000'000'000)), {}).has_value());
  }
  start_lane();
  enqueue(2);
  start();
  const auto taken = broker_.await(2);
  EXPECT_THAT(taken, SizeIs(2));  // what is there still comes
  stop();
  EXPECT_THAT(logged(), HasSubstr("events were deleted before they were relayed"));
  EXPECT_THAT(logged(), HasSubstr("positions=3"));
  EXPECT_THAT(metrics_.render(), HasSubstr("errand_relay_missed_total{relay=\"nats.main\"} 3"));
}

TEST_F(RelayTest, NoticesARestoredBackup) {
  start();
  enqueue(1);
  broker_.await(1);
  stop();
  relay_.reset();
  start({.from = StartFrom::kBeginning, .lineage = "restored"});
  enqueue(2);
  broker_.await(2);
  stop();
  EXPECT_EQ(cursor()->lineage, "restored");
  EXPECT_THAT(logged(), HasSubstr("the store is a backup"));
}

TEST_F(RelayTest, StopsWhileTheBrokerIsAway) {
  broker_.away(true);
  start();
  enqueue(1);
  broker_.await_connects(2);
  stop();
  EXPECT_THAT(broker_.taken(), IsEmpty());
}

TEST_F(RelayTest, StopsThoughTheBrokersLibraryDoesNot) {
  const auto gate = std::make_shared<Gate>();
  enqueue(1);
  start({.from = StartFrom::kBeginning, .stop_wait = 20ms}, std::make_unique<StuckPublisher>(gate));
  gate->await_reached();
  stop();
  relay_.reset();
  gate->end();
  // Whether it was taken is not known: it comes again.
  ASSERT_TRUE(cursor().has_value());
  EXPECT_EQ(to_number(cursor()->position), 0U);
  EXPECT_THAT(logged(), HasSubstr("its thread is left behind"));
  start();
  EXPECT_THAT(broker_.await(1), SizeIs(1));
}

}  // namespace
}  // namespace errand::relay
