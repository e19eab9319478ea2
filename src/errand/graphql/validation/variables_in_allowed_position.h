#pragma once

#include <string_view>

#include <fmt/format.h>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/name_map.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// A variable's type fits each place where it is used.
/// https://spec.graphql.org/September2025/#sec-All-Variable-Usages-Are-Allowed
class VariablesInAllowedPositionRule : public Rule {
 public:
  using Rule::Rule;

  void leave(const language::OperationDefinition& node) {
    const auto& usages = context_.recursive_variable_usages(node);
    if (usages.empty()) return;
    NameMap<const language::VariableDefinition*> definitions;
    for (const auto* definition : node.variable_definitions) {
      *definitions.try_emplace(definition->variable->name.value, definition).first = definition;
    }
    for (const VariableUsage& usage : usages) {
      if (context_.aborted()) return;
      const auto* definition = definitions.find(usage.node->name.value);
      if (definition != nullptr && usage.type.valid()) check(**definition, usage);
    }
  }

 private:
  void check(const language::VariableDefinition& definition, const VariableUsage& usage) {
    const auto type = context_.schema().type_from_ast(*definition.type);
    const std::string_view name = usage.node->name.value;
    if (type && !is_allowed(*type, definition.default_value, usage)) {
      context_.report(
          {&definition, usage.node},
          fmt::format("Variable \"${}\" of type \"{}\" used in position expecting type \"{}\".",
                      name, type->str(), usage.type.str()));
    }
    // In a list this would be the item type, hence no object; graphql-js forgets to look under a
    // non-null type here, which the specification's counter-example shows to be wrong.
    if (!type || !usage.parent_type.valid() || usage.parent_type.is_list()) return;
    const auto* parent = usage.parent_type.named().get_if<type::InputObjectType>();
    if (parent != nullptr && parent->is_one_of && !type->is_non_null()) {
      context_.report(
          {&definition, usage.node},
          fmt::format("Variable \"${}\" is of type \"{}\" but must be non-nullable to be "
                      "used for OneOf Input Object \"{}\".",
                      name, type->str(), parent->name));
    }
  }

  /// IsVariableUsageAllowed().
  bool is_allowed(const type::TypeRef& variable, const language::Value* default_value,
                  const VariableUsage& usage) const {
    if (!usage.type.is_non_null() || variable.is_non_null()) {
      return context_.schema().is_subtype(variable, usage.type);
    }
    const bool has_default = default_value != nullptr && !default_value->is<language::NullValue>();
    return (has_default || usage.has_default) &&
           context_.schema().is_subtype(variable, usage.type.nullable());
  }
};

}  // namespace errand::graphql::validation
