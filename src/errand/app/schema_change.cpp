#include "errand/app/schema_change.h"

#include <fmt/format.h>

#include "errand/job/internal_type.h"

namespace errand::app {

Result<std::vector<AffectedType>> find_affected_types(const contract::Contract& contract,
                                                      const store::Reader& reader) {
  const auto live = reader.live_types();
  if (!live) return std::unexpected(live.error());
  std::vector<AffectedType> affected;
  for (const auto& entry : *live) {
    if (job::is_internal(entry.type)) continue;  // no schema has them
    const contract::JobType* now = contract.job_type(entry.type.view());
    if (now && now->contract_hash == entry.contract_hash) continue;
    AffectedType type{.type = entry.type, .contract_hash = entry.contract_hash, .jobs = entry.jobs};
    type.removed = now == nullptr;
    if (now) {
      const auto before = reader.contract(entry.type, entry.contract_hash);
      if (!before) return std::unexpected(before.error());
      if (*before) {
        auto changes =
            contract::compare_snapshots(entry.type, (*before)->text, now->contract_snapshot);
        if (!changes) return std::unexpected(changes.error());
        type.changes = *std::move(changes);
      }
    }
    affected.push_back(std::move(type));
  }
  return affected;
}

std::string describe(const std::vector<AffectedType>& types) {
  std::string text;
  for (const auto& type : types) {
    if (!text.empty()) text += '\n';
    text +=
        fmt::format("  {}: {} live job{}{}", type.type.view(), type.jobs, type.jobs == 1 ? "" : "s",
                    type.removed ? ", and the schema no longer has this type" : "");
    for (const auto& change : type.changes) {
      text += fmt::format("\n    {} {}: {}", to_string(change.severity), change.coordinate,
                          change.message);
    }
  }
  return text;
}

}  // namespace errand::app
