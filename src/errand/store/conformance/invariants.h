#pragma once

#include <string>

#include "errand/store/reader.h"

namespace errand::store::conformance {

/// Holds all of a store against the invariants I4 and I5: positions 1..n without a gap but those of
/// pruned jobs, each job's sequences 1..m without a gap, histories fold to the stored snapshots,
/// and counts, lines, timers and leases say what the snapshots say.
/// @return what is wrong; empty if nothing is.
std::string find_fault(const Reader& reader);

}  // namespace errand::store::conformance
