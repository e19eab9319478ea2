#include "errand/store/sqlite/doctor.h"

#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/store/conformance/builders.h"
#include "errand/store/sqlite/connection.h"
#include "errand/store/sqlite/sqlite_store.h"
#include "errand/store/sqlite/sqlite_test_folder.h"

namespace errand::store::sqlite {
namespace {

using conformance::BatchBuilder;
using testing::HasSubstr;

std::array<std::uint8_t, 32> digest_of(std::string_view bytes) {
  std::array<std::uint8_t, 32> digest{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    digest[i % 32] = static_cast<std::uint8_t>(digest[i % 32] * 31 + bytes[i]);
  }
  return digest;
}

class SqliteDoctor : public testing::Test {
 protected:
  SqliteDoctor() {
    const auto store = open({.file = folder_.file()}).value();
    BatchBuilder builder(*store, 1);
    for (int i = 0; i < 5; ++i) {
      auto spec = BatchBuilder::spec();
      spec.has_idempotency_key = true;
      spec.input = {digest_of("{}"), 2};
      auto job = builder.enqueue(spec);
      builder.batch().payloads.push_back(
          {job->id, spec.tenant, PayloadKind::kInput, "", "{}", digest_of("{}")});
      builder.batch().idempotency.push_back(
          {{spec.tenant, spec.subject, spec.type, job->id.str()}, "f", job->id, {}});
      job = builder.start(job);
      if (i > 0) job = builder.succeed(job);
    }
    EXPECT_TRUE(store->commit(builder.take()));
  }

  std::vector<Finding> findings(const ExaminationOptions& options = {}) {
    const auto found = examine(folder_.file(), options);
    if (!found) {
      ADD_FAILURE() << found.error().message;
      return {};
    }
    return found->findings;
  }

  /// What is found after `sql`; the file is as before afterwards.
  std::string found_after(const char* sql, const ExaminationOptions& options = {}) {
    const auto copy = folder_.path() / "before.db";
    std::filesystem::copy_file(folder_.file(), copy,
                               std::filesystem::copy_options::overwrite_existing);
    {
      auto connection = Connection::open(folder_.file(), Connection::Mode::kReadWrite).value();
      const auto done = connection.execute(sql);
      EXPECT_TRUE(done) << done.error().message;
    }
    std::string text;
    for (const Finding& finding : findings(options)) {
      EXPECT_FALSE(finding.remedy.empty());
      text += finding.what + "\n";
    }
    std::filesystem::copy_file(copy, folder_.file(),
                               std::filesystem::copy_options::overwrite_existing);
    return text;
  }

  TestFolder folder_;
};

TEST_F(SqliteDoctor, FindsNothingInAGoodDatabaseAlsoWhileItIsInUse) {
  EXPECT_TRUE(findings().empty());
  const auto store = open({.file = folder_.file()}).value();
  const auto found = examine(folder_.file(), {.digest = digest_of}).value();
  EXPECT_TRUE(found.findings.empty()) << found.findings[0].what;
  EXPECT_EQ(found.jobs, 5U);
  EXPECT_EQ(found.events, 14U);
  EXPECT_EQ(found.payloads, 5U);
  // Jobs that are half gone are no fault.
  ASSERT_TRUE(store->prune(Timestamp(Milliseconds(4'000'000'000'000)), {.events_max = 2}));
  EXPECT_TRUE(findings().empty()) << findings()[0].what;
}

TEST_F(SqliteDoctor, NamesWhatIsWrong) {
  EXPECT_THAT(found_after("UPDATE job_counts SET jobs = 7 WHERE status = 'SUCCEEDED'"),
              HasSubstr("7 are counted"));
  EXPECT_THAT(found_after("DELETE FROM events WHERE position = 3"), HasSubstr("position"));
  EXPECT_THAT(found_after("DELETE FROM events WHERE position = 1"),
              HasSubstr("from position 0 to 2"));
  EXPECT_THAT(found_after("UPDATE jobs SET status = 'FAILED' WHERE number = 2"),
              HasSubstr("1 jobs have columns that differ"));
  EXPECT_THAT(found_after("UPDATE jobs SET state = json_set(state, '$.run', 9) WHERE number = 2"),
              HasSubstr("is not the fold of its events"));
  EXPECT_THAT(found_after("DELETE FROM jobs WHERE number = 2"),
              AllOf(HasSubstr("3 events belong to jobs that are gone"),
                    HasSubstr("1 payloads belong to jobs that are gone"),
                    HasSubstr("1 idempotency keys"), HasSubstr("has events and no snapshot")));
  EXPECT_THAT(found_after("UPDATE store_state SET last_position = 99"),
              HasSubstr("the last position is 99"));
  EXPECT_THAT(found_after("PRAGMA user_version = 1"), HasSubstr("layout 1"));
  EXPECT_THAT(found_after("PRAGMA user_version = 9000"), HasSubstr("9000"));
}

TEST_F(SqliteDoctor, FindsCredentialsThatOutlivedTheirUse) {
  const std::string insert =
      "INSERT INTO payloads SELECT id, 'CREDENTIALS', '', tenant, shard, epoch, position, '"
      "0000000000000000000000000000000000000000000000000000000000000000', 'v1.sealed' FROM jobs"
      " WHERE status ";
  EXPECT_EQ(found_after((insert + "<> 'SUCCEEDED'").c_str(), {.digest = digest_of}), "");
  EXPECT_THAT(found_after((insert + "= 'SUCCEEDED'").c_str()),
              HasSubstr("4 jobs have succeeded and still have the credentials"));
}

TEST_F(SqliteDoctor, ChecksDigestsWithTheKey) {
  EXPECT_EQ(found_after("UPDATE payloads SET bytes = '[]'"), "") << "nobody can tell";
  EXPECT_THAT(found_after("UPDATE payloads SET bytes = '[]'", {.digest = digest_of}),
              HasSubstr("does not fit its digest"));
  EXPECT_THAT(found_after("UPDATE payloads SET digest = replace(digest, '0', '1')"),
              HasSubstr("INPUT is not the one of its events"));
}

TEST_F(SqliteDoctor, FindsADamagedFile) {
  {
    std::fstream bytes(folder_.file(), std::ios::in | std::ios::out | std::ios::binary);
    for (std::uint64_t at = 4'096 + 5; at < std::filesystem::file_size(folder_.file());
         at += 4'096) {
      bytes.seekp(static_cast<std::streamoff>(at));
      bytes.put('\xee');
    }
  }
  const auto found = findings();
  ASSERT_FALSE(found.empty());
  EXPECT_THAT(found[0].remedy, HasSubstr("errand restore"));
  EXPECT_EQ(examine(folder_.path() / "none.db", {}).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace errand::store::sqlite
