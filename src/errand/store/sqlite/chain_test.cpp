#include <array>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/base/random.h"
#include "errand/store/conformance/builders.h"
#include "errand/store/event_chain.h"
#include "errand/store/sqlite/chain_verifier.h"
#include "errand/store/sqlite/connection.h"
#include "errand/store/sqlite/sqlite_store.h"
#include "errand/store/sqlite/sqlite_test_folder.h"

namespace errand::store::sqlite {
namespace {

using conformance::BatchBuilder;
using testing::HasSubstr;

constexpr auto kFarFuture = Timestamp(Milliseconds(4'000'000'000'000));

std::array<std::uint8_t, 32> digest_of(std::string_view bytes) {
  std::array<std::uint8_t, 32> digest{};
  digest[0] = static_cast<std::uint8_t>(bytes.size());
  return digest;
}

class SqliteChain : public testing::Test {
 protected:
  static EventChain chain_of(std::uint8_t byte) {
    crypto::Digest secret{};
    secret.fill(byte);
    return EventChain(crypto::MasterKey(secret));
  }

  std::unique_ptr<Store> open_store() {
    return open({.file = folder_.file(), .chain = chain_}).value();
  }

  /// Four jobs, of which the first is running and the others have ended, in three commits on two
  /// days.
  void write_jobs() {
    const auto store = open_store();
    BatchBuilder builder(*store, 1);
    std::vector<job::StatePtr> jobs;
    for (int i = 0; i < 4; ++i) {
      auto spec = BatchBuilder::spec();
      spec.input = {digest_of("{}"), 2};
      jobs.push_back(builder.enqueue(spec));
      builder.batch().payloads.push_back(
          {jobs.back()->id, spec.tenant, PayloadKind::kInput, "", "{}", digest_of("{}")});
    }
    commit(*store, builder);
    for (auto& job : jobs) job = builder.start(job);
    commit(*store, builder);
    time_ += std::chrono::days(1);
    for (std::size_t i = 1; i < jobs.size(); ++i) jobs[i] = builder.succeed(jobs[i]);
    commit(*store, builder);
    for (const auto& job : jobs) ids_.push_back(job->id);
  }

  void commit(Store& store, BatchBuilder& builder) {
    Batch batch = builder.take();
    batch.time = time_;
    const auto done = store.commit(batch);
    ASSERT_TRUE(done) << done.error().error.message;
  }

  ChainReport verify(const ChainVerification& options = {}) {
    const auto report = verify_chain(folder_.file(), chain_, options);
    if (!report) {
      ADD_FAILURE() << report.error().message;
      return {};
    }
    return *report;
  }

  /// What is found after `sql`, which is undone afterwards.
  std::string found_after(const std::string& sql) {
    const auto copy = folder_.path() / "before.db";
    std::filesystem::copy_file(folder_.file(), copy,
                               std::filesystem::copy_options::overwrite_existing);
    change(sql);
    std::string text;
    for (const std::string& fault : verify().faults) text += fault + "\n";
    std::filesystem::copy_file(copy, folder_.file(),
                               std::filesystem::copy_options::overwrite_existing);
    return text;
  }

  void change(const std::string& sql) {
    auto connection = Connection::open(folder_.file(), Connection::Mode::kReadWrite).value();
    const auto done = connection.execute(sql.c_str());
    ASSERT_TRUE(done) << done.error().message;
  }

  TestFolder folder_;
  EventChain chain_ = chain_of(1);
  Timestamp time_{Milliseconds(1'800'000'000'000)};
  std::vector<JobId> ids_;
};

TEST_F(SqliteChain, FindsNothingWhereNothingWasChangedAlsoWhileTheStoreIsOpen) {
  EXPECT_EQ(verify_chain(folder_.file(), chain_, {}).error().code, ErrorCode::kNotFound);
  {
    const auto store = open_store();
  }
  EXPECT_FALSE(verify().begun);
  write_jobs();
  const auto store = open_store();
  const ChainReport report = verify();
  EXPECT_THAT(report.faults, testing::IsEmpty());
  EXPECT_TRUE(report.begun);
  EXPECT_EQ(report.jobs, 4U);
  EXPECT_EQ(report.events, 11U);
  EXPECT_EQ(report.unchained_events, 0U);
  EXPECT_EQ(report.checkpoints, 1U);
  ASSERT_TRUE(report.checkpoint);
  EXPECT_EQ(report.checkpoint->position, LogPosition{8}) << "what the day before left";
  EXPECT_EQ(last_checkpoint(folder_.file()).value(), report.checkpoint);
}

TEST_F(SqliteChain, NamesEachChange) {
  write_jobs();
  const std::string job = ids_[1].str();
  const auto of_job = [&](const char* sql) {
    return found_after(fmt::format(fmt::runtime(sql), job));
  };
  EXPECT_EQ(found_after("SELECT 1"), "");
  EXPECT_EQ(found_after("UPDATE jobs SET epoch = 9"), "") << "no part of the history";
  EXPECT_THAT(of_job("UPDATE events SET data = '{{}}' WHERE job_id = '{}' AND sequence = 1"),
              HasSubstr("event 1 (dev.errand.job.enqueued of 2"));
  EXPECT_THAT(of_job("UPDATE events SET actor = 'eve' WHERE job_id = '{}' AND sequence = 2"),
              HasSubstr("event 2 "));
  EXPECT_THAT(of_job("UPDATE events SET link = zeroblob(32) WHERE job_id = '{}' AND sequence = 3"),
              HasSubstr("event 3 "));
  EXPECT_THAT(of_job("UPDATE events SET link = NULL WHERE job_id = '{}' AND sequence = 3"),
              HasSubstr("event 3 has no link"));
  EXPECT_THAT(of_job("DELETE FROM events WHERE job_id = '{}' AND sequence = 2"),
              HasSubstr("event 2 is missing"));
  EXPECT_THAT(of_job("DELETE FROM events WHERE job_id = '{}' AND sequence = 3"),
              HasSubstr("its 2 events do not end where its row says (3)"));
  // What fits together can still be told from what was written last.
  EXPECT_THAT(of_job("DELETE FROM events WHERE job_id = '{0}' AND sequence = 3;"
                     "UPDATE jobs SET sequence = 2, chain_head = (SELECT link FROM events"
                     " WHERE job_id = '{0}' AND sequence = 2) WHERE id = '{0}'"),
              HasSubstr("are not those that were written last"));
  EXPECT_THAT(of_job("DELETE FROM events WHERE job_id = '{0}'; DELETE FROM jobs WHERE id = '{0}'"),
              HasSubstr("3 jobs are chained, there should be 4"));
  EXPECT_THAT(of_job("UPDATE events SET link = NULL WHERE job_id = '{0}';"
                     "UPDATE jobs SET chain_head = NULL WHERE id = '{0}'"),
              HasSubstr("3 jobs are chained, there should be 4"));
  EXPECT_THAT(found_after("UPDATE store_state SET chain_jobs = 3"), HasSubstr("the seal"));
  EXPECT_THAT(found_after("UPDATE store_state SET chain_jobs = NULL"), HasSubstr("is missing"));
  EXPECT_THAT(found_after("UPDATE store_state SET last_position = 12"), HasSubstr("the seal"));
  EXPECT_THAT(found_after("DELETE FROM audit_checkpoints"), HasSubstr("the seal"));
  EXPECT_THAT(found_after("UPDATE audit_checkpoints SET jobs = 5"),
              HasSubstr("checkpoint 1 of 2027-01-15T08:00:00.000Z, at log position 8 is not what"));
}

TEST_F(SqliteChain, WhatIsPrunedOrForgottenIsNotMissed) {
  write_jobs();
  {
    const auto store = open_store();
    Batch forget;
    SeededRandom random(7);
    forget.id = Uuid::v7(time_, random);
    forget.epoch = store->epoch();
    forget.time = time_;
    forget.forgets = {ids_[2]};
    ASSERT_TRUE(store->commit(forget));
    EXPECT_THAT(verify().faults, testing::IsEmpty());
    // One event at a time, so that jobs are half gone in between.
    for (int round = 0; round < 8; ++round) {
      ASSERT_TRUE(store->prune(kFarFuture, {.jobs_max = 1, .events_max = 1}));
      EXPECT_THAT(verify().faults, testing::IsEmpty());
    }
    EXPECT_EQ(verify().jobs, 1U);
  }
  {
    const auto again = open_store();
  }
}

TEST_F(SqliteChain, AKeptCheckpointShowsAnOlderCopy) {
  write_jobs();
  std::filesystem::copy_file(folder_.file(), folder_.path() / "old.db");
  time_ += std::chrono::days(1);
  {
    const auto store = open_store();
    BatchBuilder builder(*store, 2);
    builder.enqueue(BatchBuilder::spec());
    commit(*store, builder);
  }
  const auto kept = last_checkpoint(folder_.file()).value();
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->number, 2U);
  EXPECT_THAT(verify({.kept = kept}).faults, testing::IsEmpty());
  std::filesystem::copy_file(folder_.path() / "old.db", folder_.file(),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(verify().faults, testing::IsEmpty()) << "by itself it is whole";
  EXPECT_THAT(verify({.kept = kept}).faults,
              testing::ElementsAre(HasSubstr("checkpoint 2 of 2027-01-16")));
  auto forged = *kept;
  forged.jobs = 1;
  EXPECT_THAT(verify({.kept = forged}).faults,
              testing::Contains(HasSubstr("was not signed with this master key")));
}

TEST_F(SqliteChain, AnotherKeyIsRefusedUntilTheChainIsBegunAnew) {
  write_jobs();
  const auto other = chain_of(2);
  EXPECT_EQ(open({.file = folder_.file(), .chain = other}).error().code, ErrorCode::kConfigInvalid);
  EXPECT_EQ(open({.file = folder_.file()}).error().code, ErrorCode::kConfigInvalid);
  {
    const auto store = open_store();
    EXPECT_EQ(restart_chain(folder_.file()).error().code, ErrorCode::kStoreLocked);
  }
  ASSERT_TRUE(restart_chain(folder_.file()));
  chain_ = other;
  const auto store = open_store();
  BatchBuilder builder(*store, 3);
  builder.succeed(store->reader().job(ids_[0]).value());
  commit(*store, builder);
  const ChainReport report = verify();
  EXPECT_THAT(report.faults, testing::IsEmpty());
  EXPECT_EQ(report.unchained_events, 11U);
  EXPECT_EQ(report.events, 12U);
}

TEST_F(SqliteChain, VerifiesOneJob) {
  write_jobs();
  const auto look = [&] { return verify_job(folder_.file(), chain_, digest_of, ids_[1]).value(); };
  const JobVerification good = look();
  EXPECT_THAT(good.faults, testing::IsEmpty());
  EXPECT_EQ(good.events, 3U);
  EXPECT_EQ(good.payloads, 1U);
  change("UPDATE payloads SET bytes = '[1]'");
  EXPECT_THAT(look().faults, testing::ElementsAre("its INPUT is not what was written"));
  change("UPDATE payloads SET bytes = '{}'; UPDATE jobs SET state = json_set(state, '$.run', 9)");
  EXPECT_THAT(look().faults, testing::ElementsAre("its snapshot is not the fold of its events"));
  SeededRandom random(5);
  EXPECT_EQ(
      verify_job(folder_.file(), chain_, digest_of, JobId{Uuid::v7(time_, random)}).error().code,
      ErrorCode::kNotFound);
}

}  // namespace
}  // namespace errand::store::sqlite
