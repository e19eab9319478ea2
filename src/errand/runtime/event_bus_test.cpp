#include "errand/runtime/event_bus.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace errand::runtime {
namespace {

JobId id(std::uint8_t number) { return JobId{Uuid{.bytes = {number}}}; }

store::JobWrite write(JobId job, std::uint64_t position, std::string_view tenant = "acme") {
  job::JobState state;
  state.id = job;
  state.spec.tenant = TenantId(tenant);
  state.last_position = LogPosition{position};
  store::JobWrite write;
  write.after = std::make_shared<const job::JobState>(std::move(state));
  return write;
}

TEST(EventBus, TellsASubscriberOfItsJobAlone) {
  EventBus bus;
  int wakes = 0;
  const auto subscription = bus.subscribe({.job = id(1)}, [&] { ++wakes; });
  bus.publish({write(id(2), 1)});
  EXPECT_EQ(wakes, 0);
  bus.publish({write(id(2), 2), write(id(1), 3)});
  EXPECT_EQ(wakes, 1);
  const News news = subscription->take();
  ASSERT_EQ(news.snapshots.size(), 1U);
  EXPECT_EQ(news.snapshots[0]->id, id(1));
  EXPECT_EQ(news.position, LogPosition{3});
  EXPECT_TRUE(subscription->take().snapshots.empty());
}

TEST(EventBus, TellsOfInternalJobsApart) {
  EventBus bus;
  int wakes = 0;
  const auto user = bus.subscribe({.tenant = TenantId("acme")}, [&] { ++wakes; });
  const auto internal =
      bus.subscribe({.tenant = TenantId("acme"), .kind = job::JobKind::kInternal}, [] {});
  store::JobWrite delivery = write(id(1), 1);
  auto state = std::make_shared<job::JobState>(*delivery.after);
  state->spec.type = JobTypeName("errand.webhook");
  delivery.after = std::move(state);
  bus.publish({delivery});
  EXPECT_EQ(wakes, 0);
  bus.publish({write(id(2), 2)});
  EXPECT_EQ(wakes, 1);
  EXPECT_EQ(user->take().snapshots.size(), 1U);
  const News news = internal->take();
  ASSERT_EQ(news.snapshots.size(), 1U);
  EXPECT_EQ(news.snapshots[0]->id, id(1));
}

TEST(EventBus, CoalescesSnapshotsAndWakesOnceUntilTheyAreTaken) {
  EventBus bus;
  int wakes = 0;
  const auto subscription = bus.subscribe({.tenant = TenantId("acme")}, [&] { ++wakes; });
  bus.publish({write(id(1), 1), write(id(2), 2)});
  bus.publish({write(id(1), 3)});
  EXPECT_EQ(wakes, 1);
  const News news = subscription->take();
  ASSERT_EQ(news.snapshots.size(), 2U);
  EXPECT_EQ(news.snapshots[0]->id, id(2));
  EXPECT_EQ(news.snapshots[1]->last_position, LogPosition{3}) << "the latest one, in log order";
  bus.publish({write(id(1), 4)});
  EXPECT_EQ(wakes, 2);
}

TEST(EventBus, TellsTheSubscribersOfADeletedJobAlone) {
  EventBus bus;
  int wakes = 0;
  const auto of_job = bus.subscribe({.job = id(1)}, [&] { ++wakes; });
  const auto of_other = bus.subscribe({.job = id(2)}, [&] { ++wakes; });
  const auto of_tenant = bus.subscribe({.tenant = TenantId("acme")}, [&] { ++wakes; });
  bus.publish_gone({id(1), id(3)});
  EXPECT_EQ(wakes, 1);
  EXPECT_TRUE(of_job->take().gone);
  EXPECT_TRUE(of_job->take().gone) << "for good";
  EXPECT_FALSE(of_other->take().gone);
  EXPECT_FALSE(of_tenant->take().gone);
}

TEST(EventBus, TellsEverySubscriberOnceThatTheServerDrains) {
  EventBus bus;
  int wakes = 0;
  const auto of_job = bus.subscribe({.job = id(1)}, [&] { ++wakes; });
  const auto of_all = bus.subscribe({}, [&] { ++wakes; });
  bus.drain();
  bus.drain();
  EXPECT_EQ(wakes, 2);
  EXPECT_TRUE(of_job->take().draining);
  EXPECT_FALSE(of_all->take().closed);
  const auto later = bus.subscribe({.job = id(1)}, [&] { ++wakes; });
  EXPECT_EQ(wakes, 3);
  bus.publish({write(id(1), 1)});
  EXPECT_EQ(of_job->take().snapshots.size(), 1U) << "news go on";
}

TEST(EventBus, ShowsNoTenantAnothersJobs) {
  EventBus bus;
  int wakes = 0;
  const auto by_tenant = bus.subscribe({.tenant = TenantId("acme")}, [&] { ++wakes; });
  const auto by_both = bus.subscribe({.tenant = TenantId("acme"), .job = id(1)}, [&] { ++wakes; });
  bus.publish({write(id(1), 1, "globex")});
  EXPECT_EQ(wakes, 0);
  EXPECT_TRUE(by_tenant->take().snapshots.empty());
  EXPECT_EQ(by_both->take().position, LogPosition{});
}

TEST(EventBus, KeepsABoundedNumberOfSnapshotsAndSaysSo) {
  EventBus bus;
  const auto subscription = bus.subscribe({.snapshots_max = 2}, {});
  bus.publish({write(id(1), 1), write(id(2), 2), write(id(3), 3), write(id(1), 4)});
  const News news = subscription->take();
  EXPECT_TRUE(news.overflow);
  ASSERT_EQ(news.snapshots.size(), 2U);
  EXPECT_EQ(news.snapshots[1]->last_position, LogPosition{4});
  EXPECT_FALSE(subscription->take().overflow);
}

TEST(EventBus, TellsAFollowerOfTheLogItsPositionAlone) {
  EventBus bus;
  const auto subscription = bus.subscribe({.tenant = TenantId("acme"), .snapshots = false}, {});
  bus.publish({write(id(1), 7), write(id(2), 9), write(id(3), 12, "globex")});
  const News news = subscription->take();
  EXPECT_EQ(news.position, LogPosition{9});
  EXPECT_TRUE(news.snapshots.empty());
  EXPECT_FALSE(news.overflow);
}

TEST(EventBus, ForgetsSubscribersThatAreGone) {
  EventBus bus;
  int wakes = 0;
  bus.subscribe({.job = id(1)}, [&] { ++wakes; }).reset();
  EXPECT_EQ(bus.size(), 0U);
  bus.publish({write(id(1), 1)});
  EXPECT_EQ(wakes, 0);
}

TEST(EventBus, EndsPresentAndLaterSubscriptionsWhenItCloses) {
  EventBus bus;
  int wakes = 0;
  const auto present = bus.subscribe({.job = id(1)}, [&] { ++wakes; });
  bus.close();
  const auto later = bus.subscribe({}, [&] { ++wakes; });
  EXPECT_EQ(wakes, 2);
  EXPECT_TRUE(present->take().closed);
  EXPECT_TRUE(later->take().closed);
}

TEST(EventBus, OutlivedBySubscriptionsDoesNoHarm) {
  std::unique_ptr<Subscription> subscription;
  {
    EventBus bus;
    subscription = bus.subscribe({.job = id(1)}, {});
  }
  EXPECT_TRUE(subscription->take().closed);
}

TEST(EventBus, LetsThreadsComeAndGoWhileItPublishes) {
  EventBus bus;
  std::atomic<bool> stop = false;
  std::atomic<int> heard = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      while (!stop) {
        std::atomic<int> wakes = 0;
        const auto subscription = bus.subscribe(
            i % 2 == 0 ? Interest{.job = id(1)} : Interest{.tenant = TenantId("acme")},
            [&] { ++wakes; });
        while (wakes == 0 && !stop) std::this_thread::yield();
        if (!subscription->take().snapshots.empty()) ++heard;
      }
    });
  }
  std::uint64_t position = 0;
  while (heard < 200) bus.publish({write(id(1), ++position)});
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(bus.size(), 0U);
}

}  // namespace
}  // namespace errand::runtime
