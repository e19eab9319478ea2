// From a milestone to what a channel is given: the reactor and the handlers on a lane and a store
// in memory.

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/base/time_text.h"
#include "errand/contract/contract.h"
#include "errand/crypto/sealer.h"
#include "errand/json/parse.h"
#include "errand/notification/digest_handler.h"
#include "errand/notification/message_handler.h"
#include "errand/notification/notice_handler.h"
#include "errand/notification/notification_reactor.h"
#include "errand/notification/template_set.h"
#include "errand/notification/user_book.h"
#include "errand/runtime/lane_client.h"
#include "errand/runtime/lane_test_support.h"
#include "errand/worker/gateway.h"
#include "errand/worker/gateway_test_support.h"

namespace errand::notification {
namespace {

namespace asio = boost::asio;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""h;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

/// Keeps what it is given.
class FakeChannel final : public Channel {
 public:
  asio::awaitable<SendOutcome> send(const Message& message, Milliseconds,
                                    std::stop_token) override {
    const std::lock_guard lock(mutex_);
    messages_.push_back(message);
    if (failures_ > 0) {
      --failures_;
      co_return std::unexpected(worker::Failure{
          .kind = worker::FailureKind::kTransient, .code = "BUSY", .message = "busy"});
    }
    co_return Sent{.provider = "fake", .reference = "<" + message.id + ">"};
  }
  [[nodiscard]] std::vector<Message> messages() const {
    const std::lock_guard lock(mutex_);
    return messages_;
  }
  void fail_next(int times) {
    const std::lock_guard lock(mutex_);
    failures_ = times;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Message> messages_;
  int failures_ = 0;
};

/// Does the user's jobs: fails as often as it is told, then succeeds.
class Work final : public worker::Handler {
 public:
  asio::awaitable<worker::Outcome> run(worker::AttemptPtr attempt) override {
    attempt->progress({.completed = 6, .total = 10, .stage = {}, .message = {}});
    if (attempt->offer().attempt <= failures) {
      co_return worker::Failure{
          .kind = permanent ? worker::FailureKind::kPermanent : worker::FailureKind::kTransient,
          .code = "NO",
          .message = "no\r\nBcc: x@example.org"};
    }
    co_return worker::Complete{.result = {{"n", 7}}};
  }

  std::atomic<int> failures = 0;
  std::atomic<bool> permanent = false;
};

class NotificationHandlersTest : public testing::Test {
 protected:
  NotificationHandlersTest() : key_(crypto::MasterKey::generate(random_)), doors_({}) {}

  void TearDown() override {
    if (!lane_) return;
    gateway_->drain(0ms);
    asio::co_spawn(threads_.context(), gateway_->stop(std::chrono::steady_clock::now()),
                   asio::use_future)
        .get();
    lane_->stop();
    pool_.stop();
    threads_.join();
  }

  /// @param notify  directives of the mutation
  void start(const std::string& notify, Categories categories = {}) {
    const graphql::language::Source source{
        .body =
            "type N { n: Int! }\n"
            "type Mutation { work(email: String, secret: String @sensitive): N!\n"
            "  @job(maxAttempts: 3, backoff: {interval: \"1ms\"}) " +
            notify + " }",
        .name = "schema.graphql"};
    auto contract = contract::Contract::build({&source, 1}, {.refuse_unsupported = false});
    ASSERT_TRUE(contract) << to_string(contract.error().front());
    contract_ = *contract;
    groups_["ops"] = {.emails = {"ops@example.org"}, .subjects = {SubjectId("user:otto")}};
    auto policies = NotificationPolicies::create(*contract_, {}, groups_);
    ASSERT_TRUE(policies) << policies.error().message;
    policies_ = *std::move(policies);
    templates_ = std::make_unique<TemplateSet>(*TemplateSet::load(""));
    links_ = std::make_unique<UnsubscribeLinks>(
        "https://errand.example", crypto::Sealer(key_, std::string(kUnsubscribeLabel), random_));
    for (const NotifyChannel kind : contract::kNotifyChannels) {
      channels_[kind] = fakes_[kind] = std::make_shared<FakeChannel>();
    }
    gateway_ = std::make_unique<worker::Gateway>(worker::Gateway::Options{},
                                                 worker::Gateway::Parts{.authenticator = doors_,
                                                                        .master_key = key_,
                                                                        .types = types_,
                                                                        .reader = store_.reader(),
                                                                        .pool = pool_,
                                                                        .random = random_,
                                                                        .log = telemetry::Log(),
                                                                        .metrics = &metrics_});
    const auto payload_key = key_.hmac_key(crypto::kPayloadDigestLabel);
    reactor_ =
        std::make_unique<NotificationReactor>(policies_, payload_key, telemetry::Log(), metrics_);
    runtime::Lane::Options options;
    options.engine.reactor = reactor_.get();
    lane_ = std::make_unique<runtime::Lane>(
        options, store_, bus_, clock_, random_,
        [this](std::vector<engine::Action> actions) { gateway_->deliver(std::move(actions)); });
    ASSERT_TRUE(lane_->start());
    gateway_->attach(*lane_);
    const runtime::LaneClient client(*lane_);
    categories_ = std::move(categories);
    work_ = std::make_shared<Work>();
    host("work", work_);
    host(kNoticeType,
         std::make_shared<NoticeHandler>(NoticeHandler::Means{.policies = policies_,
                                                              .groups = groups_,
                                                              .categories = categories_,
                                                              .users = users_,
                                                              .reader = store_.reader(),
                                                              .pool = pool_,
                                                              .lane = client,
                                                              .payload_key = payload_key,
                                                              .clock = clock_,
                                                              .random = random_}));
    const auto messages = std::make_shared<MessageHandler>(
        MessageHandler::Options{.categories = categories_, .link = "https://app/{id}"},
        MessageHandler::Means{.contract = *contract_,
                              .policies = policies_,
                              .groups = groups_,
                              .templates = *templates_,
                              .channels = channels_,
                              .links = *links_,
                              .users = users_,
                              .reader = store_.reader(),
                              .pool = pool_,
                              .lane = client,
                              .payload_key = payload_key,
                              .clock = clock_,
                              .random = random_,
                              .metrics = metrics_});
    for (const NotifyChannel kind : contract::kNotifyChannels) host(message_type(kind), messages);
    host(kDigestType,
         std::make_shared<DigestHandler>(DigestHandler::Means{.channels = channels_,
                                                              .links = *links_,
                                                              .users = users_,
                                                              .reader = store_.reader(),
                                                              .pool = pool_,
                                                              .lane = client,
                                                              .payload_key = payload_key,
                                                              .clock = clock_,
                                                              .random = random_}));
  }

  void host(std::string_view type, std::shared_ptr<worker::Handler> handler) {
    types_.hosted_types.insert(JobTypeName(type));
    gateway_->host(threads_.context().get_executor(), {.name = std::string(type),
                                                       .types = {JobTypeName(type)},
                                                       .slots = 4,
                                                       .handler = std::move(handler)});
  }

  JobId submit(const std::string& arguments = R"({"email":"ann@example.org"})") {
    job::JobSpec spec;
    spec.tenant = TenantId("acme");
    spec.subject = SubjectId("user:anna");
    spec.type = JobTypeName("work");
    spec.queue = QueueName("work");
    spec.retry = {.max_attempts = 3, .initial_interval = 1ms, .max_interval = 1ms};
    spec.input = {.digest = key_.hmac_key(crypto::kPayloadDigestLabel).sign(arguments),
                  .size_bytes = arguments.size()};
    const JobId id{Uuid::v7(clock_.now().wall, random_)};
    const auto reply = ask(engine::EnqueueJob{.id = id,
                                              .spec = spec,
                                              .input = arguments,
                                              .correlation_id = "corr-1",
                                              .key = std::nullopt,
                                              .contract = nullptr});
    EXPECT_TRUE(reply) << reply.error().message;
    return id;
  }

  Result<engine::Reply> ask(engine::Request request) {
    return runtime::ask(*lane_, std::move(request)).get();
  }

  void want(const std::string& user, const Preferences& preferences) {
    ASSERT_TRUE(check_preferences(preferences));
    const auto kept = users_.preferences(TenantId("acme"), user);
    ASSERT_TRUE(kept);
    ASSERT_TRUE(ask(engine::WriteRecords{
        .changes = {UserBook::write(TenantId("acme"), user,
                                    {.value = preferences, .revision = kept->revision})}}));
  }
  void reach(const std::string& user, const std::string& address) {
    ASSERT_TRUE(ask(engine::WriteRecords{
        .changes = {UserBook::write(TenantId("acme"), user,
                                    {.value = {.address = address}, .revision = 0})}}));
  }

  std::vector<job::StatePtr> internal_jobs(std::string_view type = {}) {
    store::JobFilter filter{.tenant = TenantId("acme"), .kind = job::JobKind::kInternal};
    if (!type.empty()) filter.types = {JobTypeName(type)};
    auto jobs =
        *store_.reader().jobs(filter, {.order = store::JobOrder::kOldestFirst, .limit = 500});
    return jobs;
  }

  static bool at_rest(const job::JobState& state) {
    return state.terminal() || (state.status == job::JobStatus::kScheduled);
  }
  /// Waits until the user's job has ended and each job of the server's has ended or is put off. The
  /// clock goes on to when a job between its attempts is due, and no further: attempts that run
  /// would lose their leases.
  void settle(const JobId& id) {
    while (true) {
      // The user's first: what its end causes is committed with it, and so is in the other list.
      const auto users = *store_.reader().job(id);
      auto jobs = internal_jobs();
      jobs.push_back(users);
      if (jobs.back()->terminal() &&
          std::ranges::all_of(jobs, [](const auto& job) { return at_rest(*job); })) {
        return;
      }
      for (const auto& job : jobs) {
        if (job->status != job::JobStatus::kRetrying) continue;
        pass(std::max(*job->due_at - clock_.now().wall, Milliseconds(1)));
      }
      std::this_thread::yield();
    }
  }
  void pass(Milliseconds by) {
    clock_.advance(by);
    (void)ask(engine::ListQueues{});
  }

  boost::json::object result_of(const job::JobState& job) {
    const auto payload = *store_.reader().payload(job.id, store::PayloadKind::kResult);
    return payload ? json::parse(payload->bytes)->as_object() : boost::json::object();
  }
  /// "outcome reason" of each message of that channel.
  std::vector<std::string> outcomes(NotifyChannel channel) {
    std::vector<std::string> all;
    for (const auto& job : internal_jobs(message_type(channel))) {
      const auto result = result_of(*job);
      std::string text(to_string(job->status));
      if (const auto* outcome = result.if_contains("outcome")) text = outcome->as_string();
      if (const auto* reason = result.if_contains("reason")) {
        text += " " + std::string(reason->as_string());
      }
      all.push_back(text);
    }
    return all;
  }
  /// Of the last event that put the job off.
  std::string snoozed_why(const JobId& id) {
    std::string why;
    for (const auto& event : *store_.reader().events_of(id, Sequence{0}, 100)) {
      if (const auto* snoozed = std::get_if<job::Snoozed>(&event.data)) why = snoozed->reason;
    }
    return why;
  }
  std::vector<std::string> titles(NotifyChannel channel) {
    std::vector<std::string> all;
    for (const Message& message : fakes_.at(channel)->messages()) all.push_back(message.title);
    return all;
  }

  runtime::TestClock clock_;
  SystemRandom random_;
  crypto::MasterKey key_;
  auth::Authenticator doors_;
  worker::Types types_;
  telemetry::Metrics metrics_;
  store::MemoryStore store_;
  runtime::EventBus bus_;
  async::BlockingPool pool_{{.threads = 2}};
  net::TestThreads threads_;
  std::shared_ptr<const contract::Contract> contract_;
  NotificationGroups groups_;
  NotificationPolicies policies_;
  Categories categories_;
  std::unique_ptr<TemplateSet> templates_;
  std::unique_ptr<UnsubscribeLinks> links_;
  UserBook users_{store_.reader()};
  Channels channels_;
  std::map<NotifyChannel, std::shared_ptr<FakeChannel>> fakes_;
  std::shared_ptr<Work> work_;
  std::unique_ptr<worker::Gateway> gateway_;
  std::unique_ptr<NotificationReactor> reactor_;
  std::unique_ptr<runtime::Lane> lane_;
};

/// Under which the preferences of a recipient without a subject are kept.
const std::string kAnn = UserBook::user_of({.address = "ann@example.org"});
constexpr auto kMail = NotifyChannel::kEmail;
constexpr auto kInbox = NotifyChannel::kInApp;

TEST_F(NotificationHandlersTest, TellsOfEachMilestoneOnceWhateverIsRetried) {
  start(
      "@notify(on: [ENQUEUED, STARTED, PROGRESS, SUCCEEDED], channels: [EMAIL], to: [\"email\"])");
  work_->failures = 2;
  settle(submit());
  EXPECT_THAT(titles(kMail), UnorderedElementsAre("work was accepted", "work has started",
                                                  "work: 60 % done", "work is done"));
}

TEST_F(NotificationHandlersTest, SendsOneMessageForTwoPoliciesWithOneRecipient) {
  start(
      "@notify(on: [SUCCEEDED], channels: [EMAIL], to: [\"email\", \"group:ops\"])"
      "@notify(on: [SUCCEEDED], channels: [EMAIL], to: [\"email\"], category: \"other\")");
  settle(submit());
  std::set<std::string> addresses;
  for (const Message& message : fakes_[kMail]->messages()) {
    addresses.insert(message.recipient.address);
  }
  // The subject of the group has no address, which is said; the two others get one each.
  EXPECT_THAT(addresses, ElementsAre("ann@example.org", "ops@example.org"));
  EXPECT_EQ(fakes_[kMail]->messages().size(), 2U);
  EXPECT_THAT(outcomes(kMail), UnorderedElementsAre("SENT", "SENT", "SUPPRESSED NO_RECIPIENT"));
}

TEST_F(NotificationHandlersTest, AMandatoryPolicyDecidesWhoeverWasFirst) {
  start(
      "@notify(on: [SUCCEEDED], channels: [EMAIL], to: [\"email\"], category: \"news\")"
      "@notify(on: [SUCCEEDED], channels: [EMAIL], to: [\"email\"], category: \"law\", mandatory: "
      "true)");
  want(kAnn, {.choices = {{.channel = kMail, .enabled = false}}});
  for (int i = 0; i < 20; ++i) settle(submit());
  EXPECT_EQ(fakes_[kMail]->messages().size(), 20U);
  for (const Message& message : fakes_[kMail]->messages()) {
    EXPECT_EQ(message.category, "law");
    EXPECT_EQ(message.unsubscribe_url, "");
  }
}

TEST_F(NotificationHandlersTest, SuppressesWhatIsNotWantedAndSaysWhy) {
  start("@notify(on: [SUCCEEDED], channels: [EMAIL, IN_APP], category: \"news\")");
  reach("user:anna", "anna@example.org");
  want("user:anna", {.choices = {{.category = "news", .channel = kMail, .enabled = false}}});
  settle(submit());
  EXPECT_THAT(outcomes(kMail), ElementsAre("SUPPRESSED OPTED_OUT"));
  EXPECT_THAT(outcomes(kInbox), ElementsAre("SENT"));
  EXPECT_TRUE(fakes_[kMail]->messages().empty());
}

TEST_F(NotificationHandlersTest, RefusesRecipientsThatAreNoAddresses) {
  start("@notify(on: [SUCCEEDED], channels: [EMAIL], to: [\"email\"])");
  for (const char* bad : {"a@b\\r\\nBcc: c@example.org", "a@@example.org", "@example.org",
                          "a b@example.org", "a@exa mple.org"}) {
    settle(submit(R"({"email":")" + std::string(bad) + "\"}"));
  }
  settle(submit(R"({"email":"nobody"})"));
  EXPECT_TRUE(fakes_[kMail]->messages().empty());
  EXPECT_THAT(outcomes(kMail),
              UnorderedElementsAre("SUPPRESSED BAD_ADDRESS", "SUPPRESSED BAD_ADDRESS",
                                   "SUPPRESSED BAD_ADDRESS", "SUPPRESSED BAD_ADDRESS",
                                   "SUPPRESSED BAD_ADDRESS", "SUPPRESSED NO_RECIPIENT"));
}

TEST_F(NotificationHandlersTest, LetsNoValueOfAFailureBeginAHeader) {
  start("@notify(on: [FAILED], channels: [EMAIL], to: [\"email\"])");
  work_->failures = 3;
  work_->permanent = true;
  settle(submit());
  const auto messages = fakes_[kMail]->messages();
  ASSERT_EQ(messages.size(), 1U);
  for (const char c : messages.front().title) {
    EXPECT_GE(static_cast<unsigned char>(c), 0x20);
  }
}

TEST_F(NotificationHandlersTest, HoldsInQuietHoursWithTheReasonInItsHistory) {
  start("@notify(on: [SUCCEEDED], channels: [EMAIL, IN_APP], category: \"news\")");
  reach("user:anna", "anna@example.org");
  // From now on for an hour, in UTC.
  const auto minutes = static_cast<std::uint16_t>(
      std::chrono::floor<std::chrono::minutes>(clock_.now().wall).time_since_epoch().count() %
      1'440);
  const auto to = static_cast<std::uint16_t>((minutes + 60) % 1'440);
  want("user:anna", {.quiet = {.zone = "UTC", .windows = {{.from = minutes, .to = to}}}});
  settle(submit());
  ASSERT_EQ(internal_jobs(message_type(kMail)).size(), 1U);
  const auto held = internal_jobs(message_type(kMail)).front();
  EXPECT_EQ(held->status, job::JobStatus::kScheduled);
  EXPECT_EQ(snoozed_why(held->id), "QUIET_HOURS");
  EXPECT_THAT(outcomes(kInbox), ElementsAre("SENT"));
  EXPECT_TRUE(fakes_[kMail]->messages().empty());

  pass(61min);
  while (fakes_[kMail]->messages().empty()) pass(10ms);
  EXPECT_EQ(fakes_[kMail]->messages().front().id, held->id.str());
}

TEST_F(NotificationHandlersTest, KeepsAMessagesIdOverItsAttempts) {
  start("@notify(on: [SUCCEEDED], channels: [EMAIL], to: [\"email\"])");
  fakes_[kMail]->fail_next(2);
  const JobId id = submit();
  settle(id);
  const auto messages = fakes_[kMail]->messages();
  ASSERT_EQ(messages.size(), 3U);
  for (const Message& message : messages) {
    EXPECT_EQ(message.id, messages.front().id);
    EXPECT_EQ(message.title, messages.front().title);
    EXPECT_EQ(message.time, messages.front().time);
  }
  EXPECT_THAT(outcomes(kMail), ElementsAre("SENT"));
}

TEST_F(NotificationHandlersTest, GathersForADigestThatHoldsEachMessageOnce) {
  start("@notify(on: [SUCCEEDED], channels: [EMAIL], to: [\"email\"], category: \"news\")",
        {{"news", {.digest = 1h}}});
  for (int i = 0; i < 3; ++i) settle(submit());
  EXPECT_THAT(outcomes(kMail),
              ElementsAre("GATHERED DIGEST", "GATHERED DIGEST", "GATHERED DIGEST"));
  ASSERT_TRUE(fakes_[kMail]->messages().empty());
  pass(61min);
  while (fakes_[kMail]->messages().empty()) pass(10ms);
  EXPECT_THAT(titles(kMail), ElementsAre("3 notifications: news"));

  // The next window begins anew.
  settle(submit());
  pass(61min);
  while (fakes_[kMail]->messages().size() < 2) pass(10ms);
  EXPECT_EQ(titles(kMail).back(), "1 notifications: news");
}

TEST_F(NotificationHandlersTest, ADigestTakesWhatItsWindowCameTooLateFor) {
  start("@notify(on: [SUCCEEDED], channels: [EMAIL], to: [\"email\"], category: \"news\")",
        {{"news", {.digest = 1h}}});
  const auto payload_key = key_.hmac_key(crypto::kPayloadDigestLabel);
  settle(submit());
  // A record of the same recipient and category whose own digest has been, as after a crash.
  const Digest past{.channel = kMail,
                    .recipient = {.tenant = TenantId("acme"), .address = "ann@example.org"},
                    .category = "news",
                    .until = clock_.now().wall - 1h};
  const Message late{
      .id = "late", .recipient = past.recipient, .category = "news", .title = "Late"};
  ASSERT_TRUE(ask(engine::WriteRecords{.changes = gathered(past, late, payload_key)}));
  pass(61min);
  while (fakes_[kMail]->messages().empty()) pass(10ms);
  EXPECT_THAT(titles(kMail), ElementsAre("2 notifications: news"));
  EXPECT_THAT(fakes_[kMail]->messages().front().text, testing::HasSubstr("Late"));
  // Sent or not, it is not gathered a second time.
  const auto again = ask(engine::WriteRecords{.changes = gathered(past, late, payload_key)});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);
}

TEST_F(NotificationHandlersTest, SendsNoDigestToWhoHasUnsubscribedMeanwhile) {
  start("@notify(on: [SUCCEEDED], channels: [EMAIL], to: [\"email\"], category: \"news\")",
        {{"news", {.digest = 1h}}});
  settle(submit());
  want(kAnn, {.choices = {{.category = "news", .channel = kMail, .enabled = false}}});
  pass(61min);
  while (!internal_jobs(kDigestType).front()->terminal()) pass(10ms);
  EXPECT_TRUE(fakes_[kMail]->messages().empty());
  const auto result = result_of(*internal_jobs(kDigestType).front());
  EXPECT_EQ(result.at("reason").as_string(), "OPTED_OUT");
  EXPECT_EQ(result.at("messages").as_int64(), 1);
}

TEST_F(NotificationHandlersTest, ADigestsRetriesHoldTheSameUnderTheSameId) {
  start("@notify(on: [SUCCEEDED], channels: [EMAIL], to: [\"email\"], category: \"news\")",
        {{"news", {.digest = 1h}}});
  const JobId id = submit();
  settle(id);
  fakes_[kMail]->fail_next(1);
  pass(61min);
  while (fakes_[kMail]->messages().empty()) pass(10ms);
  settle(id);
  const auto both = fakes_[kMail]->messages();
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].id, both[1].id);
  EXPECT_EQ(both[0].title, both[1].title);
  EXPECT_EQ(both[0].time, both[1].time);
}

TEST_F(NotificationHandlersTest, ADigestsRetryLeavesWhatCameMeanwhileToTheNextOne) {
  start("@notify(on: [SUCCEEDED], channels: [EMAIL], to: [\"email\"], category: \"news\")",
        {{"news", {.digest = 1h}}});
  settle(submit());
  fakes_[kMail]->fail_next(1);
  pass(61min);
  while (fakes_[kMail]->messages().empty()) pass(10ms);
  // As if it had been gathered while the first transmission was under way.
  const Digest same{.channel = kMail,
                    .recipient = {.tenant = TenantId("acme"), .address = "ann@example.org"},
                    .category = "news",
                    .until = clock_.now().wall};
  const Message late{
      .id = "late", .recipient = same.recipient, .category = "news", .title = "Late"};
  ASSERT_TRUE(ask(engine::WriteRecords{
      .changes = gathered(same, late, key_.hmac_key(crypto::kPayloadDigestLabel))}));
  // To when the next digest is due, and no further while one is sent: it would lose its lease.
  while (fakes_[kMail]->messages().size() < 3) {
    std::optional<Timestamp> due;
    for (const auto& digest : internal_jobs(kDigestType)) {
      if (digest->terminal()) continue;
      if (!digest->due_at) {
        due.reset();
        break;
      }
      due = std::min(due.value_or(*digest->due_at), *digest->due_at);
    }
    if (due) pass(std::max(*due - clock_.now().wall, Milliseconds(1)));
    std::this_thread::yield();
  }
  const auto all = fakes_[kMail]->messages();
  EXPECT_EQ(all[0].id, all[1].id);
  EXPECT_EQ(all[0].title, all[1].title);
  EXPECT_NE(all[1].id, all[2].id);
  EXPECT_THAT(all[2].text, testing::HasSubstr("Late"));
}

TEST_F(NotificationHandlersTest, ADigestGoesToTheAddressThatHoldsWhenItIsSent) {
  start("@notify(on: [SUCCEEDED], channels: [EMAIL], category: \"news\")",
        {{"news", {.digest = 1h}}});
  reach("user:anna", "wrong@example.org");
  settle(submit());
  const auto kept = *users_.contact(TenantId("acme"), "user:anna");
  ASSERT_TRUE(ask(engine::WriteRecords{
      .changes = {UserBook::write(TenantId("acme"), "user:anna",
                                  UserBook::Kept<Contact>{.value = {.address = "anna@example.org"},
                                                          .revision = kept.revision})}}));
  pass(61min);
  while (fakes_[kMail]->messages().empty()) pass(10ms);
  EXPECT_EQ(fakes_[kMail]->messages().front().recipient.address, "anna@example.org");
}

TEST_F(NotificationHandlersTest, AnotherPolicysWantedCategoryIsNotLostToAnUnwantedOne) {
  start(
      "@notify(on: [SUCCEEDED], channels: [EMAIL], to: [\"email\"], category: \"news\")"
      "@notify(on: [SUCCEEDED], channels: [EMAIL], to: [\"email\"], category: \"work\")");
  want(kAnn, {.choices = {{.category = "news", .enabled = false}}});
  for (int i = 0; i < 20; ++i) settle(submit());
  ASSERT_EQ(fakes_[kMail]->messages().size(), 20U);
  for (const Message& message : fakes_[kMail]->messages()) EXPECT_EQ(message.category, "work");
}

TEST_F(NotificationHandlersTest, OneAddressIsOneRecipientHoweverItIsWritten) {
  start("@notify(on: [SUCCEEDED], channels: [EMAIL], to: [\"email\"], category: \"news\")");
  want(kAnn, {.choices = {{.category = "news", .channel = kMail, .enabled = false}}});
  settle(submit(R"({"email":"ann@Example.ORG"})"));
  EXPECT_THAT(outcomes(kMail), ElementsAre("SUPPRESSED OPTED_OUT"));
}

TEST(Audience, IsBoundedAndHoldsAUserAndTheUsersAddressOnce) {
  job::JobState job;
  job.spec.tenant = TenantId("acme");
  job.spec.subject = SubjectId("ann@example.org");
  contract::NotifyRule rule;
  rule.to = {{.kind = contract::NotifyTarget::Kind::kPrincipal, .name = {}},
             {.kind = contract::NotifyTarget::Kind::kArgument, .name = "emails"}};
  boost::json::array emails{"ann@example.org", "bob@example.org", "bob@EXAMPLE.org"};
  const auto told = audience(rule, job, {{"emails", emails}}, {});
  EXPECT_THAT(
      told,
      ElementsAre(Recipient{.tenant = TenantId("acme"), .subject = SubjectId("ann@example.org")},
                  Recipient{.tenant = TenantId("acme"), .address = "bob@example.org"}));
  for (int i = 0; i < 5'000; ++i) emails.emplace_back("x" + std::to_string(i) + "@example.org");
  EXPECT_LE(audience(rule, job, {{"emails", emails}}, {}).size(), kRecipientsMax + 1);
}

TEST_F(NotificationHandlersTest, SaysThatAJobIsOverdueOnlyWhereItIsEstimated) {
  start("@notify(on: [OVERDUE], channels: [EMAIL], to: [\"email\"])");
  settle(submit());
  ASSERT_EQ(internal_jobs(kNoticeType).size(), 1U);
  EXPECT_TRUE(fakes_[kMail]->messages().empty());
}

}  // namespace
}  // namespace errand::notification
