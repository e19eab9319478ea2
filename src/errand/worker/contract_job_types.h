#pragma once

#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "errand/contract/contract.h"
#include "errand/worker/job_types.h"

namespace errand::worker {

/// The job types of a contract.
class ContractJobTypes final : public JobTypes {
 public:
  /// @param hosted  types that have a handler in this process
  explicit ContractJobTypes(std::shared_ptr<const contract::Contract> contract,
                            std::set<JobTypeName> hosted = {})
      : contract_(std::move(contract)), hosted_(std::move(hosted)) {}

  [[nodiscard]] bool knows(const JobTypeName& type) const override;
  [[nodiscard]] bool hosted(const JobTypeName& type) const override {
    return hosted_.contains(type);
  }

  [[nodiscard]] bool routes_by(const JobTypeName& type, std::string_view label) const override;

  /// A result of a type that the schema has no more (its jobs outlived it) is stored as it is:
  /// there is nothing to hold it against, and nobody to show it to.
  [[nodiscard]] Result<std::string> check_result(const JobTypeName& type,
                                                 const boost::json::value& result) const override;

 private:
  std::shared_ptr<const contract::Contract> contract_;
  std::set<JobTypeName> hosted_;
};

}  // namespace errand::worker
