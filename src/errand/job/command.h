#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/job/event.h"
#include "errand/job/payload.h"

namespace errand::job {

// Bounds of what a worker may report; beyond them decide() refuses with kPayloadTooLarge.
inline constexpr std::size_t kErrorCodeBytesMax = 128;
inline constexpr std::size_t kErrorMessageBytesMax = 4'096;
inline constexpr std::size_t kErrorDetailsBytesMax = 16'384;
inline constexpr std::size_t kProgressTextBytesMax = 1'024;  ///< of stage and message each
inline constexpr std::size_t kReasonBytesMax = 1'024;        ///< of releases, cancels and the like

// What can be asked of a job. Names are verbs, events their past. A command that carries a fencing
// token is good for that one start alone.

/// Makes the job. Only for a job that does not exist yet.
struct Enqueue {
  JobSpec spec;
};
/// Its time has come: SCHEDULED or RETRYING, and the state's due_at has passed.
struct DueNow {};
/// Gives the lease to a worker. The event names the new fencing token.
struct Start {
  WorkerId worker;
  std::string worker_build;
};
/// Report: the work is done. The result has been checked against its type before.
struct Complete {
  FencingToken token{};
  PayloadRef result;
};
/// Report: the attempt failed.
struct FailAttempt {
  FencingToken token{};
  bool permanent = false;       ///< no further attempt in this run
  Milliseconds retry_after{0};  ///< wait that the worker asks for, at least; 0: none
  JobError error;               ///< attempt and retryable are filled in by decide()
};
/// The attempt ran longer than its timeout.
struct TimeOutAttempt {
  FencingToken token{};
};
/// No heartbeat came for the length of the lease.
struct LoseLease {
  FencingToken token{};
};
/// Report: the worker gives the job back unharmed, as when it drains.
struct Release {
  FencingToken token{};
  std::string reason;
};
/// Report: the worker puts the job off.
struct Snooze {
  FencingToken token{};
  Milliseconds delay{0};  ///< >= 0
  std::string reason;
};
/// Report: the worker suspends the job until it is resumed.
struct Suspend {
  FencingToken token{};
  std::string reason;
};
/// What a WAITING job waited for has come: a signal, a timer or its children.
struct Resume {
  std::string signal;
};
/// Report: how far the attempt has come.
struct ReportProgress {
  FencingToken token{};
  Progress progress;
};
/// Asks the job to stop, cooperatively.
struct RequestCancel {
  std::string message;
};
/// The worker did not stop within the grace it was given.
struct GraceOver {
  FencingToken token{};
};
/// Ends the job at once, without compensation. Audited.
struct Kill {
  std::string message;
};
/// The deadline has passed.
struct ExpireDeadline {};
/// The run's first start did not come within its queue timeout.
struct ExpireQueueTimeout {};
/// All compensations have ended.
struct EndCompensation {};
/// Starts the next run of an ended job.
struct RetryRun {};
/// Puts a dead letter away.
struct Discard {};
/// Starts the next run of a dead letter, with another input where one is given.
struct RequeueDeadLetter {
  std::optional<PayloadRef> input;  ///< checked against the type before
  std::string limit_key = {};       ///< of this input; JobSpec::limit_key
  std::string unique_key = {};      ///< of this input; JobSpec::unique_key
};

using Command = std::variant<Enqueue, DueNow, Start, Complete, FailAttempt, TimeOutAttempt,
                             LoseLease, Release, Snooze, Suspend, Resume, ReportProgress,
                             RequestCancel, GraceOver, Kill, ExpireDeadline, ExpireQueueTimeout,
                             EndCompensation, RetryRun, Discard, RequeueDeadLetter>;

/// The alternatives of Command in order, for tables.
enum class CommandKind : std::uint8_t {
  kEnqueue,
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
  kRequeueDeadLetter,
};
inline constexpr std::size_t kCommandKindCount = 21;
static_assert(std::variant_size_v<Command> == kCommandKindCount);

inline CommandKind kind_of(const Command& command) noexcept {
  return static_cast<CommandKind>(command.index());
}

/// "enqueue", "due_now", ...: for messages and tests.
std::string_view to_string(CommandKind kind) noexcept;

}  // namespace errand::job
