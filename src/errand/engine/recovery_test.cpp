#include <gtest/gtest.h>

#include "errand/engine/testing/bench.h"

namespace errand::engine {
namespace {

using job::JobStatus;
using testing::Bench;
using testing::spec;
using namespace std::chrono_literals;
using Fault = store::MemoryStore::Fault;

TEST(Recovery, KeepsALeaseForOneFullLengthAndCountsNoAttempt) {
  Bench bench;
  bench.worker("w-1");
  const JobId id = bench.enqueue()->id;
  bench.advance(29s);
  bench.crash();
  bench.advance(29s);
  const auto beat = bench.get<HeartbeatReply>(Heartbeat{WorkerId("w-1"), {{id, FencingToken{1}}}});
  EXPECT_EQ(beat.holds[0].state, HoldState::kRunning);
  bench.advance(29s);
  EXPECT_TRUE(bench.complete(id, FencingToken{1}).has_value());
  EXPECT_EQ(bench.state(id)->attempt, 1U);
}

TEST(Recovery, TimesAnAttemptOutOnlyAfterTheWorkerCouldReport) {
  Bench bench;
  bench.worker("w-1");
  auto s = spec();
  s.timeout = 10s;
  const JobId id = bench.enqueue(s)->id;
  bench.advance(1h);
  bench.crash();
  bench.settle();
  EXPECT_EQ(bench.state(id)->status, JobStatus::kRunning);
  EXPECT_TRUE(bench.complete(id, FencingToken{1}).has_value());
}

TEST(Recovery, FindsACommitThatWasNeverApplied) {
  Bench bench;
  bench.worker("w-1");
  const auto request = bench.enqueue_request();
  bench.submit(request);
  const Plan plan = bench.plan();
  ASSERT_TRUE(bench.store.commit(plan.batch).has_value());
  bench.crash();  // before apply(): nobody was answered, nothing was dispatched
  bench.settle();
  EXPECT_EQ(bench.state(request.id)->status, JobStatus::kRunning);
  EXPECT_EQ(bench.engine().sizes().leases, 1U);
  bench.advance(30s);
  bench.worker("w-2");
  EXPECT_EQ(bench.state(request.id)->token, FencingToken{2});
  EXPECT_EQ(bench.dispatches().size(), 1U);
}

TEST(Recovery, ForgetsAPlanThatWasNeverCommitted) {
  Bench bench;
  const auto request = bench.enqueue_request();
  bench.submit(request);
  {
    const Plan plan = bench.plan();
  }
  bench.crash();
  bench.settle();
  EXPECT_EQ(bench.state(request.id), nullptr);
  EXPECT_TRUE(bench.ask(request).has_value());
}

TEST(Recovery, AppliesOrAbandonsAfterAnUnknownOutcomeByTheBatchId) {
  for (const Fault fault : {Fault::kUnknownWritten, Fault::kUnknownLost}) {
    Bench bench;
    bench.worker("w-1");
    const auto request = bench.enqueue_request();
    bench.submit(request);
    Plan plan = bench.plan();
    bench.store.fail_next_commit(fault);
    ASSERT_FALSE(bench.store.commit(plan.batch).has_value());
    ASSERT_TRUE(bench.store.reopen().has_value());
    const bool written = bench.store.last_batch_id() == plan.batch.id;
    EXPECT_EQ(written, fault == Fault::kUnknownWritten);
    if (written) {
      bench.engine().apply(plan);
    } else {
      bench.engine().abandon(plan, {ErrorCode::kUnavailable, "lost"});
    }
    ASSERT_TRUE(
        bench.engine().recover(bench.store.reader(), bench.store.epoch(), bench.now).has_value());
    EXPECT_EQ(plan.answers.at(0).reply.has_value(), written);
    EXPECT_EQ(bench.engine().sizes().workers, 1U);
    if (!written) EXPECT_TRUE(bench.ask(request).has_value());
    EXPECT_EQ(bench.state(request.id)->status, JobStatus::kRunning);
    EXPECT_TRUE(bench.complete(request.id, FencingToken{1}).has_value());
  }
}

TEST(Recovery, KeepsTimersAndOrder) {
  Bench bench;
  std::vector<JobId> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(bench.enqueue()->id);
  auto later = spec();
  later.scheduled_for = bench.now.wall + 1h;
  const JobId scheduled = bench.enqueue(later)->id;
  bench.crash();
  bench.worker("w-1", 20);
  std::vector<JobId> started;
  for (const auto& dispatch : bench.dispatches()) started.push_back(dispatch.state->id);
  EXPECT_EQ(started, ids);
  bench.advance(1h);
  bench.settle();
  EXPECT_EQ(bench.state(scheduled)->status, JobStatus::kRunning);
}

TEST(Recovery, DoesNotSpinWhileTimersCannotBeCommitted) {
  Bench bench;
  const JobId id = bench.enqueue()->id;
  auto s = spec();
  s.scheduled_for = bench.now.wall + 1s;
  bench.enqueue(s);
  bench.advance(1s);
  bench.store.fail_next_commit(Fault::kRefuse, ErrorCode::kStoreFull);
  bench.round();
  EXPECT_GT(bench.engine().next_wakeup(bench.now).value(), 0ms);
  bench.advance(1s);
  bench.settle();
  EXPECT_EQ(bench.state(id)->status, JobStatus::kPending);
}

EnqueueJob keyed(Bench& bench, std::string fingerprint = "f-1") {
  auto request = bench.enqueue_request();
  request.key = IdempotencyKey{.key = "k-1", .fingerprint = std::move(fingerprint)};
  return request;
}

TEST(Idempotency, GivesTwoFirstUsesAtOnceTheOneJob) {
  Bench bench;
  const Ticket a = bench.submit(keyed(bench));
  const Ticket b = bench.submit(keyed(bench));
  const Ticket c = bench.submit(keyed(bench, "f-2"));
  bench.settle();
  const auto first = std::get<JobReply>(*bench.answers.at(a));
  const auto second = std::get<JobReply>(*bench.answers.at(b));
  EXPECT_EQ(first.state->id, second.state->id);
  EXPECT_FALSE(first.replayed);
  EXPECT_TRUE(second.replayed);
  ASSERT_FALSE(bench.answers.at(c).has_value());
  EXPECT_EQ(bench.answers.at(c).error().code, ErrorCode::kIdempotencyKeyReused);
  EXPECT_EQ(bench.get<QueueList>(ListQueues{}).queues.at(0).pending, 1U);
}

TEST(Idempotency, ShowsTheCurrentStateLaterAndAfterARestart) {
  Bench bench;
  const auto made = bench.get<JobReply>(keyed(bench)).state;
  EXPECT_TRUE(made->spec.has_idempotency_key);
  bench.worker("w-1");
  bench.crash();
  auto again = bench.get<JobReply>(keyed(bench));
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.state->id, made->id);
  EXPECT_EQ(again.state->status, JobStatus::kRunning);
  ASSERT_TRUE(bench.complete(made->id, FencingToken{1}).has_value());
  bench.advance(24h * 30);
  again = bench.get<JobReply>(keyed(bench));
  EXPECT_EQ(again.state->status, JobStatus::kSucceeded);
  EXPECT_EQ(bench.refusal(keyed(bench, "f-2")), ErrorCode::kIdempotencyKeyReused);
}

TEST(Idempotency, ScopesKeysByTenantSubjectAndMutation) {
  Bench bench;
  const auto base = bench.get<JobReply>(keyed(bench)).state->id;
  const auto other = [&](auto change) {
    auto request = keyed(bench, "f-2");
    change(request.spec);
    const auto reply = bench.get<JobReply>(std::move(request));
    EXPECT_FALSE(reply.replayed);
    EXPECT_NE(reply.state->id, base);
  };
  other([](job::JobSpec& s) { s.tenant = TenantId("globex"); });
  other([](job::JobSpec& s) { s.subject = SubjectId("user:bob"); });
  other([](job::JobSpec& s) { s.type = JobTypeName("deleteReport"); });
}

TEST(Idempotency, AnswersAReplayThoughTheQueueIsFull) {
  Bench bench({.queue_length_max = 1});
  const auto made = bench.get<JobReply>(keyed(bench)).state;
  EXPECT_EQ(bench.refusal(bench.enqueue_request()), ErrorCode::kQueueFull);
  EXPECT_EQ(bench.get<JobReply>(keyed(bench)).state->id, made->id);
}

TEST(Idempotency, RemembersNothingOfARefusedBatch) {
  Bench bench;
  bench.store.fail_next_commit(Fault::kRefuse);
  EXPECT_EQ(bench.refusal(keyed(bench)), ErrorCode::kUnavailable);
  EXPECT_FALSE(bench.get<JobReply>(keyed(bench)).replayed);
}

}  // namespace
}  // namespace errand::engine
