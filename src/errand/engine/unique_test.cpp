#include <string>
#include <utility>
#include <variant>

#include <gtest/gtest.h>

#include "errand/engine/testing/bench.h"

namespace errand::engine {
namespace {

using testing::Bench;
using testing::spec;
using namespace std::chrono_literals;

constexpr std::uint16_t bit(job::JobStatus status) {
  return static_cast<std::uint16_t>(1U << static_cast<unsigned>(status));
}

class UniqueTest : public ::testing::Test {
 protected:
  EnqueueJob request(Uniqueness rule, std::string key = "a") {
    job::JobSpec s = spec();
    s.unique_key = key;
    s.limit_key = std::move(key);
    s.fifo = true;
    EnqueueJob request = bench_.enqueue_request(std::move(s));
    request.unique = rule;
    return request;
  }
  JobReply enqueue(Uniqueness rule, std::string key = "a") {
    return bench_.get<JobReply>(request(rule, std::move(key)));
  }
  Dispatch start() {
    bench_.worker("w-1", 1);
    auto dispatches = bench_.dispatches();
    EXPECT_EQ(dispatches.size(), 1U);
    return std::move(dispatches.at(0));
  }

  static constexpr Uniqueness kReturn{};
  static constexpr Uniqueness kReject{.on_conflict = Uniqueness::OnConflict::kReject};
  static constexpr Uniqueness kReplace{.on_conflict = Uniqueness::OnConflict::kReplace};

  static Options options() {
    Options options;
    options.limits = {
        {.type = spec().type, .by_tenant = true, .by_input = "k", .fifo = true, .value = 1}};
    return options;
  }
  Bench bench_{options()};
};

TEST_F(UniqueTest, TheLiveJobIsTheAnswer) {
  const JobId first = enqueue(kReturn).state->id;
  const JobReply second = enqueue(kReturn);
  EXPECT_EQ(second.state->id, first);
  EXPECT_TRUE(second.replayed);
  EXPECT_NE(enqueue(kReturn, "b").state->id, first);
  const Dispatch dispatch = start();
  EXPECT_EQ(enqueue(kReturn).state->id, first);
  (void)bench_.complete(first, dispatch.state->token);
  EXPECT_NE(enqueue(kReturn).state->id, first);
}

TEST_F(UniqueTest, TwoAtOnceMakeOneJob) {
  const Ticket a = bench_.submit(request(kReturn));
  const Ticket b = bench_.submit(request(kReturn));
  bench_.settle();
  EXPECT_EQ(std::get<JobReply>(*bench_.answers.at(a)).state->id,
            std::get<JobReply>(*bench_.answers.at(b)).state->id);
}

TEST_F(UniqueTest, RejectsWithTheNameOfTheOther) {
  const JobId first = enqueue(kReject).state->id;
  const auto refused = bench_.ask(request(kReject));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_NE(refused.error().message.find(first.str()), std::string::npos);
}

TEST_F(UniqueTest, AnIdempotencyKeyStandsForTheJobThatItWasAnsweredWith) {
  const JobId first = enqueue(kReturn).state->id;
  EnqueueJob with_key = request(kReturn);
  with_key.key = IdempotencyKey{.key = "k", .fingerprint = "f"};
  const EnqueueJob again = with_key;
  EXPECT_EQ(bench_.get<JobReply>(std::move(with_key)).state->id, first);
  (void)bench_.ask(bench_.command(first, job::Kill{}));
  EXPECT_EQ(bench_.get<JobReply>(again).state->id, first);
}

TEST_F(UniqueTest, ReplacesWhatHasNotStarted) {
  const JobId first = enqueue(kReplace).state->id;
  const JobId second = enqueue(kReplace).state->id;
  EXPECT_EQ(bench_.state(first)->status, job::JobStatus::kCanceled);
  EXPECT_NE(bench_.state(first)->error->message.find(second.str()), std::string::npos);
  EXPECT_EQ(start().state->id, second);
}

TEST_F(UniqueTest, TheNewJobWaitsForTheEndOfARunningOne) {
  const JobId first = enqueue(kReplace).state->id;
  const Dispatch dispatch = start();
  const JobId second = enqueue(kReplace).state->id;
  EXPECT_EQ(bench_.state(first)->status, job::JobStatus::kCanceling);
  ASSERT_EQ(bench_.notices().size(), 1U);
  const JobId third = enqueue(kReplace).state->id;  // the running one is not asked again
  EXPECT_EQ(bench_.state(second)->status, job::JobStatus::kCanceled);
  EXPECT_TRUE(bench_.notices().empty());
  bench_.worker("w-2", 1);
  EXPECT_TRUE(bench_.dispatches().empty());
  (void)bench_.ask(bench_.command(first, job::Release{dispatch.state->token, ""}));
  EXPECT_EQ(bench_.state(first)->status, job::JobStatus::kCanceled);
  const auto dispatches = bench_.dispatches();
  ASSERT_EQ(dispatches.size(), 1U);
  EXPECT_EQ(dispatches[0].state->id, third);
}

TEST_F(UniqueTest, NothingIsReplacedByAJobThatIsRefused) {
  const JobId first = enqueue(kReplace).state->id;
  EnqueueJob bad = request(kReplace);
  bad.spec.deadline = bench_.now.wall - 1s;
  EXPECT_EQ(bench_.refusal(std::move(bad)), ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(bench_.state(first)->status, job::JobStatus::kPending);
}

TEST_F(UniqueTest, AnEndedJobCountsForAWhileWhereTheRuleSaysSo) {
  Uniqueness rule;
  rule.after_end = Uniqueness::AfterEnd::kReturnExisting;
  rule.period = 1h;
  rule.ended = bit(job::JobStatus::kSucceeded);
  const JobId first = enqueue(rule).state->id;
  (void)bench_.complete(first, start().state->token);
  EXPECT_EQ(enqueue(rule).state->id, first);
  Uniqueness reject = rule;
  reject.after_end = Uniqueness::AfterEnd::kReject;
  EXPECT_EQ(bench_.refusal(request(reject)), ErrorCode::kConflict);
  Uniqueness of_failed = rule;
  of_failed.ended = bit(job::JobStatus::kFailed);
  EXPECT_NE(enqueue(of_failed).state->id, first);
  bench_.advance(1h);
  EXPECT_EQ(enqueue(kReturn).replayed, true);  // of the live one
}

TEST_F(UniqueTest, OnlyJobsOfTheChosenKindCount) {
  Uniqueness only_waiting;
  only_waiting.started = false;
  const JobId first = enqueue(only_waiting).state->id;
  EXPECT_EQ(enqueue(only_waiting).state->id, first);
  (void)start();
  EXPECT_NE(enqueue(only_waiting).state->id, first);
}

TEST_F(UniqueTest, AnEndedJobDoesNotComeToLifeBesideItsDouble) {
  const JobId first = enqueue(kReturn).state->id;
  (void)bench_.ask(bench_.command(first, job::Kill{}));
  const JobId second = enqueue(kReturn).state->id;
  EXPECT_EQ(bench_.refusal(bench_.command(first, job::RetryRun{})), ErrorCode::kConflict);
  (void)bench_.ask(bench_.command(second, job::Kill{}));
  EXPECT_TRUE(bench_.ask(bench_.command(first, job::RetryRun{})));
}

}  // namespace
}  // namespace errand::engine
