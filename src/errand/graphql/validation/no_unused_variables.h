#pragma once

#include <string_view>

#include <fmt/format.h>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/name_map.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// Variables that an operation defines are used by it or its fragments.
/// https://spec.graphql.org/September2025/#sec-All-Variables-Used
class NoUnusedVariablesRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::OperationDefinition& node) {
    if (node.variable_definitions.empty()) return;
    NameMap<bool> used;
    for (const VariableUsage& usage : context_.recursive_variable_usages(node)) {
      used.try_emplace(usage.node->name.value, true);
    }
    for (const auto* definition : node.variable_definitions) {
      const std::string_view name = definition->variable->name.value;
      if (used.contains(name)) continue;
      context_.report(*definition,
                      node.name ? fmt::format("Variable \"${}\" is never used in operation \"{}\".",
                                              name, node.name.value)
                                : fmt::format("Variable \"${}\" is never used.", name));
    }
  }
};

}  // namespace errand::graphql::validation
