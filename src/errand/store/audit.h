#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "errand/base/result.h"
#include "errand/job/state.h"
#include "errand/store/reader.h"

namespace errand::store {

/// What an audit found.
struct AuditReport {
  std::vector<std::string> faults;  ///< in words; empty if all is well
  bool cut_short = false;           ///< there are more faults than were asked for
  std::uint64_t jobs = 0;           ///< looked at
  std::uint64_t events = 0;
};

struct AuditOptions {
  std::size_t faults_max = 100;  ///< after so many the audit ends; >= 1
  /// Looks at one more job, and adds what is wrong with it. May be empty.
  std::function<Result<void>(const job::JobState&, std::vector<std::string>& faults)> also = {};
};

/// Holds all of a store against the invariants I4 and I5: positions 1..n without a gap but those of
/// jobs that are gone, each job's sequences 1..m without a gap, histories fold to the stored
/// snapshots, no event or snapshot without its other, and counts, lines, timers and leases say what
/// the snapshots say.
///
/// Nothing may be written meanwhile, or `reader` must keep to one state of the store. Memory: a few
/// words for each job that has not ended, and one history.
/// @return the reader's error.
Result<AuditReport> audit(const Reader& reader, const AuditOptions& options);

}  // namespace errand::store
