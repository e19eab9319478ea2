// What commits have to do.

#include <gtest/gtest.h>

#include "errand/store/conformance/builders.h"
#include "errand/store/conformance/suite.h"

namespace errand::store::conformance {
namespace {

using Outcome = CommitError::Outcome;

const auto kStart = Timestamp(Milliseconds(1'790'000'000'000));

void expect_refused(const std::expected<void, CommitError>& outcome, ErrorCode code) {
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().outcome, Outcome::kRefused);
  EXPECT_EQ(outcome.error().error.code, code) << outcome.error().error.message;
}

TEST_P(StoreConformance, BeginsEmpty) {
  EXPECT_EQ(store().last_position(), LogPosition{});
  EXPECT_EQ(store().last_batch_id(), Uuid{});
  EXPECT_GT(store().epoch(), 0U);
  EXPECT_EQ(reader().last_position().value(), LogPosition{});
  EXPECT_EQ(reader().job(JobId{}).value(), nullptr);
  EXPECT_TRUE(reader().counts(std::nullopt).value().empty());
  EXPECT_EQ(find_fault(reader()), "");
}

TEST_P(StoreConformance, GivesBackWhatWasCommitted) {
  BatchBuilder builder(store(), 1);
  const auto state = builder.enqueue(BatchBuilder::spec());
  const Batch batch = builder.take();
  ASSERT_TRUE(store().commit(batch));

  EXPECT_EQ(*reader().job(state->id).value(), *state);
  EXPECT_EQ(reader().events_of(state->id, Sequence{}, 10).value(), batch.jobs[0].events);
  EXPECT_EQ(store().last_position(), LogPosition{1});
  EXPECT_EQ(store().last_batch_id(), batch.id);
  EXPECT_EQ(find_fault(reader()), "");
}

TEST_P(StoreConformance, KeepsSeveralStepsOfOneJobInOneBatch) {
  BatchBuilder builder(store(), 2);
  const auto a = builder.enqueue(BatchBuilder::spec());
  const auto b = builder.enqueue(BatchBuilder::spec());
  const auto a_done = builder.succeed(builder.start(a));
  (void)builder.start(b);
  ASSERT_TRUE(store().commit(builder.take()));

  EXPECT_EQ(reader().job(a->id).value()->status, job::JobStatus::kSucceeded);
  EXPECT_EQ(*reader().job(a->id).value(), *a_done);
  EXPECT_EQ(find_fault(reader()), "");
}

TEST_P(StoreConformance, KeepsEverythingOverARestart) {
  BatchBuilder builder(store(), 3);
  const auto state = builder.start(builder.enqueue(BatchBuilder::spec()));
  builder.batch().payloads.push_back(
      {state->id, state->spec.tenant, PayloadKind::kInput, "", R"({"größe":1})", {7}});
  const Batch batch = builder.take();
  ASSERT_TRUE(store().commit(batch));
  const auto epoch = store().epoch();

  subject().restart();

  EXPECT_EQ(store().last_batch_id(), batch.id);
  EXPECT_EQ(store().last_position(), LogPosition{2});
  EXPECT_GT(store().epoch(), epoch);
  EXPECT_EQ(*reader().job(state->id).value(), *state);
  EXPECT_TRUE(reader().payload(state->id, PayloadKind::kInput).value().has_value());
  EXPECT_EQ(find_fault(reader()), "");

  BatchBuilder after(store(), 4);
  (void)after.succeed(state);
  EXPECT_TRUE(store().commit(after.take()));
  EXPECT_EQ(find_fault(reader()), "");
}

TEST_P(StoreConformance, GoesOnAfterReopen) {
  BatchBuilder builder(store(), 5);
  const auto state = builder.enqueue(BatchBuilder::spec());
  const Batch batch = builder.take();
  ASSERT_TRUE(store().commit(batch));
  const auto epoch = store().epoch();
  ASSERT_TRUE(store().reopen());

  EXPECT_GT(store().epoch(), epoch);
  EXPECT_EQ(store().last_batch_id(), batch.id);
  (void)builder.start(state);
  EXPECT_TRUE(store().commit(builder.take()));
  EXPECT_EQ(find_fault(reader()), "");
}

TEST_P(StoreConformance, RefusesABatchOfAnEarlierEpoch) {
  BatchBuilder builder(store(), 6);
  (void)builder.enqueue(BatchBuilder::spec());
  const Batch stale = builder.take();
  ASSERT_TRUE(store().reopen());
  expect_refused(store().commit(stale), ErrorCode::kConflict);
  EXPECT_EQ(store().last_position(), LogPosition{});
  EXPECT_EQ(find_fault(reader()), "");
}

TEST_P(StoreConformance, RefusesAPositionThatLeavesAGap) {
  BatchBuilder builder(store(), 7);
  (void)builder.enqueue(BatchBuilder::spec());
  Batch batch = builder.take();
  job::JobState after = *batch.jobs[0].after;
  after.last_position = LogPosition{2};
  batch.jobs[0].events[0].position = LogPosition{2};
  batch.jobs[0].after = std::make_shared<const job::JobState>(after);
  expect_refused(store().commit(batch), ErrorCode::kConflict);
  EXPECT_EQ(find_fault(reader()), "");
}

TEST_P(StoreConformance, RefusesTheSameBatchTwice) {
  BatchBuilder builder(store(), 8);
  (void)builder.enqueue(BatchBuilder::spec());
  const Batch batch = builder.take();
  ASSERT_TRUE(store().commit(batch));
  expect_refused(store().commit(batch), ErrorCode::kConflict);
  EXPECT_EQ(find_fault(reader()), "");
}

TEST_P(StoreConformance, RefusesASequenceThatIsNotTheNext) {
  BatchBuilder builder(store(), 9);
  const auto pending = builder.enqueue(BatchBuilder::spec());
  ASSERT_TRUE(store().commit(builder.take()));
  const auto running = builder.start(pending);
  ASSERT_TRUE(store().commit(builder.take()));

  (void)builder.start(pending);  // sequence 2 once more
  expect_refused(store().commit(builder.take()), ErrorCode::kConflict);

  builder.take();
  const auto succeeded = builder.succeed(running);
  Batch skipped = builder.take();
  skipped.jobs[0].events[0].sequence = Sequence{4};
  auto after = *succeeded;
  after.last_sequence = Sequence{4};
  skipped.jobs[0].after = std::make_shared<const job::JobState>(after);
  expect_refused(store().commit(skipped), ErrorCode::kConflict);
  EXPECT_EQ(find_fault(reader()), "");
}

TEST_P(StoreConformance, RefusesAJobThatIsThereAsNew) {
  BatchBuilder builder(store(), 10);
  (void)builder.enqueue(BatchBuilder::spec());
  Batch batch = builder.take();
  ASSERT_TRUE(store().commit(batch));
  batch.id = Uuid{.bytes = {1}};
  batch.jobs[0].events[0].position = LogPosition{2};
  auto after = *batch.jobs[0].after;
  after.last_position = LogPosition{2};
  batch.jobs[0].after = std::make_shared<const job::JobState>(after);
  expect_refused(store().commit(batch), ErrorCode::kConflict);
  EXPECT_EQ(find_fault(reader()), "");
}

TEST_P(StoreConformance, WritesNothingOfARefusedBatch) {
  BatchBuilder builder(store(), 11);
  const auto known = builder.enqueue(BatchBuilder::spec());
  const Batch first = builder.take();
  ASSERT_TRUE(store().commit(first));

  const auto fresh = builder.enqueue(BatchBuilder::spec());
  (void)builder.start(known);
  Batch batch = builder.take();
  batch.jobs[1].before = job::JobStatus::kRunning;  // it is PENDING
  batch.payloads.push_back({fresh->id, fresh->spec.tenant, PayloadKind::kInput, "", "{}", {}});
  expect_refused(store().commit(batch), ErrorCode::kConflict);

  EXPECT_EQ(reader().job(fresh->id).value(), nullptr);
  EXPECT_EQ(*reader().job(known->id).value(), *known);
  EXPECT_FALSE(reader().payload(fresh->id, PayloadKind::kInput).value());
  EXPECT_EQ(store().last_batch_id(), first.id);
  EXPECT_EQ(find_fault(reader()), "");

  (void)builder.start(known);
  EXPECT_TRUE(store().commit(builder.take()));
  EXPECT_EQ(find_fault(reader()), "");
}

TEST_P(StoreConformance, TakesABatchWithoutJobs) {
  Batch batch;
  batch.id = Uuid{.bytes = {9}};
  batch.epoch = store().epoch();
  batch.contracts.push_back({JobTypeName("exportReport"), "c0ffee", "{\"v\":1}"});
  batch.queues.push_back({QueueName("reports"), TenantId("acme"), true, kStart, SubjectId("op")});
  ASSERT_TRUE(store().commit(batch));
  EXPECT_EQ(store().last_batch_id(), batch.id);
  EXPECT_EQ(store().last_position(), LogPosition{});
  EXPECT_EQ(reader().contract(JobTypeName("exportReport"), "c0ffee").value(), batch.contracts[0]);
  EXPECT_EQ(reader().queue_settings().value(), batch.queues);
}

TEST_P(StoreConformance, ReplacesQueueSettingsAndKeepsContracts) {
  Batch batch;
  batch.id = Uuid{.bytes = {1}};
  batch.epoch = store().epoch();
  batch.contracts = {{JobTypeName("a"), "1", "old"}};
  batch.queues = {{QueueName("q"), TenantId(""), true, kStart, SubjectId("op")}};
  ASSERT_TRUE(store().commit(batch));
  batch.id = Uuid{.bytes = {2}};
  batch.contracts = {{JobTypeName("a"), "1", "new"}, {JobTypeName("a"), "2", "second"}};
  batch.queues[0].paused = false;
  ASSERT_TRUE(store().commit(batch));
  EXPECT_EQ(reader().contract(JobTypeName("a"), "1").value()->text, "old");
  EXPECT_EQ(reader().contract(JobTypeName("a"), "2").value()->text, "second");
  EXPECT_FALSE(reader().contract(JobTypeName("a"), "3").value());
  EXPECT_EQ(reader().queue_settings().value(), batch.queues);
}

IdempotencyRecord record(JobId job, Timestamp expires_at) {
  return {{TenantId("acme"), SubjectId("user:anna"), JobTypeName("exportReport"), "key-1"},
          "f1",
          job,
          expires_at};
}

TEST_P(StoreConformance, BindsAnIdempotencyKeyToOneJob) {
  BatchBuilder builder(store(), 20);
  const auto first = builder.enqueue(BatchBuilder::spec());
  const auto bound = record(first->id, kStart + std::chrono::hours(24));
  builder.batch().idempotency = {bound};
  ASSERT_TRUE(store().commit(builder.take()));
  EXPECT_EQ(reader().idempotency(bound.scope).value(), bound);

  const auto second = builder.enqueue(BatchBuilder::spec());
  builder.batch().idempotency = {record(second->id, kStart + std::chrono::hours(24))};
  expect_refused(store().commit(builder.take()), ErrorCode::kConflict);
  EXPECT_EQ(reader().job(second->id).value(), nullptr);
  EXPECT_EQ(reader().idempotency(bound.scope).value(), bound);
}

TEST_P(StoreConformance, GivesAnExpiredIdempotencyKeyToAnotherJob) {
  BatchBuilder builder(store(), 21);
  const auto first = builder.enqueue(BatchBuilder::spec());
  builder.batch().idempotency = {record(first->id, kStart + std::chrono::hours(24))};
  ASSERT_TRUE(store().commit(builder.take()));

  builder.at(kStart + std::chrono::hours(25));
  const auto second = builder.enqueue(BatchBuilder::spec());
  const auto bound = record(second->id, kStart + std::chrono::hours(50));
  builder.batch().idempotency = {bound};
  ASSERT_TRUE(store().commit(builder.take()));
  EXPECT_EQ(reader().idempotency(bound.scope).value(), bound);
}

TEST_P(StoreConformance, TellsIdempotencyScopesApart) {
  BatchBuilder builder(store(), 22);
  const auto job = builder.enqueue(BatchBuilder::spec());
  const auto bound = record(job->id, kStart + std::chrono::hours(24));
  builder.batch().idempotency = {bound};
  ASSERT_TRUE(store().commit(builder.take()));
  for (const auto part : {0, 1, 2, 3}) {
    IdempotencyScope other = bound.scope;
    if (part == 0) other.tenant = TenantId("other");
    if (part == 1) other.subject = SubjectId("user:bob");
    if (part == 2) other.field = JobTypeName("importReport");
    if (part == 3) other.key = "KEY-1";
    EXPECT_FALSE(reader().idempotency(other).value());
  }
}

TEST_P(StoreConformance, PrunesIdempotencyKeysOnlyWithoutTheirJob) {
  BatchBuilder builder(store(), 23);
  const auto job = builder.enqueue(BatchBuilder::spec());
  const auto kept = record(job->id, kStart + std::chrono::hours(1));
  auto spec = BatchBuilder::spec();
  spec.retention = Milliseconds(0);
  const auto ended = builder.succeed(builder.start(builder.enqueue(spec)));
  auto left = kept;
  left.scope.key = "left";
  left.job = ended->id;
  auto young = left;
  young.scope.key = "young";
  young.expires_at = kStart + std::chrono::hours(24);
  builder.batch().idempotency = {kept, left, young};
  builder.batch().forgets = {ended->id};
  ASSERT_TRUE(store().commit(builder.take()));

  EXPECT_EQ(store().prune_idempotency(kStart + std::chrono::hours(2), 100).value(), 1U);
  EXPECT_TRUE(reader().idempotency(kept.scope).value());
  EXPECT_FALSE(reader().idempotency(left.scope).value());
  EXPECT_TRUE(reader().idempotency(young.scope).value());
}

}  // namespace
}  // namespace errand::store::conformance
