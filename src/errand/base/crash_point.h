#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "errand/base/result.h"

namespace errand {

/// Places at which a test lets the server kill itself, to show that what was acknowledged survives.
/// Their labels stand in kCrashPointLabels, in the same order.
enum class CrashPoint : std::uint8_t {
  kBeforeDecide,        ///< the lane has its requests, and has decided none of them
  kBeforeBegin,         ///< decided, and the store has not begun to write
  kBetweenStatements,   ///< within the transaction of a commit
  kBeforeCommit,        ///< all is written, COMMIT is the next statement
  kAfterCommit,         ///< durable, and the engine's memory does not know it
  kAfterApply,          ///< in memory, and nobody has been told
  kBeforeAnswers,       ///< published and handed to workers, and no caller is answered
  kBeforeResponse,      ///< a piece of an HTTP response is about to be written
  kAfterResponse,       ///< it is written
  kBeforeDispatch,      ///< a worker is about to be sent its job
  kAfterFrame,          ///< a message to a worker or subscriber is written to its WebSocket
  kReportRead,          ///< a worker's report is read, and the lane does not have it
  kBeforeAck,           ///< a report is durable, and its worker is not told
  kBeforeHeartbeatAck,  ///< leases are extended, and their worker is not told
  kProgressFlush,       ///< held progress is decided
  kTimerFired,          ///< a timer of a job is decided
  kCheckpoint,          ///< before, between and after the passes of a checkpoint
  kPrune,     ///< before, between and after the jobs of a pruning, before and after COMMIT
  kRecovery,  ///< while the store is opened and memory rebuilt
  kDrain,     ///< between the steps of a graceful stop
};

inline constexpr std::array<std::string_view, 20> kCrashPointLabels = {
    "lane.before_decide",
    "commit.before_begin",
    "commit.between_statements",
    "commit.before_commit",
    "commit.after_commit",
    "lane.after_apply",
    "lane.before_answers",
    "response.before_write",
    "response.after_write",
    "dispatch.before_send",
    "web_socket.after_write",
    "report.read",
    "report.before_ack",
    "heartbeat.before_ack",
    "progress.flush",
    "timer.fired",
    "checkpoint",
    "prune",
    "recovery",
    "drain",
};
static_assert(kCrashPointLabels.size() == static_cast<std::size_t>(CrashPoint::kDrain) + 1);

#ifdef ERRAND_CRASH_POINTS

namespace internal {
/// The index of the armed point; negative: none. Set before any thread starts.
extern int armed_crash_point;
void pass_armed_crash_point() noexcept;
}  // namespace internal

// Internal linkage: the two forms stand in different libraries of one program.

/// Kills the process with SIGKILL where `point` is armed and passed for the chosen time.
/// Thread-safe.
static inline void crash_point(CrashPoint point) noexcept {
  if (internal::armed_crash_point == static_cast<int>(point)) internal::pass_armed_crash_point();
}

/// Takes ERRAND_CRASH_POINT out of `environment` and arms what it names: "commit.after_commit:3" is
/// the third time that the point is passed. Called before any thread starts.
/// @return kConfigInvalid for an unknown label or a number that is not one, naming all labels.
Result<void> arm_crash_point(std::map<std::string, std::string>& environment);

#else

static constexpr void crash_point(CrashPoint /*point*/) noexcept {}

/// Without crash points the variable is an unknown one, and is refused as such.
static inline Result<void> arm_crash_point(std::map<std::string, std::string>& /*environment*/) {
  return {};
}

#endif

}  // namespace errand
