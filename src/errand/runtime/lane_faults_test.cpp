// A lane on a store that refuses, or whose answer is lost.

#include <thread>

#include <gtest/gtest.h>

#include "errand/runtime/lane_test_support.h"

namespace errand::runtime {
namespace {

using store::MemoryStore;
using store::conformance::find_fault;
using Fault = MemoryStore::Fault;

class LaneFaults : public testing::Test {
 protected:
  LaneFaults() : lane_(options(), store_, bus_, clock_, random_, {}) { EXPECT_TRUE(lane_.start()); }

  static Lane::Options options() {
    Lane::Options options;
    options.reopen_wait = Milliseconds(1);
    return options;
  }

  /// The next commit, which comes after the store has been told, ends so.
  void fail_next_commit(Fault fault, ErrorCode code = ErrorCode::kUnavailable) {
    // Faults belong to the writer's thread; while the gate is closed it is inside commit().
    store_.close_gate();
    first_ = ask(lane_, enqueue(++number_));
    store_.await_arrivals(++arrivals_);
    store_.inner.fail_next_commit(fault, code);
  }

  GatedStore store_;
  EventBus bus_;
  TestClock clock_;
  SystemRandom random_;
  Lane lane_;
  ReplyFuture first_;  ///< of the request whose commit fails
  std::uint64_t number_ = 0;
  std::size_t arrivals_ = 0;
};

TEST_F(LaneFaults, RefusesTheRequestsOfARefusedCommitAndGoesOn) {
  fail_next_commit(Fault::kRefuse, ErrorCode::kStoreFull);
  store_.open_gate();
  const auto refused = first_.get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kStoreFull);
  EXPECT_TRUE(lane_.healthy());

  ASSERT_TRUE(ask(lane_, enqueue(1)).get()) << "the same job, once more";
  EXPECT_EQ(store_.last_position(), LogPosition{1});
  EXPECT_EQ(find_fault(store_.reader()), "");
}

TEST_F(LaneFaults, AcknowledgesABatchThatTurnsOutToBeWritten) {
  const auto subscription = bus_.subscribe({}, {});
  fail_next_commit(Fault::kUnknownWritten);
  auto second = ask(lane_, enqueue(2));
  store_.open_gate();
  const auto first = state_of(std::move(first_));
  ASSERT_NE(first, nullptr);
  EXPECT_TRUE(second.get()) << "what waited is done after the store was reopened";
  EXPECT_EQ(*store_.reader().job(first->id).value(), *first);
  EXPECT_EQ(store_.epoch(), 2U);
  EXPECT_EQ(subscription->take().snapshots.size(), 2U) << "and it is published";
  EXPECT_EQ(find_fault(store_.reader()), "");
}

TEST_F(LaneFaults, RefusesABatchThatTurnsOutToBeLost) {
  fail_next_commit(Fault::kUnknownLost);
  auto second = ask(lane_, enqueue(2));
  store_.open_gate();
  const auto first = first_.get();
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(second.get());
  EXPECT_EQ(store_.last_position(), LogPosition{1});
  EXPECT_EQ(find_fault(store_.reader()), "");
}

TEST_F(LaneFaults, KeepsTryingToReopenTheStore) {
  fail_next_commit(Fault::kUnknownLost);
  store_.inner.fail_next_reopens(3);
  store_.open_gate();
  EXPECT_FALSE(first_.get());
  EXPECT_TRUE(ask(lane_, enqueue(50)).get());
  EXPECT_TRUE(lane_.healthy());
}

TEST_F(LaneFaults, StopsWhileTheStoreIsBroken) {
  fail_next_commit(Fault::kUnknownLost);
  store_.inner.fail_next_reopens(1'000'000);
  auto second = ask(lane_, enqueue(2));
  store_.open_gate();
  EXPECT_FALSE(second.get()) << "nobody waits for a broken store";
  EXPECT_FALSE(lane_.healthy());
  const auto late = ask(lane_, enqueue(3)).get();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kUnavailable);
  lane_.stop();
  EXPECT_FALSE(first_.get());
}

TEST_F(LaneFaults, FiresATimerAgainWhoseCommitWasRefused) {
  auto spec = store::conformance::BatchBuilder::spec();
  spec.scheduled_for = clock_.now().wall + Milliseconds(60'000);
  const auto request = enqueue(1, spec);
  ASSERT_TRUE(ask(lane_, request).get());
  std::promise<void> changed;
  const auto subscription = bus_.subscribe({.job = request.id}, [&] { changed.set_value(); });

  store_.close_gate();
  clock_.advance(Milliseconds(60'000));
  lane_.wake();
  store_.await_arrivals(2);
  store_.inner.fail_next_commit(Fault::kRefuse, ErrorCode::kStoreFull);
  store_.open_gate();
  // The engine leaves a pause before it asks a store again that has refused.
  auto fired = changed.get_future();
  while (fired.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    clock_.advance(Milliseconds(10));
    lane_.wake();
    std::this_thread::yield();
  }
  EXPECT_EQ(subscription->take().snapshots.at(0)->status, job::JobStatus::kPending);
  EXPECT_EQ(find_fault(store_.reader()), "");
}

TEST_F(LaneFaults, RebuildsItsMemoryWhenTheStoreSaysItDoesNotFit) {
  ASSERT_TRUE(ask(lane_, enqueue(++number_)).get());
  ++arrivals_;
  fail_next_commit(Fault::kRefuse, ErrorCode::kConflict);
  store_.open_gate();
  EXPECT_FALSE(first_.get());
  EXPECT_TRUE(ask(lane_, enqueue(50)).get());
  EXPECT_EQ(store_.epoch(), 2U);
  EXPECT_EQ(find_fault(store_.reader()), "");
}

}  // namespace
}  // namespace errand::runtime
