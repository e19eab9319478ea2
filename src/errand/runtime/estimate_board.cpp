#include "errand/runtime/estimate_board.h"

#include <mutex>

namespace errand::runtime {

job::TypeHistoryPtr EstimateBoard::find(const TenantId& tenant, const JobTypeName& type) const {
  const std::shared_lock lock(mutex_);
  const auto of_tenant = histories_.find(tenant);
  if (of_tenant == histories_.end()) return nullptr;
  const auto found = of_tenant->second.find(type);
  return found == of_tenant->second.end() ? nullptr : found->second;
}

void EstimateBoard::publish(const std::vector<engine::EstimateChange>& changes) {
  if (changes.empty()) return;
  const std::unique_lock lock(mutex_);
  put(changes);
}

void EstimateBoard::replace(const std::vector<engine::EstimateChange>& all) {
  const std::unique_lock lock(mutex_);
  histories_.clear();
  put(all);
}

void EstimateBoard::put(const std::vector<engine::EstimateChange>& changes) {
  for (const engine::EstimateChange& change : changes) {
    if (change.history) {
      histories_[change.tenant][change.type] = change.history;
      continue;
    }
    const auto of_tenant = histories_.find(change.tenant);
    if (of_tenant == histories_.end()) continue;
    of_tenant->second.erase(change.type);
    if (of_tenant->second.empty()) histories_.erase(of_tenant);
  }
}

}  // namespace errand::runtime
