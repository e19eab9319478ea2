#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/job/event.h"
#include "errand/job/state.h"

namespace errand::engine {

/// Progress that was reported but is not stored yet.
struct HeldProgress {
  job::Progress progress;
  job::Actor actor;
  std::string traceparent;
};

/// What the engine holds of a job that a worker runs. Never stored.
struct Lease {
  FencingToken token{};
  WorkerId worker;                               ///< who was heard of last
  MonotonicTime expires;                         ///< without a further heartbeat
  MonotonicTime attempt_ends;                    ///< by the attempt's timeout
  std::optional<MonotonicTime> progress_stored;  ///< nullopt: none since this lease is known
  std::optional<HeldProgress> held;
  std::optional<Timestamp> wall_due;  ///< RUNNING: deadline; CANCELING: end of the grace

 private:
  friend class LeaseTable;
  MonotonicTime indexed_;  ///< its place in the row of timers
};

/// Leases by job, and their timers. Not thread-safe.
class LeaseTable {
 public:
  /// @param progress_interval  least time between stored progress events of a job
  explicit LeaseTable(Milliseconds progress_interval) : progress_interval_(progress_interval) {}

  [[nodiscard]] const Lease* find(const JobId& job) const;
  [[nodiscard]] std::size_t size() const { return leases_.size(); }
  [[nodiscard]] const std::unordered_map<JobId, Lease>& all() const { return leases_; }

  /// A job has a lease now; replaces an older one.
  void grant(const JobId& job, Lease lease);
  /// Changes a lease by `change(Lease&)` and its timers with it. Nothing happens without one.
  template <class Change>
  void update(const JobId& job, Change change) {
    const auto it = leases_.find(job);
    if (it == leases_.end()) return;
    unindex(job, it->second);
    change(it->second);
    index(job, it->second);
  }
  void end(const JobId& job);
  void clear();

  /// Jobs with a timer at `now` or before, by either clock, at most `limit`.
  [[nodiscard]] std::vector<JobId> due(Now now, std::size_t limit) const;

  [[nodiscard]] std::optional<MonotonicTime> first_monotonic() const;
  [[nodiscard]] std::optional<Timestamp> first_wall() const;

  /// When held progress of `lease` is to be stored: at once, long ago, where none was before.
  [[nodiscard]] MonotonicTime progress_due(const Lease& lease) const {
    return lease.progress_stored ? *lease.progress_stored + progress_interval_ : MonotonicTime{};
  }

 private:
  void index(const JobId& job, Lease& lease);
  void unindex(const JobId& job, const Lease& lease);

  Milliseconds progress_interval_;
  std::unordered_map<JobId, Lease> leases_;
  std::set<std::pair<MonotonicTime, JobId>> monotonic_;
  std::set<std::pair<Timestamp, JobId>> wall_;
};

}  // namespace errand::engine
