#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "errand/engine/testing/bench.h"
#include "errand/job/estimate.h"

namespace errand::engine {
namespace {

using testing::Bench;
using testing::spec;
using namespace std::chrono_literals;

job::JobSpec spec_of(std::string_view tenant, std::string_view type) {
  job::JobSpec s = spec();
  s.tenant = TenantId(tenant);
  s.type = JobTypeName(type);
  return s;
}

/// Runs a job that is at 50 % after a tenth of `duration`.
void run_job(Bench& bench, const job::JobSpec& s, Milliseconds duration) {
  const JobId id = bench.enqueue(s)->id;
  const FencingToken token = bench.state(id)->token;
  bench.advance(duration / 10);
  const job::Progress half{.completed = 5, .total = 10, .stage = {}, .message = {}};
  ASSERT_TRUE(bench.ask(bench.command(id, job::ReportProgress{token, half})).has_value());
  bench.advance(duration - duration / 10);
  ASSERT_TRUE(bench.complete(id, token).has_value());
}

Bench make_bench(Options options = {}) {
  options.lease = 24h;
  return Bench(options);
}

job::TypeHistoryPtr history_of(Bench& bench, std::string_view tenant, std::string_view type) {
  for (const EstimateChange& each : bench.engine().estimates()) {
    if (each.tenant == TenantId(tenant) && each.type == JobTypeName(type)) return each.history;
  }
  return nullptr;
}

TEST(Estimates, LearnFromJobsThatSucceed) {
  Bench bench = make_bench();
  bench.worker("w-1", 1'000);
  for (int i = 0; i < 40; ++i) run_job(bench, spec(), Milliseconds(10'000 + 100 * (i * 7 % 40)));
  const auto history = history_of(bench, "acme", "exportReport");
  ASSERT_NE(history, nullptr);
  EXPECT_NEAR(history->total(0)->middle, 12'000, 700);
  EXPECT_NEAR(history->left(0.5, 1'200, 0)->middle, 10'800, 500);

  // Those that fail or are stopped teach nothing.
  const JobId id = bench.enqueue()->id;
  bench.advance(1h);
  ASSERT_TRUE(bench.ask(bench.command(id, job::Kill{})).has_value());
  EXPECT_EQ(*history_of(bench, "acme", "exportReport"), *history);
}

TEST(Estimates, KeepTenantsAndTypesApart) {
  Bench bench = make_bench();
  bench.worker("w-1", 1'000, std::nullopt);
  for (int i = 0; i < 30; ++i) {
    run_job(bench, spec_of("acme", "a"), 10s);
    run_job(bench, spec_of("globex", "a"), 60s);
  }
  EXPECT_NEAR(history_of(bench, "acme", "a")->total(0)->middle, 10'000, 100);
  EXPECT_NEAR(history_of(bench, "globex", "a")->total(0)->middle, 60'000, 600);
  EXPECT_EQ(history_of(bench, "acme", "b"), nullptr);
}

TEST(Estimates, OutliveARestart) {
  Bench bench = make_bench();
  bench.worker("w-1", 1'000);
  for (int i = 0; i < 30; ++i) run_job(bench, spec(), 11s);  // each later than the write interval
  const auto before = history_of(bench, "acme", "exportReport");
  bench.crash();
  const auto after = history_of(bench, "acme", "exportReport");
  ASSERT_NE(after, nullptr);
  EXPECT_EQ(after->to_json(), before->to_json());
}

TEST(Estimates, LearnFromAnAttemptThatRanOverARestart) {
  Bench bench = make_bench();
  bench.worker("w-1", 1'000);
  const JobId id = bench.enqueue()->id;
  bench.advance(20s);
  bench.crash();
  bench.advance(20s);
  ASSERT_TRUE(bench.complete(id, FencingToken{1}).has_value());
  EXPECT_NE(history_of(bench, "acme", "exportReport"), nullptr);
}

TEST(Estimates, AreStoredAtMostOnceInAnInterval) {
  Bench bench = make_bench();
  bench.worker("w-1", 1'000);
  const auto stored = [&] { return bench.store.reader().estimate_digests().value(); };
  run_job(bench, spec(), 100ms);
  const auto first = stored();
  ASSERT_EQ(first.size(), 1U);
  for (int i = 0; i < 5; ++i) run_job(bench, spec(), 100ms);
  EXPECT_EQ(stored(), first);
  // What was left over goes with the next batch of any job.
  bench.advance(10s);
  (void)bench.enqueue(spec_of("acme", "other"));
  EXPECT_NE(stored(), first);
  EXPECT_EQ(stored().front().text, history_of(bench, "acme", "exportReport")->to_json());
}

TEST(Estimates, ChangeNothingWithABatchThatWasRefused) {
  Bench bench = make_bench();
  bench.worker("w-1", 1'000);
  run_job(bench, spec(), 11s);
  const auto before = history_of(bench, "acme", "exportReport");
  const JobId id = bench.enqueue()->id;
  bench.advance(11s);
  bench.store.fail_next_commit(store::MemoryStore::Fault::kRefuse);
  EXPECT_FALSE(bench.complete(id, FencingToken{1}).has_value());
  EXPECT_EQ(history_of(bench, "acme", "exportReport"), before);
  ASSERT_TRUE(bench.complete(id, FencingToken{1}).has_value());
  EXPECT_NE(history_of(bench, "acme", "exportReport"), before);
}

TEST(Estimates, ForgetTheTypeThatLearnedNothingForLongest) {
  Options options;
  options.estimate_types_max = 2;
  Bench bench = make_bench(options);
  bench.worker("w-1", 1'000);
  for (const char* type : {"a", "b", "a", "c"}) run_job(bench, spec_of("acme", type), 11s);
  EXPECT_EQ(history_of(bench, "acme", "b"), nullptr);
  EXPECT_NE(history_of(bench, "acme", "a"), nullptr);
  EXPECT_EQ(bench.store.reader().estimate_digests().value().size(), 2U);
  bench.crash();
  EXPECT_EQ(bench.engine().estimates().size(), 2U);
}

TEST(Estimates, StartWithADigestThatCannotBeRead) {
  Bench bench = make_bench();
  bench.worker("w-1", 1'000);
  Plan plan = bench.plan();
  plan.batch.id = Uuid::v7(bench.now.wall, bench.random);
  plan.batch.epoch = bench.store.epoch();
  plan.batch.estimates = {{TenantId("acme"), JobTypeName("exportReport"), R"({"version":99})"}};
  ASSERT_TRUE(bench.store.commit(plan.batch).has_value());
  bench.crash();
  bench.worker("w-1", 1'000);
  run_job(bench, spec(), 11s);
  EXPECT_EQ(bench.store.reader().estimate_digests().value().front().text,
            history_of(bench, "acme", "exportReport")->to_json());
}

}  // namespace
}  // namespace errand::engine
