#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "errand/engine/testing/bench.h"

namespace errand::engine {
namespace {

using testing::Bench;

store::RecordId id_of(std::string key) { return {"preference", TenantId("acme"), std::move(key)}; }

WriteRecords write(std::string key, std::string text,
                   std::optional<std::uint64_t> if_revision = {}) {
  return {{{.id = id_of(std::move(key)), .text = std::move(text), .if_revision = if_revision}}};
}

TEST(Records, CountTheirRevisionsAlsoWithinOneBatch) {
  Bench bench;
  const auto made = bench.get<RecordsReply>(write("ann", "1", 0));
  ASSERT_EQ(made.records.size(), 1U);
  EXPECT_EQ(made.records[0].revision, 1U);

  const Ticket second = bench.submit(write("ann", "2", 1));
  const Ticket late = bench.submit(write("ann", "lost", 1));
  const Ticket third = bench.submit(write("ann", "3"));
  bench.settle();
  EXPECT_TRUE(bench.answers.at(second).has_value());
  ASSERT_FALSE(bench.answers.at(late).has_value());
  EXPECT_EQ(bench.answers.at(late).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(bench.answers.at(third).has_value());
  const auto stored = bench.store.reader().record(id_of("ann")).value();
  ASSERT_TRUE(stored.has_value());
  EXPECT_EQ(stored->text, "3");
  EXPECT_EQ(stored->revision, 3U);
}

TEST(Records, AreWrittenAllOrNone) {
  Bench bench;
  WriteRecords both = write("ann", "1");
  both.changes.push_back({.id = id_of("bob"), .text = "1", .if_revision = 7});
  EXPECT_EQ(bench.refusal(both), ErrorCode::kConflict);
  EXPECT_EQ(bench.store.reader().record(id_of("ann")).value(), std::nullopt);
}

TEST(Records, GoAndComeAnew) {
  Bench bench;
  bench.get<RecordsReply>(write("ann", "1"));
  const WriteRecords erase{{{.id = id_of("ann"), .text = std::nullopt, .if_revision = 1}}};
  EXPECT_EQ(bench.get<RecordsReply>(erase).records[0].revision, 0U);
  EXPECT_EQ(bench.store.reader().record(id_of("ann")).value(), std::nullopt);
  EXPECT_EQ(bench.refusal(erase), ErrorCode::kConflict);
  EXPECT_EQ(bench.get<RecordsReply>(write("ann", "2", 0)).records[0].revision, 1U);
}

TEST(Records, HaveBounds) {
  Bench bench;
  WriteRecords twice = write("ann", "1");
  twice.changes.push_back(twice.changes.front());
  EXPECT_EQ(bench.refusal(twice), ErrorCode::kInvalidArgument);
  EXPECT_EQ(bench.refusal(write("ann", std::string(kRecordBytesMax + 1, 'x'))),
            ErrorCode::kInvalidArgument);
  WriteRecords many;
  for (std::size_t i = 0; i <= kRecordChangesMax; ++i) {
    many.changes.push_back({.id = id_of(std::to_string(i)), .text = "1"});
  }
  EXPECT_EQ(bench.refusal(many), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace errand::engine
