#pragma once

#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "errand/base/ids.h"
#include "errand/engine/engine.h"
#include "errand/job/type_history.h"

namespace errand::runtime {

/// The latest histories of job types, for whoever estimates. The lane publishes, any thread reads
/// without going through the lane. Thread-safe.
class EstimateBoard {
 public:
  /// What is known of a tenant's jobs of a type; null: nothing.
  [[nodiscard]] job::TypeHistoryPtr find(const TenantId& tenant, const JobTypeName& type) const;

  /// Takes what one commit changed.
  void publish(const std::vector<engine::EstimateChange>& changes);
  /// Takes `all` in place of what is there.
  void replace(const std::vector<engine::EstimateChange>& all);

 private:
  void put(const std::vector<engine::EstimateChange>& changes);

  mutable std::shared_mutex mutex_;
  std::unordered_map<TenantId, std::unordered_map<JobTypeName, job::TypeHistoryPtr>> histories_;
};

}  // namespace errand::runtime
