#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "errand/base/result.h"
#include "errand/contract/contract.h"

namespace errand::contract {

/// How a change meets those who rely on the old contract: clients, and jobs that are still there.
enum class ChangeSeverity : std::uint8_t {
  kBreaking,   ///< a client's document, a stored input or a stored result may no longer fit
  kDangerous,  ///< all fits, but may behave differently
  kSafe,
};
std::string_view to_string(ChangeSeverity severity) noexcept;  ///< "BREAKING", ...

struct ContractChange {
  ChangeSeverity severity = ChangeSeverity::kSafe;
  JobTypeName type;        ///< the job type concerned
  std::string coordinate;  ///< what changed: "exportReport(input:)", "Report.rows"
  std::string message;     ///< one sentence

  friend bool operator==(const ContractChange&, const ContractChange&) = default;
};

/// Compares two snapshots (JobType::contract_snapshot) of one job type.
/// @return the changes, the most severe first; kSchemaInvalid for a text that is no snapshot.
Result<std::vector<ContractChange>> compare_snapshots(const JobTypeName& type,
                                                      std::string_view old_snapshot,
                                                      std::string_view new_snapshot);

/// Compares all job types, those that have come or gone included. Settings that a client can see
/// (queue, idempotency, scopes) count as well.
std::vector<ContractChange> compare_contracts(const Contract& old_contract,
                                              const Contract& new_contract);

/// Whether any change is breaking.
bool is_breaking(std::span<const ContractChange> changes) noexcept;

}  // namespace errand::contract
