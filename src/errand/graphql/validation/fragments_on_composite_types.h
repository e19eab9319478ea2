#pragma once

#include <fmt/format.h>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// Fragments have an object, interface or union type as their condition.
/// https://spec.graphql.org/September2025/#sec-Fragments-on-Object-Interface-or-Union-Types
class FragmentsOnCompositeTypesRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::InlineFragment& node) {
    if (node.type_condition == nullptr || fits(*node.type_condition)) return;
    context_.report(*node.type_condition,
                    fmt::format("Fragment cannot condition on non composite type \"{}\".",
                                node.type_condition->name.value));
  }

  void enter(const language::FragmentDefinition& node) {
    if (fits(*node.type_condition)) return;
    context_.report(*node.type_condition,
                    fmt::format("Fragment \"{}\" cannot condition on non composite type \"{}\".",
                                node.name.value, node.type_condition->name.value));
  }

 private:
  bool fits(const language::NamedType& condition) const {
    const type::NamedType* type = context_.schema().type(condition.name.value);
    return type == nullptr || type->is_composite();
  }
};

}  // namespace errand::graphql::validation
