#pragma once

#include <cstdint>

namespace errand {

/// Faults of the kinds that the invariants (DESIGN.md, section 11) are there for, put in on purpose
/// to show that the simulation finds each of them. They exist where ERRAND_DELIBERATE_BUGS is
/// defined, which is in builds with tests; what ships has none of them.
enum class DeliberateBug : std::uint8_t {
  kNone,
  kLeaseNotFenced,
  kEventLostAfterCommit,
  kAppliedBeforeCommit,
  kLimitSlotLeaked,
  kSnapshotWithoutItsEvent,
  kTimerDroppedAtRestart,
  kDueFiredTwice,
  kIdempotencyRace,
  kSequenceReused,
  kLeaseRestoredWithoutTime,
  kCursorOffByOne,
  kLimitCountedLate,
  kDeadlineCheckedAtEnqueueOnly,
  kTerminalStatusOverwritten,
  kReplayBeforeAuthorization,
  kReactionLost,
  kReactionDoubled,
  kCatchUpCountedOn,
  kCatchUpOvertaken,
};
inline constexpr int kDeliberateBugCount = 19;  ///< without kNone

#ifdef ERRAND_DELIBERATE_BUGS

/// The one that is in. Set by a test while no other thread runs.
extern DeliberateBug deliberate_bug;

// Internal linkage: the two forms stand in different libraries of one program.
static inline bool has_bug(DeliberateBug bug) noexcept { return deliberate_bug == bug; }

#else

static constexpr bool has_bug(DeliberateBug) noexcept { return false; }

#endif

}  // namespace errand
