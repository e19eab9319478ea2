#include "errand/store/memory_store.h"

#include <gtest/gtest.h>

#include "errand/store/conformance/builders.h"
#include "errand/store/conformance/suite.h"

namespace errand::store {
namespace {

using conformance::BatchBuilder;
using conformance::find_fault;
using Outcome = CommitError::Outcome;

class MemorySubject final : public conformance::Subject {
 public:
  Store& store() override { return store_; }
  void restart() override { store_.crash(); }

 private:
  MemoryStore store_;
};

using conformance::StoreConformance;
INSTANTIATE_TEST_SUITE_P(Memory, StoreConformance,
                         testing::Values(conformance::Candidate{
                             "Store", [] { return std::make_unique<MemorySubject>(); }}),
                         conformance::name_of);

TEST(MemoryStore, RefusesACommitAsTold) {
  MemoryStore store;
  BatchBuilder builder(store, 1);
  const auto state = builder.enqueue(BatchBuilder::spec());
  const Batch batch = builder.take();
  store.fail_next_commit(MemoryStore::Fault::kRefuse, ErrorCode::kStoreFull);
  const auto refused = store.commit(batch);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().outcome, Outcome::kRefused);
  EXPECT_EQ(refused.error().error.code, ErrorCode::kStoreFull);
  EXPECT_EQ(store.reader().job(state->id).value(), nullptr);
  EXPECT_TRUE(store.commit(batch));
}

TEST(MemoryStore, LeavesTheOutcomeOpenAsTold) {
  for (const auto fault : {MemoryStore::Fault::kUnknownWritten, MemoryStore::Fault::kUnknownLost}) {
    MemoryStore store;
    BatchBuilder builder(store, 1);
    (void)builder.enqueue(BatchBuilder::spec());
    const Batch batch = builder.take();
    store.fail_next_commit(fault);
    const auto unknown = store.commit(batch);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().outcome, Outcome::kUnknown);

    const auto refused = store.commit(batch);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().outcome, Outcome::kRefused);

    store.fail_next_reopens(1);
    EXPECT_FALSE(store.reopen());
    ASSERT_TRUE(store.reopen());
    EXPECT_EQ(store.last_batch_id() == batch.id, fault == MemoryStore::Fault::kUnknownWritten);
    EXPECT_EQ(find_fault(store.reader()), "");
  }
}

TEST(MemoryStore, LosesWhatALyingDiskDidNotKeep) {
  MemoryStore store;
  BatchBuilder builder(store, 1);
  const auto kept = builder.enqueue(BatchBuilder::spec());
  ASSERT_TRUE(store.commit(builder.take()));
  store.lose_syncs(true);
  const auto lost = builder.enqueue(BatchBuilder::spec());
  ASSERT_TRUE(store.commit(builder.take()));
  store.crash();
  EXPECT_NE(store.reader().job(kept->id).value(), nullptr);
  EXPECT_EQ(store.reader().job(lost->id).value(), nullptr);
  EXPECT_EQ(find_fault(store.reader()), "");
}

}  // namespace
}  // namespace errand::store
