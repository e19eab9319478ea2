#include "errand/job/transition_table.h"

#include <array>
#include <cstdio>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "errand/job/decide.h"
#include "errand/job/evolve.h"
#include "errand/job/testing/jobs.h"

namespace errand::job {
namespace {

using testing::job_in;
using testing::kAfterAllTimers;
using testing::sample_command;

using enum JobStatus;
using enum CommandKind;

constexpr std::array kAllKinds = {kEnqueue,
                                  kDueNow,
                                  kStart,
                                  kComplete,
                                  kFailAttempt,
                                  kTimeOutAttempt,
                                  kLoseLease,
                                  kRelease,
                                  kSnooze,
                                  kSuspend,
                                  kResume,
                                  kReportProgress,
                                  kRequestCancel,
                                  kGraceOver,
                                  kKill,
                                  kExpireDeadline,
                                  kExpireQueueTimeout,
                                  kEndCompensation,
                                  kRetryRun,
                                  kDiscard,
                                  kRequeueDeadLetter};
static_assert(kAllKinds.size() == kCommandKindCount);

std::string cell_name(JobStatus status, CommandKind kind) {
  return std::string(to_string(status)) + " x " + std::string(to_string(kind));
}

/// DESIGN.md, section 5, written down a second time by hand: what each command may lead to.
std::set<JobStatus> expected_next(JobStatus from, CommandKind kind) {
  const bool waits =
      from == kScheduled || from == kRetrying || from == kPending || from == kWaiting;
  switch (kind) {
    case kEnqueue:
      return {};
    case kDueNow:
      if (from == kScheduled || from == kRetrying) return {kPending};
      return {};
    case kStart:
      if (from == kPending) return {kRunning};
      return {};
    case kComplete:
      if (from == kRunning) return {kSucceeded};
      if (from == kCanceling) return {kSucceeded, kExpired, kCompensating};
      return {};
    case kFailAttempt:
    case kTimeOutAttempt:
    case kLoseLease:
      if (from == kRunning) return {kRetrying, kFailed, kCompensating};
      if (from == kCanceling) return {kCanceled, kExpired, kCompensating};
      return {};
    case kRelease:
      if (from == kRunning) return {kPending};
      if (from == kCanceling) return {kCanceled, kExpired, kCompensating};
      return {};
    case kSnooze:
      if (from == kRunning) return {kScheduled};
      if (from == kCanceling) return {kCanceled, kExpired, kCompensating};
      return {};
    case kSuspend:
      if (from == kRunning) return {kWaiting};
      if (from == kCanceling) return {kCanceled, kExpired, kCompensating};
      return {};
    case kResume:
      if (from == kWaiting) return {kPending};
      return {};
    case kReportProgress:
      if (has_lease(from)) return {from};
      return {};
    case kRequestCancel:
      if (waits) return {kCanceled, kCompensating};
      if (from == kRunning) return {kCanceling};
      return {};
    case kGraceOver:
      if (from == kCanceling) return {kCanceled, kExpired, kCompensating};
      return {};
    case kKill:
      if (waits || has_lease(from)) return {kCanceled};
      if (from == kCompensating) return {kFailed, kCanceled, kExpired};
      return {};
    case kExpireDeadline:
      if (waits) return {kExpired, kCompensating};
      if (from == kRunning) return {kCanceling};
      return {};
    case kExpireQueueTimeout:
      if (from == kPending) return {kExpired, kCompensating};
      return {};
    case kEndCompensation:
      if (from == kCompensating) return {kFailed, kCanceled, kExpired};
      return {};
    case kRetryRun:
      if (from == kFailed || from == kCanceled || from == kExpired) return {kPending};
      return {};
    case kDiscard:
      if (from == kFailed) return {kFailed};
      return {};
    case kRequeueDeadLetter:
      if (from == kFailed) return {kPending};
      return {};
  }
  return {};
}

ErrorCode expected_refusal(JobStatus from, CommandKind kind) {
  if (kind == kEnqueue) return ErrorCode::kConflict;
  if (kind == kDiscard || kind == kRequeueDeadLetter) return ErrorCode::kJobNotDeadLetter;
  if (is_terminal(from)) return ErrorCode::kJobEnded;
  if (from == kCompensating && kind == kRequestCancel) return ErrorCode::kJobNotCancelable;
  if (has_lease(from)) return ErrorCode::kInvalidTransition;
  switch (kind) {
    case kComplete:
    case kFailAttempt:
    case kTimeOutAttempt:
    case kLoseLease:
    case kRelease:
    case kSnooze:
    case kSuspend:
    case kReportProgress:
    case kGraceOver:
      return ErrorCode::kLeaseLost;
    default:
      return ErrorCode::kInvalidTransition;
  }
}

bool expected_acknowledge(JobStatus from, CommandKind kind) {
  return (from == kCanceling && (kind == kRequestCancel || kind == kExpireDeadline)) ||
         (from == kCompensating && kind == kExpireDeadline);
}

TEST(TransitionTable, HasTheCellsOfTheDesignAndNoOthers) {
  for (const JobStatus from : kAllJobStatuses) {
    for (const CommandKind kind : kAllKinds) {
      SCOPED_TRACE(cell_name(from, kind));
      const Transition& cell = transition(from, kind);
      std::set<JobStatus> next;
      for (const JobStatus to : kAllJobStatuses) {
        if (cell.allows(to)) next.insert(to);
      }
      EXPECT_EQ(next, expected_next(from, kind));
      if (!next.empty()) continue;
      if (expected_acknowledge(from, kind)) {
        EXPECT_EQ(cell.kind, Transition::Kind::kAcknowledge);
      } else {
        EXPECT_EQ(cell.kind, Transition::Kind::kRefuse);
        EXPECT_EQ(to_string(cell.refusal), to_string(expected_refusal(from, kind)));
      }
    }
  }
}

TEST(TransitionTable, DecideTakesOrRefusesEveryCellAsItSays) {
  int moved = 0;
  int acknowledged = 0;
  int refused = 0;
  for (const JobStatus from : kAllJobStatuses) {
    for (const CommandKind kind : kAllKinds) {
      SCOPED_TRACE(cell_name(from, kind));
      const testing::History job = job_in(from);
      const Transition& cell = transition(from, kind);
      // Nothing may start once its deadline has passed.
      const Timestamp now = kind == kStart ? testing::kStart : kAfterAllTimers;
      const auto decided = decide(&job.state(), sample_command(kind, job.state()), {.now = now});
      switch (cell.kind) {
        case Transition::Kind::kRefuse:
          ++refused;
          ASSERT_FALSE(decided.has_value());
          EXPECT_EQ(to_string(decided.error().code), to_string(cell.refusal));
          break;
        case Transition::Kind::kAcknowledge:
          ++acknowledged;
          ASSERT_TRUE(decided.has_value());
          EXPECT_TRUE(decided->empty());
          break;
        case Transition::Kind::kMove:
          ++moved;
          ASSERT_TRUE(decided.has_value()) << decided.error().message;
          ASSERT_FALSE(decided->empty());
          testing::History after = job;
          after.append(*decided, now);
          EXPECT_TRUE(cell.allows(after.state().status)) << to_string(after.state().status);
          break;
      }
    }
  }
  std::printf("[          ] %d cells: %d move, %d acknowledge, %d refuse\n",
              moved + acknowledged + refused, moved, acknowledged, refused);
}

TEST(TransitionTable, EveryCommandButEnqueueNeedsAJob) {
  const JobState none;
  for (const CommandKind kind : kAllKinds) {
    const auto decided = decide(nullptr, sample_command(kind, none), {.now = Timestamp{}});
    if (kind == kEnqueue) {
      EXPECT_TRUE(decided.has_value());
    } else {
      ASSERT_FALSE(decided.has_value());
      EXPECT_EQ(decided.error().code, ErrorCode::kNotFound);
    }
  }
}

}  // namespace
}  // namespace errand::job
