// What deleting ended jobs has to do, by retention and on request.

#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "errand/base/random.h"
#include "errand/store/conformance/builders.h"
#include "errand/store/conformance/suite.h"

namespace errand::store::conformance {
namespace {

using namespace std::chrono_literals;

const auto kStart = Timestamp(Milliseconds(1'790'000'000'000));

job::JobSpec spec_kept_for(Milliseconds retention, std::string_view tenant = "acme") {
  auto spec = BatchBuilder::spec(tenant);
  spec.retention = retention;
  return spec;
}

IdempotencyRecord key_of(const job::StatePtr& job, Timestamp expires_at) {
  return {{job->spec.tenant, job->spec.subject, job->spec.type, "key-" + job->id.str()},
          "f1",
          job->id,
          expires_at};
}

/// Prunes until there is nothing more to do. @return how many jobs went.
std::size_t prune_all(Store& store, Timestamp now, const PruneLimits& limits = {}) {
  std::size_t jobs = 0;
  while (true) {
    const auto pruned = store.prune(now, limits);
    EXPECT_TRUE(pruned) << pruned.error().message;
    if (!pruned) return jobs;
    jobs += pruned->jobs;
    if (!pruned->next || *pruned->next > now) return jobs;
    EXPECT_GT(pruned->jobs + pruned->events, 0U) << "it goes on for ever";
    if (pruned->jobs + pruned->events == 0) return jobs;
  }
}

TEST_P(StoreConformance, PrunesAnEndedJobWithAllThatBelongsToIt) {
  BatchBuilder builder(store(), 50);
  auto spec = spec_kept_for(1h);
  spec.has_idempotency_key = true;
  const auto gone = builder.succeed(builder.start(builder.enqueue(spec)));
  const auto kept = builder.succeed(builder.start(builder.enqueue(spec_kept_for(2h))));
  builder.batch().payloads = {
      {gone->id, gone->spec.tenant, PayloadKind::kInput, "", "{}", {}},
      {gone->id, gone->spec.tenant, PayloadKind::kStep, "render", "1", {}},
      {gone->id, gone->spec.tenant, PayloadKind::kResult, "", "{}", {}},
      {gone->id, gone->spec.tenant, PayloadKind::kCredentials, "", "v1", {}},
      {kept->id, kept->spec.tenant, PayloadKind::kResult, "", "{}", {}}};
  const auto key = key_of(gone, kStart + 1h);
  builder.batch().idempotency = {key};
  ASSERT_TRUE(store().commit(builder.take()));

  const auto early = store().prune(kStart + 1h - 1ms, {}).value();
  EXPECT_EQ(early.jobs, 0U);
  EXPECT_EQ(early.next, kStart + 1h);
  EXPECT_NE(reader().job(gone->id).value(), nullptr);

  const auto pruned = store().prune(kStart + 1h, {}).value();
  EXPECT_EQ(pruned.jobs, 1U);
  EXPECT_EQ(pruned.gone, std::vector{gone->id});
  EXPECT_EQ(pruned.events, 3U);
  EXPECT_EQ(pruned.next, kStart + 2h);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(reader().job(gone->id).value(), nullptr);
    EXPECT_TRUE(reader().events_of(gone->id, Sequence{}, 10).value().empty());
    EXPECT_FALSE(reader().payload(gone->id, PayloadKind::kInput).value());
    EXPECT_FALSE(reader().payload(gone->id, PayloadKind::kStep, "render").value());
    EXPECT_FALSE(reader().payload(gone->id, PayloadKind::kResult).value());
    EXPECT_FALSE(reader().payload(gone->id, PayloadKind::kCredentials).value());
    EXPECT_FALSE(reader().idempotency(key.scope).value());
    EXPECT_EQ(*reader().job(kept->id).value(), *kept);
    EXPECT_TRUE(reader().payload(kept->id, PayloadKind::kResult).value());
    const auto counts = reader().counts(std::nullopt).value();
    ASSERT_EQ(counts.size(), 1U);
    EXPECT_EQ(counts[0].jobs, 1U);
    EXPECT_EQ(find_fault(reader()), "");
    subject().restart();
  }
}

TEST_P(StoreConformance, PrunesNothingThatIsLiveOrWasRevived) {
  BatchBuilder builder(store(), 51);
  auto scheduled = spec_kept_for(0ms);
  scheduled.scheduled_for = kStart + 1h;
  std::vector<job::StatePtr> live = {
      builder.enqueue(scheduled), builder.enqueue(spec_kept_for(0ms)),
      builder.start(builder.enqueue(spec_kept_for(0ms))),
      builder.add(builder.start(builder.enqueue(spec_kept_for(0ms))),
                  {job::AttemptFailed{}, job::RetryScheduled{kStart + 9s}}),
      builder.add(builder.start(builder.enqueue(spec_kept_for(0ms))),
                  {job::CancelRequested{job::CancelReason::kRequested, "stop", kStart + 30s}})};
  const auto failed = builder.add(builder.start(builder.enqueue(spec_kept_for(0ms))),
                                  {job::AttemptFailed{}, job::Failed{}, job::DeadLettered{}});
  ASSERT_TRUE(store().commit(builder.take()));
  live.push_back(builder.add(failed, {job::Requeued{.run = 2, .deadline = {}}}));
  ASSERT_TRUE(store().commit(builder.take()));

  const auto pruned = store().prune(kStart + 1'000h, {}).value();
  EXPECT_EQ(pruned.jobs, 0U);
  EXPECT_EQ(pruned.next, std::nullopt);
  for (const auto& job : live) EXPECT_EQ(*reader().job(job->id).value(), *job);
  EXPECT_EQ(reader().pruned_position(std::nullopt).value(), LogPosition{});
  EXPECT_EQ(find_fault(reader()), "");
}

TEST_P(StoreConformance, BoundsWhatOnePruningDeletes) {
  BatchBuilder builder(store(), 52);
  for (int i = 0; i < 10; ++i) {
    builder.at(kStart + Milliseconds(i));
    auto spec = spec_kept_for(1h);
    spec.input.size_bytes = 1'000;
    (void)builder.succeed(builder.start(builder.enqueue(spec)));  // 3 events, 1,002 bytes
  }
  ASSERT_TRUE(store().commit(builder.take()));
  const auto now = kStart + 2h;
  EXPECT_EQ(store().prune(now, {.jobs_max = 2}).value().jobs, 2U);
  EXPECT_EQ(store().prune(now, {.events_max = 6}).value().jobs, 2U);
  EXPECT_EQ(store().prune(now, {.bytes_max = 3'500}).value().jobs, 3U);
  const auto one = store().prune(now, {.events_max = 3, .bytes_max = 1}).value();
  EXPECT_EQ(one.jobs, 1U) << "one always passes";
  EXPECT_LE(*one.next, now);
  EXPECT_EQ(find_fault(reader()), "");
  EXPECT_EQ(prune_all(store(), now), 2U);
  EXPECT_TRUE(reader().counts(std::nullopt).value().empty());
  EXPECT_EQ(find_fault(reader()), "");
}

TEST_P(StoreConformance, PrunesAJobOfManyEventsOverARestart) {
  BatchBuilder builder(store(), 53);
  auto job = builder.start(builder.enqueue(spec_kept_for(1h)));
  for (int i = 0; i < 48; ++i) job = builder.add(job, {job::Progressed{{.completed = 1.0 * i}}});
  job = builder.succeed(job);
  const auto other = builder.enqueue(spec_kept_for(1h));
  ASSERT_TRUE(store().commit(builder.take()));

  const auto now = kStart + 2h;
  const PruneLimits limits{.events_max = 20};
  EXPECT_EQ(store().prune(now, limits).value().jobs, 1U);
  EXPECT_EQ(reader().job(job->id).value(), nullptr) << "it is gone at once";
  EXPECT_EQ(reader().pruned_position(TenantId("acme")).value(), job->last_position);
  EXPECT_EQ(find_fault(reader()), "");
  subject().restart();
  EXPECT_EQ(find_fault(reader()), "");
  EXPECT_EQ(prune_all(store(), now, limits), 0U);
  EXPECT_TRUE(reader().events_of(job->id, Sequence{}, 100).value().empty());
  EXPECT_EQ(reader().events_after(LogPosition{}, std::nullopt, 100).value().size(), 1U);
  EXPECT_EQ(*reader().job(other->id).value(), *other);
  EXPECT_EQ(find_fault(reader()), "");
}

TEST_P(StoreConformance, KeepsAKeyThatOutlivesItsJob) {
  BatchBuilder builder(store(), 54);
  auto spec = spec_kept_for(1h);
  spec.has_idempotency_key = true;
  const auto job = builder.succeed(builder.start(builder.enqueue(spec)));
  const auto key = key_of(job, kStart + 24h);
  builder.batch().idempotency = {key};
  ASSERT_TRUE(store().commit(builder.take()));
  EXPECT_EQ(prune_all(store(), kStart + 2h), 1U);
  EXPECT_EQ(reader().idempotency(key.scope).value(), key);
  EXPECT_EQ(store().prune_idempotency(kStart + 23h, 100).value(), 0U);
  EXPECT_EQ(store().prune_idempotency(kStart + 24h, 100).value(), 1U);
  EXPECT_FALSE(reader().idempotency(key.scope).value());
}

TEST_P(StoreConformance, KeepsTheLogOfATenantWholeWhereOnlyInternalJobsWent) {
  BatchBuilder builder(store(), 58);
  const auto kept = builder.succeed(builder.start(builder.enqueue(spec_kept_for(9h))));
  auto spec = spec_kept_for(1h);
  spec.type = JobTypeName("errand.webhook");
  spec.queue = QueueName("errand.webhook");
  const auto internal = builder.succeed(builder.start(builder.enqueue(spec)));
  ASSERT_TRUE(store().commit(builder.take()));

  EXPECT_EQ(prune_all(store(), kStart + 2h), 1U);
  EXPECT_EQ(reader().job(internal->id).value(), nullptr);
  EXPECT_EQ(reader().pruned_position(TenantId("acme")).value(), LogPosition{});
  EXPECT_EQ(reader().pruned_position(std::nullopt).value(), internal->last_position);
  EXPECT_EQ(prune_all(store(), kStart + 9h), 1U);
  EXPECT_EQ(reader().pruned_position(TenantId("acme")).value(), kept->last_position);
  EXPECT_EQ(find_fault(reader()), "");
}

TEST_P(StoreConformance, TellsEachTenantUpToWhereItsLogHasGaps) {
  BatchBuilder builder(store(), 55);
  const auto first = builder.succeed(builder.start(builder.enqueue(spec_kept_for(1h))));
  const auto second = builder.succeed(builder.start(builder.enqueue(spec_kept_for(2h))));
  const auto theirs = builder.succeed(builder.start(builder.enqueue(spec_kept_for(3h, "globex"))));
  ASSERT_TRUE(store().commit(builder.take()));
  const auto acme = [&] { return reader().pruned_position(TenantId("acme")).value(); };
  const auto globex = [&] { return reader().pruned_position(TenantId("globex")).value(); };

  EXPECT_EQ(acme(), LogPosition{});
  EXPECT_EQ(prune_all(store(), kStart + 1h), 1U);
  EXPECT_EQ(acme(), first->last_position);
  EXPECT_EQ(globex(), LogPosition{});
  EXPECT_EQ(prune_all(store(), kStart + 3h), 2U);
  EXPECT_EQ(acme(), second->last_position);
  EXPECT_EQ(globex(), theirs->last_position);
  subject().restart();
  EXPECT_EQ(acme(), second->last_position);
  EXPECT_EQ(reader().pruned_position(std::nullopt).value(), theirs->last_position);
  EXPECT_EQ(store().last_position(), theirs->last_position) << "positions never come twice";
  EXPECT_EQ(find_fault(reader()), "");
}

TEST_P(StoreConformance, ErasesOnePayloadWithItsBatchAndLeavesTheOthers) {
  BatchBuilder builder(store(), 58);
  const auto job = builder.start(builder.enqueue(BatchBuilder::spec()));
  const auto other = builder.enqueue(BatchBuilder::spec());
  for (const auto& each : {job, other}) {
    const TenantId& tenant = each->spec.tenant;
    builder.batch().payloads.push_back({each->id, tenant, PayloadKind::kInput, "", "{}", {}});
    builder.batch().payloads.push_back({each->id, tenant, PayloadKind::kCredentials, "", "v1", {}});
    builder.batch().payloads.push_back({each->id, tenant, PayloadKind::kStep, "render", "1", {}});
  }
  ASSERT_TRUE(store().commit(builder.take()));

  // What is refused erases nothing.
  Batch refused;
  refused.epoch = store().epoch() + 1;
  refused.payload_erasures = {{job->id, PayloadKind::kCredentials, ""}};
  EXPECT_FALSE(refused.empty());
  ASSERT_FALSE(store().commit(refused));
  EXPECT_TRUE(reader().payload(job->id, PayloadKind::kCredentials).value());

  (void)builder.succeed(job);
  builder.batch().payload_erasures = {{job->id, PayloadKind::kCredentials, ""},
                                      {job->id, PayloadKind::kStep, "render"},
                                      {job->id, PayloadKind::kStep, "never there"}};
  ASSERT_TRUE(store().commit(builder.take()));
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(reader().payload(job->id, PayloadKind::kCredentials).value());
    EXPECT_FALSE(reader().payload(job->id, PayloadKind::kStep, "render").value());
    EXPECT_TRUE(reader().payload(job->id, PayloadKind::kInput).value());
    EXPECT_TRUE(reader().payload(other->id, PayloadKind::kCredentials).value());
    EXPECT_TRUE(reader().payload(other->id, PayloadKind::kStep, "render").value());
    EXPECT_EQ(find_fault(reader()), "");
    subject().restart();
  }
}

TEST_P(StoreConformance, ForgetsAnEndedJobAndKeepsItsKeyAsATombstone) {
  BatchBuilder builder(store(), 56);
  auto spec = spec_kept_for(1'000h);
  spec.has_idempotency_key = true;
  const auto job = builder.start(builder.enqueue(spec));
  auto key = key_of(job, kStart + 24h);
  builder.batch().idempotency = {key};
  builder.batch().payloads = {{job->id, job->spec.tenant, PayloadKind::kInput, "", "{}", {}},
                              {job->id, job->spec.tenant, PayloadKind::kCredentials, "", "v1", {}}};
  ASSERT_TRUE(store().commit(builder.take()));

  // What the batch itself ends may be forgotten by it.
  const auto ended = builder.succeed(job);
  builder.batch().payloads = {{job->id, job->spec.tenant, PayloadKind::kResult, "", "{}", {}}};
  builder.batch().forgets = {job->id};
  ASSERT_TRUE(store().commit(builder.take()));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(reader().job(job->id).value(), nullptr);
    EXPECT_TRUE(reader().events_of(job->id, Sequence{}, 10).value().empty());
    EXPECT_FALSE(reader().payload(job->id, PayloadKind::kInput).value());
    EXPECT_FALSE(reader().payload(job->id, PayloadKind::kResult).value());
    EXPECT_FALSE(reader().payload(job->id, PayloadKind::kCredentials).value());
    EXPECT_TRUE(reader().counts(std::nullopt).value().empty());
    EXPECT_EQ(reader().pruned_position(TenantId("acme")).value(), ended->last_position);
    const auto left = reader().idempotency(key.scope).value();
    ASSERT_TRUE(left);
    EXPECT_TRUE(left->forgotten);
    EXPECT_EQ(find_fault(reader()), "");
    subject().restart();
  }
  EXPECT_EQ(store().prune_idempotency(kStart + 23h, 100).value(), 0U);
  EXPECT_EQ(store().prune_idempotency(kStart + 24h, 100).value(), 1U);
}

TEST_P(StoreConformance, GivesTheKeyOfAForgottenJobToAnotherOnceItHasExpired) {
  BatchBuilder builder(store(), 57);
  auto spec = spec_kept_for(1h);
  spec.has_idempotency_key = true;
  const auto job = builder.succeed(builder.start(builder.enqueue(spec)));
  const auto key = key_of(job, kStart + 24h);
  builder.batch().idempotency = {key};
  builder.batch().forgets = {job->id};
  ASSERT_TRUE(store().commit(builder.take()));

  builder.at(kStart + 25h);
  const auto next = builder.enqueue(spec);
  auto again = key;
  again.job = next->id;
  again.expires_at = kStart + 50h;
  builder.batch().idempotency = {again};
  ASSERT_TRUE(store().commit(builder.take()));
  EXPECT_EQ(reader().idempotency(key.scope).value(), again);
  EXPECT_EQ(store().prune_idempotency(kStart + 51h, 100).value(), 0U) << "its job lives";
}

TEST_P(StoreConformance, RefusesToForgetWhatHasNotEnded) {
  BatchBuilder builder(store(), 58);
  const auto job = builder.start(builder.enqueue(spec_kept_for(1h)));
  ASSERT_TRUE(store().commit(builder.take()));
  for (const JobId& id : {job->id, JobId{Uuid{.bytes = {5}}}}) {
    builder.batch().forgets = {id};
    const auto refused = store().commit(builder.take());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().error.code, ErrorCode::kConflict) << refused.error().error.message;
  }
  EXPECT_EQ(*reader().job(job->id).value(), *job);
  EXPECT_EQ(find_fault(reader()), "");
}

// Lives and ends at random, with prunings of random size in between.
TEST_P(StoreConformance, HoldsItsInvariantsWhilePruning) {
  SeededRandom random(59);
  BatchBuilder builder(store(), 60);
  std::map<JobId, job::StatePtr> jobs;
  for (int round = 0; round < 60; ++round) {
    const auto now = kStart + Milliseconds(round * 100);
    builder.at(now);
    for (std::uint64_t i = random.next() % 6; i > 0; --i) {
      const auto job = builder.enqueue(spec_kept_for(Milliseconds(random.next() % 2'000),
                                                     random.next() % 2 == 0 ? "acme" : "globex"));
      jobs[job->id] = job;
    }
    for (auto& [id, state] : jobs) {
      if (random.next() % 3 != 0) continue;
      if (state->status == job::JobStatus::kPending) {
        state = builder.start(state);
      } else if (state->status == job::JobStatus::kRunning) {
        state = builder.succeed(state);
      } else if (random.next() % 10 == 0) {
        builder.batch().forgets.push_back(id);
      }
    }
    const Batch batch = builder.take();
    ASSERT_TRUE(store().commit(batch));
    for (const JobId& id : batch.forgets) jobs.erase(id);
    const PruneLimits limits{.jobs_max = 1 + random.next() % 4,
                             .events_max = 1 + random.next() % 8};
    ASSERT_TRUE(store().prune(now, limits));
    if (round % 7 == 6) prune_all(store(), now, limits);
    if (round % 20 == 19) {
      subject().restart();
      builder.go_on_with(store());
    }
    ASSERT_EQ(find_fault(reader()), "") << "after round " << round;
    for (auto it = jobs.begin(); it != jobs.end();) {
      const auto stored = reader().job(it->first).value();
      if (stored) {
        ASSERT_EQ(*stored, *it->second);
        ++it;
        continue;
      }
      ASSERT_TRUE(it->second->terminal());
      ASSERT_LE(*it->second->expires_at, now);
      it = jobs.erase(it);
    }
  }
}

}  // namespace
}  // namespace errand::store::conformance
