#include "errand/engine/lease_table.h"

#include <algorithm>

namespace errand::engine {

const Lease* LeaseTable::find(const JobId& job) const {
  const auto it = leases_.find(job);
  return it == leases_.end() ? nullptr : &it->second;
}

void LeaseTable::grant(const JobId& job, Lease lease) {
  end(job);
  index(job, leases_.emplace(job, std::move(lease)).first->second);
}

void LeaseTable::end(const JobId& job) {
  const auto it = leases_.find(job);
  if (it == leases_.end()) return;
  unindex(job, it->second);
  leases_.erase(it);
}

void LeaseTable::clear() {
  leases_.clear();
  monotonic_.clear();
  wall_.clear();
}

std::vector<JobId> LeaseTable::due(Now now, std::size_t limit) const {
  std::vector<JobId> jobs;
  for (const auto& [time, job] : monotonic_) {
    if (time > now.monotonic || jobs.size() >= limit) break;
    jobs.push_back(job);
  }
  for (const auto& [time, job] : wall_) {
    if (time > now.wall || jobs.size() >= limit) break;
    jobs.push_back(job);
  }
  return jobs;
}

std::optional<MonotonicTime> LeaseTable::first_monotonic() const {
  if (monotonic_.empty()) return std::nullopt;
  return monotonic_.begin()->first;
}

std::optional<Timestamp> LeaseTable::first_wall() const {
  if (wall_.empty()) return std::nullopt;
  return wall_.begin()->first;
}

void LeaseTable::index(const JobId& job, Lease& lease) {
  lease.indexed_ = std::min(lease.expires, lease.attempt_ends);
  if (lease.held) lease.indexed_ = std::min(lease.indexed_, progress_due(lease));
  monotonic_.emplace(lease.indexed_, job);
  if (lease.wall_due) wall_.emplace(*lease.wall_due, job);
}

void LeaseTable::unindex(const JobId& job, const Lease& lease) {
  monotonic_.erase({lease.indexed_, job});
  if (lease.wall_due) wall_.erase({*lease.wall_due, job});
}

}  // namespace errand::engine
