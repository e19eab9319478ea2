#include "errand/worker/contract_job_types.h"

#include <algorithm>

#include "errand/json/writer.h"

namespace errand::worker {

bool ContractJobTypes::knows(const JobTypeName& type) const {
  return contract_->job_type(type.view()) != nullptr;
}

bool ContractJobTypes::routes_by(const JobTypeName& type, std::string_view label) const {
  const contract::JobType* job = contract_->job_type(type.view());
  return job != nullptr && std::ranges::find(job->route_by, label) != job->route_by.end();
}

Result<std::string> ContractJobTypes::check_result(const JobTypeName& type,
                                                   const boost::json::value& result) const {
  const contract::JobType* known = contract_->job_type(type.view());
  if (known == nullptr) return json::to_text(result);
  const auto checked = contract_->check_result(*known, result);
  if (!checked) return std::unexpected(checked.error());
  return json::to_text(*checked);
}

}  // namespace errand::worker
