// A disk that is full, or fails to write or to sync.

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "errand/store/conformance/builders.h"
#include "errand/store/conformance/suite.h"
#include "errand/store/sqlite/simulated_disk.h"
#include "errand/store/sqlite/sqlite_store.h"

namespace errand::store::sqlite {
namespace {

using conformance::BatchBuilder;
using conformance::find_fault;
using Operation = SimulatedDisk::Operation;
using Outcome = CommitError::Outcome;

class SqliteFaults : public testing::Test {
 protected:
  SqliteFaults() : store_(open_on(disk_)) {}

  static std::unique_ptr<Store> open_on(SimulatedDisk& disk) {
    return open({.file = "db", .readers = 1, .vfs = disk.name(), .checkpoint_in_commit = true})
        .value();
  }

  /// Fails every `operation` on the write-ahead log with `code`.
  void fail_log(Operation operation, int code) {
    disk_.set_fault([operation, code](Operation asked, std::string_view file) {
      return asked == operation && file.ends_with("-wal") ? code : SQLITE_OK;
    });
  }
  void heal() { disk_.set_fault({}); }

  Batch one_job() {
    BatchBuilder builder(*store_, ++seed_);
    (void)builder.enqueue(BatchBuilder::spec());
    return builder.take();
  }

  /// How often a restart finds `batch` if the power goes now, of kPowerLosses times. Each time the
  /// store is whole.
  int found_after_power_loss(const Batch& batch) {
    int found = 0;
    for (int i = 0; i < kPowerLosses; ++i) {
      const auto disk = disk_.after_power_loss(++seed_);
      const auto store = open_on(*disk);
      EXPECT_EQ(find_fault(store->reader()), "");
      if (store->last_batch_id() == batch.id) ++found;
    }
    return found;
  }
  static constexpr int kPowerLosses = 16;

  SimulatedDisk disk_{1};
  std::unique_ptr<Store> store_;
  std::uint64_t seed_ = 0;
};

TEST_F(SqliteFaults, KeepsWhatItHasAcknowledgedWhenThePowerGoes) {
  for (int i = 0; i < 12; ++i) {
    const Batch batch = one_job();
    ASSERT_TRUE(store_->commit(batch));
    ASSERT_EQ(found_after_power_loss(batch), kPowerLosses);
  }
}

// Also in the middle of a checkpoint, which begins here with every commit.
TEST_F(SqliteFaults, IsWholeWhicheverWriteThePowerEndsAt) {
  store_.reset();
  store_ = open({.file = "db",
                 .readers = 1,
                 .checkpoint_bytes = 1,
                 .vfs = disk_.name(),
                 .checkpoint_in_commit = true})
               .value();
  Uuid acknowledged;
  int checkpoints = 0;
  for (int i = 0; i < 5; ++i) {
    const Batch batch = one_job();
    bool fine = true;
    disk_.set_fault([&](Operation, std::string_view file) {
      if (!file.ends_with("-wal")) ++checkpoints;
      const auto disk = disk_.after_power_loss(++seed_);
      const auto store = open_on(*disk);
      fine = fine && find_fault(store->reader()).empty() &&
             (store->last_batch_id() == acknowledged || store->last_batch_id() == batch.id);
      return SQLITE_OK;
    });
    ASSERT_TRUE(store_->commit(batch));
    ASSERT_TRUE(fine) << i;
    heal();
    acknowledged = batch.id;
  }
  EXPECT_GT(checkpoints, 5);
}

TEST_F(SqliteFaults, RefusesWhileTheDiskIsFullAndGoesOnAfterwards) {
  ASSERT_TRUE(store_->commit(one_job()));
  const Batch batch = one_job();
  fail_log(Operation::kWrite, SQLITE_FULL);
  for (int i = 0; i < 3; ++i) {
    const auto refused = store_->commit(batch);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().outcome, Outcome::kRefused);
    EXPECT_EQ(refused.error().error.code, ErrorCode::kStoreFull);
    EXPECT_EQ(find_fault(store_->reader()), "") << "reads go on";
  }
  heal();
  EXPECT_TRUE(store_->commit(batch));
  EXPECT_EQ(find_fault(store_->reader()), "");
}

TEST_F(SqliteFaults, LeavesTheOutcomeOpenWhenTheSyncFails) {
  const Batch first = one_job();
  ASSERT_TRUE(store_->commit(first));
  const Batch batch = one_job();
  fail_log(Operation::kSync, SQLITE_IOERR_FSYNC);
  const auto unknown = store_->commit(batch);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().outcome, Outcome::kUnknown);
  // The whole commit is in the file: if the power goes now, a restart may find it, or not.
  EXPECT_GT(found_after_power_loss(batch), 0);
  EXPECT_LT(found_after_power_loss(batch), kPowerLosses);

  const auto refused = store_->commit(batch);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().outcome, Outcome::kRefused);
  EXPECT_FALSE(store_->reopen()) << "the disk still fails";
  heal();
  ASSERT_TRUE(store_->reopen());
  EXPECT_EQ(store_->last_batch_id(), first.id);
  EXPECT_EQ(find_fault(store_->reader()), "");
  // reopen() has said "not there", and so it must stay.
  EXPECT_EQ(found_after_power_loss(batch), 0);

  ASSERT_TRUE(store_->commit(one_job()));
  EXPECT_EQ(find_fault(store_->reader()), "");
}

TEST_F(SqliteFaults, LeavesTheOutcomeOpenWhenTheCommitCannotBeWritten) {
  ASSERT_TRUE(store_->commit(one_job()));
  fail_log(Operation::kWrite, SQLITE_IOERR_WRITE);
  const auto unknown = store_->commit(one_job());
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().outcome, Outcome::kUnknown);
  heal();
  ASSERT_TRUE(store_->reopen());
  ASSERT_TRUE(store_->commit(one_job()));
  EXPECT_EQ(find_fault(store_->reader()), "");
}

// Whichever write or sync of a commit fails, the store ends up with all of the batch or nothing,
// says which, and goes on.
TEST_F(SqliteFaults, SurvivesAFailureAtEveryStepOfACommit) {
  for (const int code : {SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC}) {
    for (int step = 0;; ++step) {
      int left = step;
      bool failed = false;
      disk_.set_fault([&](Operation, std::string_view) {
        if (failed || left-- > 0) return SQLITE_OK;
        failed = true;
        return code;
      });
      const Batch batch = one_job();
      const auto outcome = store_->commit(batch);
      heal();
      if (outcome) {
        ASSERT_FALSE(failed) << "a failure was acknowledged";
        break;
      }
      if (outcome.error().outcome == Outcome::kUnknown) {
        ASSERT_TRUE(store_->reopen());
      }
      const bool there = store_->reader().job(batch.jobs[0].after->id).value() != nullptr;
      ASSERT_EQ(there, store_->last_batch_id() == batch.id);
      ASSERT_EQ(find_fault(store_->reader()), "") << "code " << code << ", step " << step;
    }
  }
}

}  // namespace
}  // namespace errand::store::sqlite
