#include "errand/job/transition_table.h"

#include <array>
#include <cstddef>
#include <initializer_list>

namespace errand::job {
namespace {

using enum JobStatus;
using Row = std::array<Transition, kCommandKindCount>;
using Table = std::array<Row, kJobStatusCount>;

consteval Transition move(std::initializer_list<JobStatus> next) {
  Transition cell{.kind = Transition::Kind::kMove};
  for (const JobStatus status : next) {
    cell.next = static_cast<std::uint16_t>(cell.next | (1U << static_cast<unsigned>(status)));
  }
  return cell;
}
consteval Transition acknowledge() { return {.kind = Transition::Kind::kAcknowledge}; }
consteval Transition refuse(ErrorCode code) {
  return {.kind = Transition::Kind::kRefuse, .refusal = code};
}

constexpr std::array kReports = {
    CommandKind::kComplete,  CommandKind::kFailAttempt,    CommandKind::kTimeOutAttempt,
    CommandKind::kLoseLease, CommandKind::kRelease,        CommandKind::kSnooze,
    CommandKind::kSuspend,   CommandKind::kReportProgress, CommandKind::kGraceOver};

/// Table of DESIGN.md, section 5. What is not named is refused: kInvalidTransition, for reports
/// without a lease kLeaseLost, after the end kJobEnded, for what is done to dead letters
/// kJobNotDeadLetter.
consteval Table make_table() {
  Table table;
  const auto cell = [&table](JobStatus from, CommandKind command) -> Transition& {
    return table[static_cast<std::size_t>(from)][static_cast<std::size_t>(command)];
  };
  for (const JobStatus status : kAllJobStatuses) {
    for (Transition& each : table[static_cast<std::size_t>(status)]) {
      each = refuse(is_terminal(status) ? ErrorCode::kJobEnded : ErrorCode::kInvalidTransition);
    }
    if (!is_terminal(status) && !has_lease(status)) {
      for (const CommandKind report : kReports)
        cell(status, report) = refuse(ErrorCode::kLeaseLost);
    }
    cell(status, CommandKind::kEnqueue) = refuse(ErrorCode::kConflict);
    for (const CommandKind of_dead_letter :
         {CommandKind::kDiscard, CommandKind::kRequeueDeadLetter})
      cell(status, of_dead_letter) = refuse(ErrorCode::kJobNotDeadLetter);
  }

  for (const JobStatus waiting : {kScheduled, kRetrying, kPending, kWaiting}) {
    cell(waiting, CommandKind::kRequestCancel) = move({kCanceled, kCompensating});
    cell(waiting, CommandKind::kExpireDeadline) = move({kExpired, kCompensating});
    cell(waiting, CommandKind::kKill) = move({kCanceled});
  }
  for (const JobStatus timed : {kScheduled, kRetrying}) {
    cell(timed, CommandKind::kDueNow) = move({kPending});
  }
  cell(kPending, CommandKind::kStart) = move({kRunning});
  cell(kPending, CommandKind::kExpireQueueTimeout) = move({kExpired, kCompensating});
  cell(kWaiting, CommandKind::kResume) = move({kPending});

  cell(kRunning, CommandKind::kComplete) = move({kSucceeded});
  for (const CommandKind failure :
       {CommandKind::kFailAttempt, CommandKind::kTimeOutAttempt, CommandKind::kLoseLease}) {
    cell(kRunning, failure) = move({kRetrying, kFailed, kCompensating});
  }
  cell(kRunning, CommandKind::kRelease) = move({kPending});
  cell(kRunning, CommandKind::kSnooze) = move({kScheduled});
  cell(kRunning, CommandKind::kSuspend) = move({kWaiting});
  cell(kRunning, CommandKind::kReportProgress) = move({kRunning});
  cell(kRunning, CommandKind::kRequestCancel) = move({kCanceling});
  cell(kRunning, CommandKind::kExpireDeadline) = move({kCanceling});
  cell(kRunning, CommandKind::kKill) = move({kCanceled});

  for (const CommandKind end : kReports) {
    cell(kCanceling, end) = move({kCanceled, kExpired, kCompensating});
  }
  cell(kCanceling, CommandKind::kComplete) = move({kSucceeded, kExpired, kCompensating});
  cell(kCanceling, CommandKind::kReportProgress) = move({kCanceling});
  cell(kCanceling, CommandKind::kRequestCancel) = acknowledge();
  cell(kCanceling, CommandKind::kExpireDeadline) = acknowledge();
  cell(kCanceling, CommandKind::kKill) = move({kCanceled});

  cell(kCompensating, CommandKind::kEndCompensation) = move({kFailed, kCanceled, kExpired});
  cell(kCompensating, CommandKind::kKill) = move({kFailed, kCanceled, kExpired});
  cell(kCompensating, CommandKind::kRequestCancel) = refuse(ErrorCode::kJobNotCancelable);
  cell(kCompensating, CommandKind::kExpireDeadline) = acknowledge();

  for (const JobStatus ended : {kFailed, kCanceled, kExpired}) {
    cell(ended, CommandKind::kRetryRun) = move({kPending});
  }
  cell(kFailed, CommandKind::kDiscard) = move({kFailed});
  cell(kFailed, CommandKind::kRequeueDeadLetter) = move({kPending});
  return table;
}

constexpr Table kTable = make_table();

}  // namespace

const Transition& transition(JobStatus from, CommandKind command) noexcept {
  return kTable[static_cast<std::size_t>(from)][static_cast<std::size_t>(command)];
}

}  // namespace errand::job
