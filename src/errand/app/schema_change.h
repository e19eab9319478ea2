#pragma once

#include <string>
#include <vector>

#include "errand/base/result.h"
#include "errand/contract/compare_contracts.h"
#include "errand/contract/contract.h"
#include "errand/store/reader.h"

namespace errand::app {

/// A job type with live jobs that were made under another contract than the schema's present one.
struct AffectedType {
  JobTypeName type;
  std::string contract_hash;                      ///< of the live jobs
  std::uint64_t jobs = 0;                         ///< that have not ended
  bool removed = false;                           ///< the schema has no such type any more
  std::vector<contract::ContractChange> changes;  ///< empty where removed

  /// Whether those jobs may no longer fit.
  [[nodiscard]] bool broken() const { return removed || contract::is_breaking(changes); }
};

/// Compares the contracts of all live jobs with the schema's (DESIGN 3, types that outlive their
/// schema). Types whose contract is unchanged are left out, and internal ones.
Result<std::vector<AffectedType>> find_affected_types(const contract::Contract& contract,
                                                      const store::Reader& reader);

/// For people: one line a type, its changes below it.
std::string describe(const std::vector<AffectedType>& types);

}  // namespace errand::app
