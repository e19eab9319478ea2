#pragma once

#include <string_view>

#include <fmt/format.h>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/name_map.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// Variables that an operation uses, in its fragments too, are defined by it.
/// https://spec.graphql.org/September2025/#sec-All-Variable-Uses-Defined
class NoUndefinedVariablesRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::OperationDefinition& node) {
    const auto& usages = context_.recursive_variable_usages(node);
    if (usages.empty()) return;
    NameMap<bool> defined;
    for (const auto* definition : node.variable_definitions) {
      defined.try_emplace(definition->variable->name.value, true);
    }
    for (const VariableUsage& usage : usages) {
      const std::string_view name = usage.node->name.value;
      if (defined.contains(name)) continue;
      context_.report({usage.node, &node},
                      node.name
                          ? fmt::format("Variable \"${}\" is not defined by operation \"{}\".",
                                        name, node.name.value)
                          : fmt::format("Variable \"${}\" is not defined.", name));
      if (context_.aborted()) return;
    }
  }
};

}  // namespace errand::graphql::validation
