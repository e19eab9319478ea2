#include "errand/store/sqlite/backup.h"

#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/store/conformance/builders.h"
#include "errand/store/conformance/invariants.h"
#include "errand/store/sqlite/connection.h"
#include "errand/store/sqlite/sqlite_store.h"
#include "errand/store/sqlite/sqlite_test_folder.h"

namespace errand::store::sqlite {
namespace {

using conformance::BatchBuilder;
using conformance::find_fault;
using testing::HasSubstr;

std::unique_ptr<Store> open_at(const std::filesystem::path& file) {
  return open({.file = file}).value();
}

job::StatePtr add_job(Store& store, std::uint64_t seed) {
  BatchBuilder builder(store, seed);
  const auto job = builder.enqueue(BatchBuilder::spec());
  builder.batch().payloads.push_back(
      {job->id, job->spec.tenant, PayloadKind::kInput, "", std::string(20'000, '1'), {}});
  EXPECT_TRUE(store.commit(builder.take()));
  return job;
}

TEST(SqliteBackup, CopiesWhatWasCommittedWhileTheServerGoesOn) {
  const TestFolder folder;
  const auto copy = folder.path() / "copy.db";
  const auto store = open_at(folder.file());
  const auto before = add_job(*store, 1);
  std::uint64_t seed = 2;
  std::uint64_t calls = 0;
  // Commits come between the steps of the copy.
  for (int i = 0; i < 200; ++i) add_job(*store, seed++);
  const auto position = store->last_position();
  job::StatePtr during;
  const auto copied = back_up(folder.file(), copy, [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_LE(done, total);
    ++calls;
    during = add_job(*store, seed++);
  });
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_GT(calls, 1U);
  EXPECT_EQ(copied->last_position, position);
  EXPECT_EQ(copied->bytes, std::filesystem::file_size(copy));
  EXPECT_FALSE(std::filesystem::exists(copy.string() + "-wal"));
  EXPECT_FALSE(std::filesystem::exists(copy.string() + ".partial"));
  const auto after = add_job(*store, seed++);
  EXPECT_EQ(find_fault(store->reader()), "");

  const auto reopened = open_at(copy);
  EXPECT_EQ(reopened->last_position(), position);
  EXPECT_EQ(*reopened->reader().job(before->id).value(), *before);
  EXPECT_EQ(reopened->reader().job(during->id).value(), nullptr);
  EXPECT_EQ(reopened->reader().job(after->id).value(), nullptr);
  EXPECT_EQ(find_fault(reopened->reader()), "");
}

TEST(SqliteBackup, OverwritesNothing) {
  const TestFolder folder;
  open_at(folder.file()).reset();
  const auto copy = folder.path() / "copy.db";
  std::ofstream(copy) << "a letter";
  const auto refused = back_up(folder.file(), copy, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_THAT(refused.error().message, HasSubstr("copy.db"));
  EXPECT_EQ(std::filesystem::file_size(copy), 8U);
  EXPECT_EQ(back_up(folder.path() / "none.db", folder.path() / "x.db", {}).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(back_up(copy, folder.path() / "x.db", {}).error().code, ErrorCode::kStoreCorrupt);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "x.db"));
}

/// Turns a byte of every page but the first over.
void damage(const std::filesystem::path& file) {
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  const auto size = std::filesystem::file_size(file);
  for (std::uint64_t at = 4'096 + 5; at < size; at += 4'096) {
    bytes.seekp(static_cast<std::streamoff>(at));
    bytes.put('\xee');
  }
}

TEST(SqliteRestore, PutsABackupInPlaceUnderANewEpoch) {
  const TestFolder folder;
  const auto copy = folder.path() / "copy.db";
  auto store = open_at(folder.file());
  const auto kept = add_job(*store, 1);
  ASSERT_TRUE(back_up(folder.file(), copy, {}));
  const auto lost = add_job(*store, 2);
  ASSERT_TRUE(store->reopen());
  const auto epoch = store->epoch();
  EXPECT_EQ(store->lineage(), "");

  const auto locked = restore(copy, folder.file(), {.replace = true}, {});
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error().code, ErrorCode::kStoreLocked);
  EXPECT_NE(store->reader().job(lost->id).value(), nullptr);
  store.reset();

  const auto refused = restore(copy, folder.file(), {}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_THAT(refused.error().message, HasSubstr("--force"));

  const auto restored = restore(copy, folder.file(), {.replace = true}, {});
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_GT(restored->epoch, epoch);
  store = open_at(folder.file());
  EXPECT_GT(store->epoch(), restored->epoch);
  EXPECT_FALSE(store->lineage().empty());
  EXPECT_EQ(*store->reader().job(kept->id).value(), *kept);
  EXPECT_EQ(store->reader().job(lost->id).value(), nullptr);
  add_job(*store, 3);
  EXPECT_EQ(find_fault(store->reader()), "");
}

TEST(SqliteRestore, DoesNotReadTheOldDatabasesLogAsTheNewOnes) {
  const TestFolder folder;
  const auto copy = folder.path() / "copy.db";
  const auto aside = folder.path() / "aside";
  {
    const auto store = open_at(folder.file());
    add_job(*store, 1);
    ASSERT_TRUE(back_up(folder.file(), copy, {}));
    for (std::uint64_t seed = 2; seed < 20; ++seed) add_job(*store, seed);
    // As after a crash: the log holds what the file does not.
    std::filesystem::create_directory(aside);
    for (const char* suffix : {"", "-wal"}) {
      std::filesystem::copy(folder.file().string() + suffix,
                            aside / (std::string("errand.db") + suffix));
    }
  }
  ASSERT_TRUE(restore(copy, aside / "errand.db", {.replace = true}, {}));
  const auto store = open_at(aside / "errand.db");
  EXPECT_EQ(to_number(store->last_position()), 1U);
  EXPECT_EQ(find_fault(store->reader()), "");
}

TEST(SqliteRestore, ChecksTheBackupBeforeItTouchesAnything) {
  const TestFolder folder;
  const auto copy = folder.path() / "copy.db";
  job::StatePtr job;
  {
    const auto store = open_at(folder.file());
    job = add_job(*store, 1);
    ASSERT_TRUE(back_up(folder.file(), copy, {}));
  }
  damage(copy);
  const auto refused = restore(copy, folder.file(), {.replace = true}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kStoreCorrupt) << refused.error().message;
  EXPECT_FALSE(std::filesystem::exists(folder.file().string() + ".restoring"));
  EXPECT_EQ(*open_at(folder.file())->reader().job(job->id).value(), *job);
}

}  // namespace
}  // namespace errand::store::sqlite
