#pragma once

#include <string_view>

#include <fmt/format.h>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/name_map.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// Operations have different names.
/// https://spec.graphql.org/September2025/#sec-Operation-Name-Uniqueness
class UniqueOperationNamesRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::OperationDefinition& node) {
    if (!node.name) return;
    const auto [known, is_new] = names_.try_emplace(node.name.value, &node.name);
    if (is_new) return;
    context_.report({*known, &node.name},
                    fmt::format("There can be only one operation named \"{}\".", node.name.value));
  }

 private:
  NameMap<const language::Name*> names_;
};

}  // namespace errand::graphql::validation
