#pragma once

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/report_duplicates.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// The variables of an operation have different names.
/// https://spec.graphql.org/September2025/#sec-Variable-Uniqueness
class UniqueVariableNamesRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::OperationDefinition& node) {
    report_duplicates(
        context_, node.variable_definitions,
        [](const language::VariableDefinition& definition) -> const language::Name& {
          return definition.variable->name;
        },
        "There can be only one variable named \"${}\".");
  }
};

}  // namespace errand::graphql::validation
