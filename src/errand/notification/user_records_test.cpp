// What is kept of users, over a store in memory: inboxes, subscriptions of browsers, links.
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/base/random.h"
#include "errand/crypto/encoding.h"
#include "errand/crypto/master_key.h"
#include "errand/notification/inbox.h"
#include "errand/notification/push_subscription_book.h"
#include "errand/notification/unsubscribe_link.h"
#include "errand/runtime/event_bus.h"
#include "errand/runtime/lane.h"
#include "errand/runtime/lane_client.h"
#include "errand/store/memory_store.h"

namespace errand::notification {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class UserRecordsTest : public ::testing::Test {
 protected:
  UserRecordsTest()
      : lane_({}, store_, bus_, clock_, random_, [](std::vector<engine::Action>) {}),
        channel_(inbox_, pool_),
        book_(store_.reader(), pool_,
              crypto::Sealer(master_key_, PushSubscriptionBook::kSealerLabel, random_)) {
    EXPECT_TRUE(lane_.start());
    channel_.attach(lane_);
    book_.attach(lane_);
  }
  ~UserRecordsTest() override {
    bus_.close();
    lane_.stop();
    pool_.stop();
  }

  template <class T>
  T run(boost::asio::awaitable<T> task) {
    std::optional<T> result;
    std::exception_ptr failure;
    boost::asio::co_spawn(io_, std::move(task), [&](std::exception_ptr error, T value) {
      failure = error;
      if (!error) result.emplace(std::move(value));
    });
    io_.restart();
    io_.run();
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
  }

  void tell(const SubjectId& user, std::string id, std::string title = "export is done",
            const TenantId& tenant = TenantId("acme")) {
    const Message message{.id = std::move(id),
                          .recipient = {.tenant = tenant, .subject = user},
                          .category = "exports",
                          .title = std::move(title),
                          .text = "7 rows",
                          .data = {{"jobId", "j"}, {"milestone", "SUCCEEDED"}},
                          .time = clock_.now().wall};
    const auto sent = run(channel_.send(message, Milliseconds(1'000), {}));
    ASSERT_TRUE(sent) << sent.error().message;
  }

  std::vector<std::string> ids(const SubjectId& user, const Inbox::Page& page = {},
                               const TenantId& tenant = TenantId("acme")) {
    const auto items = inbox_.list(tenant, user, page);
    EXPECT_TRUE(items);
    std::vector<std::string> found;
    for (const InboxItem& item : items->items) found.push_back(item.id);
    return found;
  }

  void mark(const SubjectId& user, std::optional<std::vector<std::string>> which, InboxMark as) {
    auto marked = inbox_.mark(TenantId("acme"), user, which, as, clock_.now().wall);
    ASSERT_TRUE(marked);
    if (marked->changes.empty()) return;
    const auto done = run(runtime::LaneClient(lane_).execute(
        engine::WriteRecords{.changes = std::move(marked->changes)}));
    ASSERT_TRUE(done) << done.error().message;
  }

  /// A browser, as its push service has it.
  static PushSubscription browser(const std::string& endpoint) {
    crypto::Bytes key(65, 7);
    key.front() = 4;
    const crypto::Bytes auth(16, 9);
    return {.endpoint = endpoint,
            .p256dh = crypto::to_base64url(key),
            .auth = crypto::to_base64url(auth)};
  }
  std::string add(const SubjectId& user, const std::string& endpoint,
                  const TenantId& tenant = TenantId("acme")) {
    now_ += Milliseconds(1'000);
    const auto added = run(book_.add(tenant, user, browser(endpoint), now_));
    EXPECT_TRUE(added) << added.error().message;
    return added ? added->id : std::string();
  }
  std::vector<std::string> endpoints(const SubjectId& user,
                                     const TenantId& tenant = TenantId("acme")) {
    const auto list = run(book_.list(tenant, user));
    EXPECT_TRUE(list);
    std::vector<std::string> found;
    for (const PushSubscription& each : *list) found.push_back(each.endpoint);
    return found;
  }
  std::vector<store::Record> records(const std::string& collection) {
    const auto found = store_.reader().records({.collection = collection}, {.limit = 1'000});
    EXPECT_TRUE(found);
    return *found;
  }

  const SubjectId ann_{"ann"};
  const SubjectId bob_{"bob"};
  SystemClock clock_;
  SystemRandom random_;
  Timestamp now_{Milliseconds(1'800'000'000'000)};
  const crypto::MasterKey master_key_ = crypto::MasterKey::generate(random_);
  store::MemoryStore store_;
  runtime::EventBus bus_;
  boost::asio::io_context io_{1};
  async::BlockingPool pool_{{.threads = 1}};
  runtime::Lane lane_;
  Inbox inbox_{store_.reader()};
  InAppChannel channel_;
  PushSubscriptionBook book_;
};

TEST_F(UserRecordsTest, AMessageIsInTheInboxOnceWhateverItsUserDidWithIt) {
  tell(ann_, "m1");
  mark(ann_, {{"m1"}}, InboxMark::kRead);
  tell(ann_, "m1", "another attempt");
  const auto item = inbox_.find(TenantId("acme"), ann_, "m1");
  ASSERT_TRUE(item && *item);
  EXPECT_EQ((*item)->title, "export is done");
  EXPECT_TRUE((*item)->read_at);
  EXPECT_EQ((*item)->job_id, "j");
  EXPECT_THAT(ids(ann_), ElementsAre("m1"));
}

TEST_F(UserRecordsTest, InboxesOfUsersAndTenantsAreApart) {
  const SubjectId ann_too("ann/bob");
  tell(ann_, "m1");
  tell(ann_too, "m2");
  tell(ann_, "m3", "of bolt", TenantId("bolt"));
  EXPECT_THAT(ids(ann_), ElementsAre("m1"));
  EXPECT_THAT(ids(ann_too), ElementsAre("m2"));
  EXPECT_THAT(ids(ann_, {}, TenantId("bolt")), ElementsAre("m3"));
  EXPECT_THAT(ids(bob_), IsEmpty());
  mark(bob_, {{"m1", "m2", "m3"}}, InboxMark::kRead);
  EXPECT_EQ(inbox_.count(TenantId("acme"), ann_)->unread, 1U);
  EXPECT_EQ(inbox_.count(TenantId("bolt"), ann_)->unread, 1U);
}

TEST_F(UserRecordsTest, MarksCountAndPagesGoOnWhereTheLastEnded) {
  for (const char* id : {"m1", "m2", "m3", "m4"}) tell(ann_, id);
  EXPECT_THAT(ids(ann_, {.limit = 2}), ElementsAre("m4", "m3"));
  EXPECT_THAT(ids(ann_, {.after = "m3", .limit = 2}), ElementsAre("m2", "m1"));
  mark(ann_, {{"m1", "nonsense"}}, InboxMark::kSeen);
  mark(ann_, {{"m2"}}, InboxMark::kRead);
  mark(ann_, {{"m3"}}, InboxMark::kArchived);
  auto counts = inbox_.count(TenantId("acme"), ann_);
  EXPECT_EQ(counts->unseen, 1U);
  EXPECT_EQ(counts->unread, 2U);
  EXPECT_THAT(ids(ann_, {.unread = true}), ElementsAre("m4", "m1"));
  EXPECT_THAT(ids(ann_, {.archived = true}), ElementsAre("m3"));
  mark(ann_, {{"m2"}}, InboxMark::kUnread);
  mark(ann_, {{"m3"}}, InboxMark::kUnarchived);
  counts = inbox_.count(TenantId("acme"), ann_);
  EXPECT_EQ(counts->unseen, 2U);
  EXPECT_EQ(counts->unread, 4U);
  mark(ann_, std::nullopt, InboxMark::kRead);
  EXPECT_EQ(inbox_.count(TenantId("acme"), ann_)->unread, 0U);
}

TEST_F(UserRecordsTest, TheOldestItemsMakeRoom) {
  engine::WriteRecords write;
  const auto flush = [&] {
    ASSERT_TRUE(run(runtime::LaneClient(lane_).execute(std::exchange(write, {}))));
  };
  for (std::size_t i = 0; i < Inbox::kItemsMax; ++i) {
    write.changes.push_back(Inbox::put(
        TenantId("acme"), ann_, {.id = fmt::format("m{:05}", i), .created_at = clock_.now().wall}));
    if (write.changes.size() == engine::kRecordChangesMax) flush();
  }
  tell(ann_, "m99999");
  const auto left = ids(ann_, {.limit = 2 * Inbox::kItemsMax});
  EXPECT_EQ(left.size(), Inbox::kItemsMax);
  EXPECT_EQ(left.front(), "m99999");
  EXPECT_EQ(left.back(), "m00001");
}

TEST_F(UserRecordsTest, ABrowserIsKeptOnceAndSealed) {
  const std::string id = add(ann_, "https://push.example/secret-1");
  EXPECT_EQ(add(ann_, "https://push.example/secret-1"), id);
  EXPECT_THAT(endpoints(ann_), ElementsAre("https://push.example/secret-1"));
  for (const char* collection : {"push_subscription", "push_endpoint"}) {
    ASSERT_EQ(records(collection).size(), 1U);
    EXPECT_THAT(records(collection).front().text, Not(HasSubstr("secret-1")));
  }
}

TEST_F(UserRecordsTest, WhoSignsInAtABrowserLastHasIt) {
  const std::string id = add(ann_, "https://push.example/shared");
  add(ann_, "https://push.example/own");
  add(bob_, "https://push.example/shared");
  EXPECT_THAT(endpoints(ann_), ElementsAre("https://push.example/own"));
  EXPECT_THAT(endpoints(bob_), ElementsAre("https://push.example/shared"));
  // One who had it before cannot take it from the other.
  EXPECT_TRUE(run(book_.drop(TenantId("acme"), ann_, id)));
  EXPECT_THAT(endpoints(bob_), ElementsAre("https://push.example/shared"));
  add(ann_, "https://push.example/shared");
  EXPECT_THAT(endpoints(bob_), IsEmpty());
  EXPECT_EQ(endpoints(ann_).size(), 2U);
  // Tenants know nothing of each other.
  add(ann_, "https://push.example/shared", TenantId("bolt"));
  EXPECT_EQ(endpoints(ann_).size(), 2U);
  EXPECT_EQ(endpoints(ann_, TenantId("bolt")).size(), 1U);
}

TEST_F(UserRecordsTest, TheOldestBrowserMakesRoomAndLeavesNothing) {
  for (std::size_t i = 0; i <= PushSubscriptionBook::kPerUserMax; ++i) {
    add(ann_, fmt::format("https://push.example/{}", i));
  }
  const auto left = endpoints(ann_);
  EXPECT_EQ(left.size(), PushSubscriptionBook::kPerUserMax);
  EXPECT_THAT(left, Not(::testing::Contains("https://push.example/0")));
  EXPECT_EQ(records("push_endpoint").size(), PushSubscriptionBook::kPerUserMax);
  for (const store::Record& record : records("push_endpoint")) {
    EXPECT_TRUE(run(book_.drop(TenantId("acme"), ann_, record.id.key)));
  }
  EXPECT_THAT(records("push_endpoint"), IsEmpty());
  EXPECT_THAT(records("push_subscription"), IsEmpty());
}

TEST_F(UserRecordsTest, WhatNoBrowserGivesIsRefusedByName) {
  const auto refusal = [&](PushSubscription subscription) {
    const auto added = run(book_.add(TenantId("acme"), ann_, std::move(subscription), now_));
    return added ? std::string() : added.error().message;
  };
  PushSubscription wrong = browser("https://push.example/1");
  wrong.p256dh.pop_back();
  EXPECT_THAT(refusal(wrong), HasSubstr("\"p256dh\""));
  wrong = browser("https://push.example/1");
  wrong.auth += "AA";
  EXPECT_THAT(refusal(wrong), HasSubstr("\"auth\""));
  EXPECT_THAT(refusal(browser("push.example")), HasSubstr("\"endpoint\""));
  EXPECT_THAT(refusal(browser("https://push.example/" + std::string(3'000, 'a'))),
              HasSubstr("\"endpoint\""));
  EXPECT_THAT(records("push_subscription"), IsEmpty());
}

TEST_F(UserRecordsTest, LinksSayWhomTheyAreForAndCannotBeForged) {
  const UnsubscribeLinks links("https://errand.example",
                               crypto::Sealer(master_key_, kUnsubscribeLabel, random_));
  const Subscription subscription{.tenant = TenantId("acme"),
                                  .user = "mailto:ann@example.org",
                                  .category = "exports",
                                  .channel = NotifyChannel::kEmail};
  const std::string url = links.url(subscription);
  const std::string start = "https://errand.example" + std::string(UnsubscribeLinks::kPath);
  ASSERT_TRUE(url.starts_with(start));
  EXPECT_THAT(url, Not(HasSubstr("ann")));
  const std::string token = url.substr(start.size());
  EXPECT_EQ(links.read(token), subscription);
  for (std::size_t i = 0; i < token.size(); i += 7) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(links.read(changed), std::nullopt) << i;
  }
  EXPECT_EQ(links.read(""), std::nullopt);
  EXPECT_EQ(links.read(token + "A"), std::nullopt);
  EXPECT_EQ(links.read(std::string(100'000, 'A')), std::nullopt);
  const UnsubscribeLinks others(
      "https://errand.example",
      crypto::Sealer(crypto::MasterKey::generate(random_), kUnsubscribeLabel, random_));
  EXPECT_EQ(others.read(token), std::nullopt);
}

}  // namespace
}  // namespace errand::notification
