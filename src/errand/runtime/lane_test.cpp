#include "errand/runtime/lane.h"

#include <numeric>
#include <semaphore>
#include <thread>

#include <gtest/gtest.h>

#include "errand/runtime/lane_test_support.h"
#include "errand/telemetry/metric_names.h"

namespace errand::runtime {
namespace {

using store::conformance::find_fault;

class LaneTest : public testing::Test {
 protected:
  std::unique_ptr<Lane> make(Lane::Options options = {}) {
    auto lane = std::make_unique<Lane>(options, store_, bus_, clock_, random_,
                                       [this](auto actions) { actions_(std::move(actions)); });
    EXPECT_TRUE(lane->start());
    return lane;
  }

  void add_worker(Lane& lane, std::uint32_t credits) {
    engine::RegisterWorker worker;
    worker.id = WorkerId("render-1");
    worker.slots = 100;
    worker.subject = SubjectId("worker:render");
    EXPECT_TRUE(ask(lane, worker).get());
    EXPECT_TRUE(ask(lane, engine::AddCredits{WorkerId("render-1"), credits}).get());
  }

  GatedStore store_;
  EventBus bus_;
  TestClock clock_;
  SystemRandom random_;
  ActionLog actions_;
};

TEST_F(LaneTest, AnswersAfterTheCommit) {
  const auto lane = make();
  const auto request = enqueue(1);
  const auto state = state_of(ask(*lane, request));
  ASSERT_NE(state, nullptr);
  EXPECT_EQ(state->status, job::JobStatus::kPending);
  EXPECT_EQ(*store_.reader().job(request.id).value(), *state);
}

TEST_F(LaneTest, CommitsTogetherWhatCameWhileItWasCommitting) {
  const auto lane = make();
  store_.close_gate();
  std::vector<ReplyFuture> futures;
  futures.push_back(ask(*lane, enqueue(1)));
  store_.await_arrivals(1);
  for (std::uint64_t i = 2; i <= 101; ++i) futures.push_back(ask(*lane, enqueue(i)));
  store_.open_gate();
  for (auto& future : futures) EXPECT_TRUE(future.get());
  EXPECT_EQ(store_.jobs_per_commit(), (std::vector<std::size_t>{1, 100}));
}

TEST_F(LaneTest, BoundsACommit) {
  Lane::Options options;
  options.engine.batch_requests_max = 10;
  const auto lane = make(options);
  store_.close_gate();
  std::vector<ReplyFuture> futures;
  futures.push_back(ask(*lane, enqueue(1)));
  store_.await_arrivals(1);
  for (std::uint64_t i = 2; i <= 26; ++i) futures.push_back(ask(*lane, enqueue(i)));
  store_.open_gate();
  for (auto& future : futures) EXPECT_TRUE(future.get());
  EXPECT_EQ(store_.jobs_per_commit(), (std::vector<std::size_t>{1, 10, 10, 5}));
}

TEST_F(LaneTest, RefusesWhatItsQueueCannotHold) {
  Lane::Options options;
  options.queue_requests_max = 3;
  const auto lane = make(options);
  store_.close_gate();
  std::vector<ReplyFuture> taken;
  taken.push_back(ask(*lane, enqueue(1)));
  store_.await_arrivals(1);
  taken.push_back(ask(*lane, enqueue(2)));
  taken.push_back(ask(*lane, enqueue(3)));
  const auto refused = ask(*lane, enqueue(4)).get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  store_.open_gate();
  for (auto& future : taken) EXPECT_TRUE(future.get());
  EXPECT_TRUE(ask(*lane, enqueue(5)).get()) << "there is room again";
}

TEST_F(LaneTest, RunsAJobFromEnqueueToItsResult) {
  const auto lane = make();
  add_worker(*lane, 1);
  const auto request = enqueue(1);
  ASSERT_TRUE(ask(*lane, request).get());
  const engine::Dispatch dispatch = actions_.dispatch(0);
  EXPECT_EQ(dispatch.state->id, request.id);
  EXPECT_EQ(store_.reader().job(request.id).value()->status, job::JobStatus::kRunning)
      << "a dispatch goes out after its commit";

  engine::CommandJob report;
  report.id = request.id;
  report.command = job::Complete{dispatch.state->token, {.digest = {}, .size_bytes = 2}};
  report.actor = {job::ActorKind::kWorker, SubjectId("worker:render")};
  report.result = "{}";
  const auto done = state_of(ask(*lane, report));
  ASSERT_NE(done, nullptr);
  EXPECT_EQ(done->status, job::JobStatus::kSucceeded);
  EXPECT_EQ(find_fault(store_.reader()), "");
}

TEST_F(LaneTest, PublishesHowLongJobsTook) {
  const auto request = enqueue(1);
  const auto known = [&](const Lane& lane) {
    return lane.estimates().find(request.spec.tenant, request.spec.type) != nullptr;
  };
  {
    const auto lane = make();
    add_worker(*lane, 1);
    ASSERT_TRUE(ask(*lane, request).get());
    const engine::Dispatch dispatch = actions_.dispatch(0);
    EXPECT_FALSE(known(*lane));
    engine::CommandJob report;
    report.id = request.id;
    report.command = job::Complete{dispatch.state->token, {.digest = {}, .size_bytes = 2}};
    report.actor = {job::ActorKind::kWorker, SubjectId("worker:render")};
    report.result = "{}";
    ASSERT_TRUE(ask(*lane, report).get());
    EXPECT_TRUE(known(*lane));
    EXPECT_EQ(lane->estimates().find(TenantId("other"), request.spec.type), nullptr);
  }
  ASSERT_TRUE(store_.reopen());
  EXPECT_TRUE(known(*make()));
}

TEST_F(LaneTest, FiresTimersWhenTheClockSaysSo) {
  const auto lane = make();
  auto spec = store::conformance::BatchBuilder::spec();
  spec.scheduled_for = clock_.now().wall + Milliseconds(3'600'000);
  const auto request = enqueue(1, spec);
  const auto scheduled = state_of(ask(*lane, request));
  ASSERT_NE(scheduled, nullptr);
  EXPECT_EQ(scheduled->status, job::JobStatus::kScheduled);

  std::promise<void> changed;
  const auto subscription = bus_.subscribe({.job = request.id}, [&] { changed.set_value(); });
  clock_.advance(Milliseconds(3'600'000));
  lane->wake();
  changed.get_future().wait();
  EXPECT_EQ(subscription->take().snapshots.at(0)->status, job::JobStatus::kPending);
}

TEST_F(LaneTest, PublishesWhatItCommittedBeforeItAnswers) {
  const auto lane = make();
  const auto subscription = bus_.subscribe({.tenant = TenantId("acme")}, {});
  const auto state = state_of(ask(*lane, enqueue(1)));
  const News news = subscription->take();
  ASSERT_EQ(news.snapshots.size(), 1U);
  EXPECT_EQ(news.snapshots[0], state);
  EXPECT_EQ(news.position, store_.last_position());
}

TEST_F(LaneTest, FinishesWhatWaitsWhenItStops) {
  const auto lane = make();
  store_.close_gate();
  std::vector<ReplyFuture> futures;
  futures.push_back(ask(*lane, enqueue(1)));
  store_.await_arrivals(1);
  for (std::uint64_t i = 2; i <= 20; ++i) futures.push_back(ask(*lane, enqueue(i)));
  std::thread stopper([&] { lane->stop(); });
  while (lane->healthy()) std::this_thread::yield();
  const auto late = ask(*lane, enqueue(99)).get();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kUnavailable);
  store_.open_gate();
  stopper.join();
  for (auto& future : futures) EXPECT_TRUE(future.get());
  lane->stop();
}

TEST_F(LaneTest, GoesOnWhereTheLastOneStopped) {
  const auto request = enqueue(1);
  {
    const auto lane = make();
    ASSERT_TRUE(ask(*lane, request).get());
  }
  ASSERT_TRUE(store_.reopen());
  const auto lane = make();
  add_worker(*lane, 1);
  EXPECT_EQ(actions_.dispatch(0).state->id, request.id);
  EXPECT_EQ(find_fault(store_.reader()), "");
}

engine::CommandJob kill(const engine::EnqueueJob& request) {
  engine::CommandJob command;
  command.id = request.id;
  command.command = job::Kill{};
  command.actor = {job::ActorKind::kOperator, SubjectId("op")};
  return command;
}

TEST_F(LaneTest, PrunesExpiredJobsWhenTheClockSaysSo) {
  telemetry::Metrics metrics;
  Lane lane(Lane::Options{.prune = {.jobs_max = 3}}, store_, bus_, clock_, random_, {}, {},
            LaneMetrics{.jobs_pruned = metrics.counter(telemetry::kJobsPruned)});
  ASSERT_TRUE(lane.start());
  auto spec = store::conformance::BatchBuilder::spec();
  spec.retention = Milliseconds(3'600'000);
  for (std::uint64_t i = 1; i <= 10; ++i) {
    const auto request = enqueue(i, spec);
    ASSERT_TRUE(ask(lane, request).get());
    if (i <= 8) {
      ASSERT_TRUE(ask(lane, kill(request)).get());
    }
  }
  clock_.advance(Milliseconds(3'599'999));
  lane.wake();
  clock_.advance(Milliseconds(1));
  lane.wake();
  store_.await_pruned(8);
  lane.stop();
  EXPECT_EQ(store_.reader().counts(std::nullopt).value().size(), 1U) << "the live ones are there";
  EXPECT_NE(metrics.render().find("errand_jobs_pruned_total 8"), std::string::npos);
  EXPECT_EQ(find_fault(store_.reader()), "");
}

TEST_F(LaneTest, TellsWhenNothingIsDueAtTheClocksTime) {
  Lane::Options options;
  options.engine.batch_requests_max = 10;  // timers of one plan
  const auto lane = make(options);
  auto spec = store::conformance::BatchBuilder::spec();
  spec.scheduled_for = clock_.now().wall + Milliseconds(60'000);
  spec.queue_timeout = Milliseconds(60'000);
  spec.retention = Milliseconds(0);
  std::vector<ReplyFuture> futures;
  for (std::uint64_t i = 1; i <= 95; ++i) futures.push_back(ask(*lane, enqueue(i, spec)));
  for (auto& future : futures) ASSERT_TRUE(future.get());
  const auto settle = [&] {
    std::promise<void> settled;
    lane->wake([&] { settled.set_value(); });
    settled.get_future().wait();
  };
  const auto count = [&](job::JobStatus status) {
    std::uint64_t jobs = 0;
    for (const auto& each : store_.reader().counts(std::nullopt).value()) {
      if (each.status == status) jobs += each.jobs;
    }
    return jobs;
  };
  clock_.advance(Milliseconds(60'000));
  settle();
  EXPECT_EQ(count(job::JobStatus::kPending), 95U);
  clock_.advance(Milliseconds(60'000));
  settle();
  EXPECT_TRUE(store_.reader().counts(std::nullopt).value().empty()) << "expired and pruned";
  lane->stop();
  settle();  // nobody is left to wait for
}

TEST_F(LaneTest, PrunesByItselfAndNotInVain) {
  const auto lane = make({.prune_interval = Milliseconds(10)});
  auto spec = store::conformance::BatchBuilder::spec();
  spec.retention = Milliseconds(0);
  const auto request = enqueue(1, spec);
  ASSERT_TRUE(ask(*lane, request).get());
  ASSERT_TRUE(ask(*lane, kill(request)).get());
  store_.await_pruned(1);
  EXPECT_EQ(store_.reader().job(request.id).value(), nullptr);
  for (std::uint64_t i = 2; i <= 50; ++i) ASSERT_TRUE(ask(*lane, enqueue(i)).get());
  EXPECT_LE(store_.prunings(), 3U) << "nothing else expires";
}

TEST_F(LaneTest, TellsWhoFollowsAJobThatItIsDeleted) {
  const auto lane = make({.prune_interval = Milliseconds(10)});
  auto spec = store::conformance::BatchBuilder::spec();
  const auto forgotten = enqueue(1, spec);
  spec.retention = Milliseconds(0);
  const auto pruned = enqueue(2, spec);
  for (const auto& request : {forgotten, pruned}) {
    ASSERT_TRUE(ask(*lane, request).get());
    std::counting_semaphore<> woken{0};
    const auto subscription = bus_.subscribe({.job = request.id}, [&] { woken.release(); });
    ASSERT_TRUE(ask(*lane, kill(request)).get());
    if (request.id == forgotten.id) {
      ASSERT_TRUE(ask(*lane, engine::ForgetJob{.id = request.id, .tenant = spec.tenant}).get());
    }
    do {
      woken.acquire();
    } while (!subscription->take().gone);
    EXPECT_EQ(store_.reader().job(request.id).value(), nullptr);
  }
}

TEST_F(LaneTest, TakesRequestsFromManyThreads) {
  const auto lane = make();
  std::vector<std::thread> threads;
  std::atomic<int> done = 0;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 50; ++i) {
        if (ask(*lane, enqueue(t * 1'000 + i)).get()) ++done;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(done, 200);
  EXPECT_EQ(find_fault(store_.reader()), "");
}

}  // namespace
}  // namespace errand::runtime
