#pragma once

#include <fmt/format.h>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// The schema has a root type for the kind of each operation.
/// https://spec.graphql.org/September2025/#sec-Operation-Type-Existence
class KnownOperationTypesRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::OperationDefinition& node) {
    if (context_.schema().root_type(node.operation) != nullptr) return;
    context_.report(node, fmt::format("The {} operation is not supported by the schema.",
                                      to_string(node.operation)));
  }
};

}  // namespace errand::graphql::validation
