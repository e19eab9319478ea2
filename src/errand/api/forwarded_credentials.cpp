#include "errand/api/forwarded_credentials.h"

#include <algorithm>
#include <set>
#include <variant>

#include "errand/contract/handler_rule.h"

namespace errand::api {

std::vector<std::string> forwarded_header_names(const contract::Contract& contract) {
  std::set<std::string> names;
  for (const contract::JobType& type : contract.job_types()) {
    if (const auto* rule = std::get_if<contract::GraphqlHandlerRule>(&type.handler)) {
      names.insert(rule->forward_headers.begin(), rule->forward_headers.end());
    }
  }
  return {names.begin(), names.end()};
}

Result<auth::JobCredentials> forwarded_credentials(const contract::JobType& type,
                                                   const Context& context) {
  auth::JobCredentials credentials;
  const auto* rule = std::get_if<contract::GraphqlHandlerRule>(&type.handler);
  if (rule == nullptr || (rule->forward_headers.empty() && rule->on_behalf_of.empty())) {
    return credentials;
  }
  for (const auto& [name, value] : context.forwarded_headers) {
    // What another type asks for is none of this one's business.
    if (std::ranges::find(rule->forward_headers, name) == rule->forward_headers.end()) continue;
    credentials.headers.emplace_back(name, value);
  }
  if (auto checked = auth::check_headers(credentials); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  if (!credentials.headers.empty() || !rule->on_behalf_of.empty()) {
    credentials.subject = context.principal->subject.str();
  }
  return credentials;
}

}  // namespace errand::api
