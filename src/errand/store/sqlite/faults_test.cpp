// A disk that is full, or fails to write or to sync.

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "errand/store/conformance/builders.h"
#include "errand/store/conformance/suite.h"
#include "errand/store/sqlite/faulty_vfs.h"
#include "errand/store/sqlite/sqlite_store.h"
#include "errand/store/sqlite/sqlite_test_folder.h"

namespace errand::store::sqlite {
namespace {

using conformance::BatchBuilder;
using conformance::find_fault;
using Operation = FaultyVfs::Operation;
using Outcome = CommitError::Outcome;

class SqliteFaults : public testing::Test {
 protected:
  SqliteFaults() : store_(open({.file = folder_.file(), .vfs = FaultyVfs::name()}).value()) {}
  ~SqliteFaults() override { vfs_.set_fault({}); }

  /// Fails every `operation` on the write-ahead log with `code`.
  void fail_log(Operation operation, int code) {
    vfs_.set_fault([operation, code](Operation asked, std::string_view file) {
      return asked == operation && file.ends_with("-wal") ? code : SQLITE_OK;
    });
  }
  void heal() { vfs_.set_fault({}); }

  Batch one_job() {
    BatchBuilder builder(*store_, ++seed_);
    (void)builder.enqueue(BatchBuilder::spec());
    return builder.take();
  }

  /// What a restart finds after the power went now, if all that was written reached the disk.
  void expect_after_crash(bool written, const Batch& batch) {
    const TestFolder copy;
    for (const std::string_view suffix : {"", "-wal"}) {
      std::filesystem::copy_file(folder_.file().string() + std::string(suffix),
                                 copy.file().string() + std::string(suffix));
    }
    const auto store = open({.file = copy.file()}).value();
    EXPECT_EQ(find_fault(store->reader()), "");
    EXPECT_EQ(store->last_batch_id() == batch.id, written);
  }

  FaultyVfs vfs_;
  TestFolder folder_;
  std::unique_ptr<Store> store_;
  std::uint64_t seed_ = 0;
};

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
  // The whole commit is in the file: had the power gone now, a restart would find it.
  expect_after_crash(true, batch);

  const auto refused = store_->commit(batch);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().outcome, Outcome::kRefused);
  EXPECT_FALSE(store_->reopen()) << "the disk still fails";
  heal();
  ASSERT_TRUE(store_->reopen());
  EXPECT_EQ(store_->last_batch_id(), first.id);
  EXPECT_EQ(find_fault(store_->reader()), "");
  // reopen() has said "not there", and so it must stay.
  expect_after_crash(false, batch);

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
      vfs_.set_fault([&](Operation, std::string_view) {
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
