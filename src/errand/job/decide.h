#pragma once

#include <vector>

#include "errand/base/clock.h"
#include "errand/base/result.h"
#include "errand/job/command.h"
#include "errand/job/event.h"
#include "errand/job/state.h"

namespace errand::job {

/// All that a decision needs beside state and command, as values, so that decide() stays pure.
struct DecisionContext {
  Timestamp now;    ///< also the time of the events
  double draw = 0;  ///< uniform in [0, 1), for the jitter of a backoff
};

/// What follows from `command` on `state` (nullptr: no such job yet).
///
/// Pure; consults transition_table.h for what may happen at all. The outcome holds all that was
/// drawn or looked up, so that evolve() needs neither clock nor chance.
///
/// @return the events to store, in order; none where the command is acknowledged and changes
///         nothing (a report repeated word for word, a second cancel). Refusals: kNotFound (no
///         job), kConflict (Enqueue of a job that is there), kJobEnded, kLeaseLost (a report under
///         a stale token, or for a job without a lease), kJobNotCancelable,
///         kJobNotDeadLetter, kInvalidTransition (or
///         a timer's command before its time), kDeadlineExceeded (Start at or after the deadline),
///         kInvalidArgument (an Enqueue or a report with a value out of its range).
Result<std::vector<EventData>> decide(const JobState* state, const Command& command,
                                      const DecisionContext& context);

}  // namespace errand::job
