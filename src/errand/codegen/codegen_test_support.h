#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "errand/codegen/generate.h"
#include "errand/contract/contract.h"

namespace errand::codegen {

/// The contract of one file, which must be good.
inline std::shared_ptr<const contract::Contract> contract_of(
    const std::string& sdl, const contract::ContractOptions& options = {}) {
  const graphql::language::Source source{.body = sdl, .name = "schema.graphql"};
  auto contract = contract::Contract::build({&source, 1}, options);
  if (!contract) {
    for (const auto& error : contract.error()) ADD_FAILURE() << to_string(error);
    return nullptr;
  }
  return *contract;
}

/// What is generated of it.
inline std::string generated(const std::string& sdl, Options options) {
  options.files = {"some/folder/schema.graphql"};
  const auto contract = contract_of(sdl);
  if (!contract) return {};
  auto text = generate(*contract, options);
  if (!text) ADD_FAILURE() << text.error().message;
  return text ? *text : "";
}

}  // namespace errand::codegen
