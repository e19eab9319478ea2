#include "errand/job/decide.h"

#include <gtest/gtest.h>

#include "errand/job/testing/jobs.h"

namespace errand::job {
namespace {

using testing::History;
using testing::job_in;
using testing::kAfterAllTimers;
using testing::kStart;
using namespace std::chrono_literals;

History running(JobSpec spec = testing::spec()) {
  History job;
  EXPECT_TRUE(job.tell(Enqueue{std::move(spec)}).has_value());
  EXPECT_TRUE(job.tell(Start{WorkerId("w"), "b"}).has_value());
  return job;
}

FailAttempt failure(const History& job, bool permanent = false) {
  return {.token = job.state().token,
          .permanent = permanent,
          .error = {.code = "BUSY", .message = "try 3 of 9"}};
}

template <class T>
ErrorCode code_of(const Result<T>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? ErrorCode::kInternal : result.error().code;
}

TEST(Enqueue, MakesAPendingJobAtOnceOrAScheduledOneForLater) {
  History now;
  ASSERT_TRUE(now.tell(Enqueue{testing::spec()}).has_value());
  EXPECT_EQ(now.state().status, JobStatus::kPending);
  EXPECT_EQ(now.state().ready_since, kStart);

  JobSpec spec = testing::spec();
  spec.scheduled_for = kStart + 1h;
  History later;
  ASSERT_TRUE(later.tell(Enqueue{spec}).has_value());
  EXPECT_EQ(later.state().status, JobStatus::kScheduled);
  EXPECT_EQ(code_of(later.tell(DueNow{}, kStart + 59min)), ErrorCode::kInvalidTransition);
  ASSERT_TRUE(later.tell(DueNow{}, kStart + 1h).has_value());
  EXPECT_EQ(later.state().status, JobStatus::kPending);
}

TEST(Enqueue, RefusesWhatCouldNeverRun) {
  const auto refusal = [](auto change) {
    JobSpec spec = testing::spec();
    change(spec);
    return code_of(History().tell(Enqueue{spec}));
  };
  EXPECT_EQ(refusal([](JobSpec& s) { s.priority = 101; }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal([](JobSpec& s) { s.timeout = 0ms; }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal([](JobSpec& s) { s.retry.max_attempts = 0; }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal([](JobSpec& s) { s.deadline = kStart; }), ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(refusal([](JobSpec& s) {
              s.deadline = kStart + 1h;
              s.scheduled_for = kStart + 1h;
            }),
            ErrorCode::kInvalidArgument);
}

TEST(Start, IsRefusedFromTheDeadlineOn) {
  JobSpec spec = testing::spec();
  spec.deadline = kStart + 1h;
  History job;
  ASSERT_TRUE(job.tell(Enqueue{spec}).has_value());
  EXPECT_EQ(code_of(job.tell(Start{}, kStart + 1h)), ErrorCode::kDeadlineExceeded);
  EXPECT_TRUE(job.tell(Start{}, kStart + 1h - 1ms).has_value());
}

TEST(Report, RepeatedWordForWordIsAcknowledgedAgain) {
  History job = running();
  const Complete complete{job.state().token, {.size_bytes = 5}};
  ASSERT_EQ(job.tell(complete).value().size(), 1U);
  const auto again = job.tell(complete);
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->empty());
  const Complete other{job.state().token, {.size_bytes = 6}};
  EXPECT_EQ(code_of(job.tell(other)), ErrorCode::kJobEnded);
}

TEST(Report, RepeatedAfterTheNextStartIsStillAcknowledged) {
  History job = running();
  const FailAttempt first = failure(job);
  ASSERT_TRUE(job.tell(first).has_value());
  ASSERT_TRUE(job.tell(DueNow{}, kStart + 1h).has_value());
  ASSERT_TRUE(job.tell(Start{}, kStart + 1h).has_value());
  EXPECT_TRUE(job.tell(first, kStart + 1h).value().empty());
  EXPECT_EQ(code_of(job.tell(Complete{first.token, {}}, kStart + 1h)), ErrorCode::kLeaseLost);
  EXPECT_EQ(job.state().status, JobStatus::kRunning);
}

TEST(FailAttempt, IsRetriedAfterTheDrawnBackoffUntilAttemptsAreUsedUp) {
  JobSpec spec = testing::spec();
  spec.retry = {.max_attempts = 2, .initial_interval = 10s};
  History job = running(spec);
  ASSERT_TRUE(job.tell(failure(job), kStart, 0.25).has_value());
  EXPECT_EQ(job.state().status, JobStatus::kRetrying);
  EXPECT_EQ(job.state().due_at, kStart + 2500ms);
  ASSERT_TRUE(job.tell(DueNow{}, kStart + 3s).has_value());
  ASSERT_TRUE(job.tell(Start{}, kStart + 3s).has_value());
  ASSERT_TRUE(job.tell(failure(job), kStart + 4s).has_value());
  EXPECT_EQ(job.state().status, JobStatus::kFailed);
  EXPECT_TRUE(job.state().dead_letter);
  EXPECT_EQ(job.state().error->code, "BUSY");
  EXPECT_EQ(job.state().error->attempt, 2U);
  EXPECT_TRUE(job.state().error->retryable);
  EXPECT_FALSE(job.state().error->remediation.empty());
}

TEST(FailAttempt, WaitsAtLeastAsLongAsTheWorkerAsked) {
  History job = running();
  FailAttempt report = failure(job);
  report.retry_after = 2h;
  ASSERT_TRUE(job.tell(report).has_value());
  EXPECT_EQ(job.state().due_at, kStart + 2h);
}

TEST(FailAttempt, EndsTheRunWhenItIsPermanent) {
  History job = running();
  ASSERT_TRUE(job.tell(failure(job, true)).has_value());
  EXPECT_EQ(job.state().status, JobStatus::kFailed);
  EXPECT_FALSE(job.state().error->retryable);
}

TEST(FailAttempt, RefusesAnErrorThatIsTooLong) {
  History job = running();
  FailAttempt report = failure(job);
  report.error.message.assign(kErrorMessageBytesMax + 1, 'x');
  EXPECT_EQ(code_of(job.tell(report)), ErrorCode::kPayloadTooLarge);
  report.error = {};
  EXPECT_EQ(code_of(job.tell(report)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(job.state().status, JobStatus::kRunning);
}

TEST(DeadLetter, HasOneFingerprintForErrorsThatDifferInNumbersAlone) {
  const auto fingerprint = [](const char* message) {
    History job = running();
    FailAttempt report = failure(job, true);
    report.error.message = message;
    EXPECT_TRUE(job.tell(report).has_value());
    return job.state().error_fingerprint;
  };
  EXPECT_EQ(fingerprint("row 7 of 20 is bad"), fingerprint("row 1234 of 1 is bad"));
  EXPECT_NE(fingerprint("row 7 of 20 is bad"), fingerprint("column 7 of 20 is bad"));
}

TEST(LoseLease, RetriesAtOnceTheFirstTimeAndWithBackoffLater) {
  History job = running();
  ASSERT_TRUE(job.tell(LoseLease{job.state().token}).has_value());
  EXPECT_EQ(job.state().status, JobStatus::kRetrying);
  EXPECT_EQ(job.state().due_at, kStart);
  ASSERT_TRUE(job.tell(DueNow{}).has_value());
  ASSERT_TRUE(job.tell(Start{}).has_value());
  ASSERT_TRUE(job.tell(LoseLease{job.state().token}).has_value());
  EXPECT_EQ(job.state().due_at, kStart + 1s);  // 2 s x 0.5
}

TEST(Release, GivesTheJobBackToItsPlaceWithoutCountingTheAttempt) {
  History job = running();
  const LogPosition place = job.state().ready_position;
  ASSERT_TRUE(job.tell(Release{job.state().token, "drain"}).has_value());
  EXPECT_EQ(job.state().status, JobStatus::kPending);
  EXPECT_EQ(job.state().ready_position, place);
  EXPECT_EQ(job.state().attempt, 0U);
  ASSERT_TRUE(job.tell(Start{}).has_value());
  EXPECT_EQ(job.state().attempt, 1U);
  EXPECT_EQ(job.state().token, FencingToken{2});
}

TEST(Snooze, PutsTheJobOffWithoutCountingTheAttempt) {
  History job = running();
  ASSERT_TRUE(job.tell(Snooze{job.state().token, 1h, ""}).has_value());
  EXPECT_EQ(job.state().status, JobStatus::kScheduled);
  EXPECT_EQ(job.state().due_at, kStart + 1h);
  EXPECT_EQ(job.state().attempts_in_run, 0U);
}

TEST(Progress, ThatSaysNothingNewIsAcknowledgedWithoutAnEvent) {
  History job = running();
  const ReportProgress half{job.state().token, {.completed = 1, .total = 2}};
  EXPECT_EQ(job.tell(half).value().size(), 1U);
  EXPECT_EQ(job.tell(half).value().size(), 0U);
  ReportProgress negative = half;
  negative.progress.completed = -1;
  EXPECT_EQ(code_of(job.tell(negative)), ErrorCode::kInvalidArgument);
}

TEST(Cancel, EndsAWaitingJobAtOnceAndAsksARunningOne) {
  History waiting = job_in(JobStatus::kPending);
  ASSERT_TRUE(waiting.tell(RequestCancel{"wrong month"}).has_value());
  EXPECT_EQ(waiting.state().status, JobStatus::kCanceled);
  EXPECT_EQ(waiting.state().error->message, "The job was canceled. wrong month");

  History job = running();
  ASSERT_TRUE(job.tell(RequestCancel{}).has_value());
  EXPECT_EQ(job.state().status, JobStatus::kCanceling);
  EXPECT_EQ(job.state().cancel_grace_until, kStart + 30s);
  EXPECT_EQ(code_of(job.tell(GraceOver{job.state().token}, kStart + 29s)),
            ErrorCode::kInvalidTransition);
  ASSERT_TRUE(job.tell(GraceOver{job.state().token}, kStart + 30s).has_value());
  EXPECT_EQ(job.state().status, JobStatus::kCanceled);
}

TEST(Canceling, TakesTheResultThatComesAllTheSame) {
  History job = job_in(JobStatus::kCanceling);
  ASSERT_TRUE(job.tell(Complete{job.state().token, {}}).has_value());
  EXPECT_EQ(job.state().status, JobStatus::kSucceeded);
}

TEST(Canceling, ByTheDeadlineEndsExpiredWhateverTheWorkerReports) {
  JobSpec spec = testing::spec();
  spec.deadline = kStart + 1h;
  History job = running(spec);
  ASSERT_TRUE(job.tell(ExpireDeadline{}, kStart + 1h).has_value());
  EXPECT_EQ(job.state().status, JobStatus::kCanceling);
  ASSERT_TRUE(job.tell(Complete{job.state().token, {}}, kStart + 1h).has_value());
  EXPECT_EQ(job.state().status, JobStatus::kExpired);
  EXPECT_FALSE(job.state().result.has_value());
  EXPECT_EQ(job.state().error->code, "DEADLINE_EXCEEDED");
}

TEST(Canceling, NeverRetries) {
  for (const CommandKind kind : {CommandKind::kFailAttempt, CommandKind::kLoseLease,
                                 CommandKind::kTimeOutAttempt, CommandKind::kRelease}) {
    History job = job_in(JobStatus::kCanceling);
    ASSERT_TRUE(job.tell(testing::sample_command(kind, job.state())).has_value());
    EXPECT_EQ(job.state().status, JobStatus::kCanceled);
  }
}

TEST(QueueTimeout, RunsToTheFirstStartOfTheRunOnly) {
  JobSpec spec = testing::spec();
  spec.queue_timeout = 1min;
  History job;
  ASSERT_TRUE(job.tell(Enqueue{spec}).has_value());
  EXPECT_EQ(next_timer(job.state()), kStart + 1min);
  ASSERT_TRUE(job.tell(Start{}).has_value());
  ASSERT_TRUE(job.tell(Release{job.state().token, ""}).has_value());
  EXPECT_EQ(next_timer(job.state()), std::nullopt);
  EXPECT_EQ(code_of(job.tell(ExpireQueueTimeout{}, kAfterAllTimers)),
            ErrorCode::kInvalidTransition);
}

TEST(RetryRun, StartsClocksAndAttemptsAnewButContinuesTheirNumbers) {
  JobSpec spec = testing::spec();
  spec.deadline = kStart + 1h;
  History job = running(spec);
  ASSERT_TRUE(job.tell(failure(job, true), kStart + 10min).has_value());
  ASSERT_TRUE(job.tell(RetryRun{}, kStart + 5h).has_value());
  EXPECT_EQ(job.state().status, JobStatus::kPending);
  EXPECT_EQ(job.state().run, 2U);
  EXPECT_EQ(job.state().spec.deadline, kStart + 6h);
  EXPECT_FALSE(job.state().error.has_value());
  EXPECT_FALSE(job.state().dead_letter);
  ASSERT_TRUE(job.tell(Start{}, kStart + 5h).has_value());
  EXPECT_EQ(job.state().attempt, 2U);
  EXPECT_EQ(job.state().attempts_in_run, 1U);
}

TEST(Discard, PutsADeadLetterAwayOnce) {
  History job = job_in(JobStatus::kFailed);
  EXPECT_EQ(job.tell(Discard{}).value().size(), 1U);
  EXPECT_FALSE(job.state().dead_letter);
  EXPECT_EQ(code_of(job.tell(Discard{})), ErrorCode::kJobNotDeadLetter);
}

TEST(RequeueDeadLetter, StartsTheNextRunWithTheInputThatWasThere) {
  History job = job_in(JobStatus::kFailed);
  const PayloadRef input = job.state().spec.input;
  ASSERT_TRUE(job.tell(RequeueDeadLetter{}).has_value());
  EXPECT_EQ(job.state().status, JobStatus::kPending);
  EXPECT_EQ(job.state().run, 2U);
  EXPECT_EQ(job.state().spec.input, input);
  EXPECT_FALSE(job.state().dead_letter);
  EXPECT_TRUE(job.state().error_fingerprint.empty());
  EXPECT_EQ(code_of(job.tell(RequeueDeadLetter{})), ErrorCode::kJobNotDeadLetter);
}

TEST(RequeueDeadLetter, TakesAnEditedInputAlongInTheEvent) {
  History job = job_in(JobStatus::kFailed);
  const PayloadRef edited{.digest = {7}, .size_bytes = 44};
  const auto decided = job.tell(RequeueDeadLetter{edited}, kStart + 2h);
  ASSERT_TRUE(decided.has_value());
  EXPECT_EQ(std::get<Requeued>(decided->front()).input, edited);
  EXPECT_EQ(job.state().spec.input, edited);
  EXPECT_EQ(job.state().spec.deadline, kStart + 3h);  // as long as it had

  // The edited input stays for the runs that follow.
  ASSERT_TRUE(job.tell(Start{}, kStart + 2h).has_value());
  ASSERT_TRUE(job.tell(failure(job, true), kStart + 2h).has_value());
  ASSERT_TRUE(job.tell(RetryRun{}, kStart + 2h).has_value());
  EXPECT_EQ(job.state().spec.input, edited);
}

TEST(RequeueDeadLetter, IsNotForWhatWasDiscarded) {
  History job = job_in(JobStatus::kFailed);
  ASSERT_TRUE(job.tell(Discard{}).has_value());
  EXPECT_EQ(code_of(job.tell(RequeueDeadLetter{})), ErrorCode::kJobNotDeadLetter);
  EXPECT_TRUE(job.tell(RetryRun{}).has_value());
}

}  // namespace
}  // namespace errand::job
