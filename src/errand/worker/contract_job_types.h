#pragma once

#include <memory>

#include "errand/contract/contract.h"
#include "errand/worker/job_types.h"

namespace errand::worker {

/// The job types of a contract.
class ContractJobTypes final : public JobTypes {
 public:
  explicit ContractJobTypes(std::shared_ptr<const contract::Contract> contract)
      : contract_(std::move(contract)) {}

  [[nodiscard]] bool knows(const JobTypeName& type) const override;

  /// A result of a type that the schema has no more (its jobs outlived it) is stored as it is:
  /// there is nothing to hold it against, and nobody to show it to.
  [[nodiscard]] Result<std::string> check_result(const JobTypeName& type,
                                                 const boost::json::value& result) const override;

 private:
  std::shared_ptr<const contract::Contract> contract_;
};

}  // namespace errand::worker
