#pragma once

#include <span>

#include "errand/base/result.h"
#include "errand/job/event.h"
#include "errand/job/state.h"

namespace errand::job {

/// Brings `state` forward by one event. A default JobState takes an Enqueued event alone; any other
/// takes the event whose sequence follows its last one (both asserted: the store keeps them so).
void apply(JobState& state, const Event& event);

/// As apply(), for an event of a store: trusts nothing.
/// @return kStoreCorrupt where `event` cannot come next, as fold() says it; `state` is then as it
///         was.
Result<void> apply_stored(JobState& state, const Event& event);

/// `state` brought forward by one event.
inline JobState evolve(JobState state, const Event& event) {
  apply(state, event);
  return state;
}

/// The snapshot that a whole history gives, from its first event on. For checks of what a store
/// holds: it trusts nothing.
/// @return kStoreCorrupt where the history is empty, of several jobs, does not begin with Enqueued,
///         has a gap, repeats a sequence, goes back in position, or makes a move that the table of
///         transitions does not have.
Result<JobState> fold(std::span<const Event> history);

}  // namespace errand::job
