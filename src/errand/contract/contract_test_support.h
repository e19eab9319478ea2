#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "errand/contract/contract.h"
#include "errand/graphql/language/graphql_error.h"

namespace errand::contract {

/// The contract of one file, which must be good.
inline std::shared_ptr<const Contract> contract_of(const std::string& sdl,
                                                   const ContractOptions& options = {}) {
  const graphql::language::Source source{.body = sdl, .name = "schema.graphql"};
  auto contract = Contract::build({&source, 1}, options);
  if (!contract) {
    for (const auto& error : contract.error()) ADD_FAILURE() << to_string(error);
    return nullptr;
  }
  return *contract;
}

/// All errors of one file, with their first places.
inline std::vector<std::string> contract_errors(const std::string& sdl,
                                                const ContractOptions& options = {}) {
  const graphql::language::Source source{.body = sdl, .name = "schema.graphql"};
  auto contract = Contract::build({&source, 1}, options);
  std::vector<std::string> errors;
  if (!contract) {
    for (const auto& error : contract.error()) {
      const std::string text = to_string(error);
      errors.push_back(text.substr(0, text.find("\nschema.graphql:")));
    }
  }
  return errors;
}

}  // namespace errand::contract
