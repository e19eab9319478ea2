#pragma once

#include <fmt/format.h>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/language/printer.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// Variables have input types.
/// https://spec.graphql.org/September2025/#sec-Variables-Are-Input-Types
class VariablesAreInputTypesRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::VariableDefinition& node) {
    const auto type = context_.schema().type_from_ast(*node.type);
    if (!type || type->named().is_input()) return;
    context_.report(*node.type, fmt::format("Variable \"${}\" cannot be non-input type \"{}\".",
                                            node.variable->name.value, print(*node.type)));
  }
};

}  // namespace errand::graphql::validation
