#pragma once

#include <fmt/format.h>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// A fragment stands where some object can be of both its type and the type around it.
/// https://spec.graphql.org/September2025/#sec-Fragment-Spread-Is-Possible
class PossibleFragmentSpreadsRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::InlineFragment& node) {
    const type::TypeRef type = context_.types().type();
    const type::NamedType* parent = context_.types().parent_type();
    if (!type.valid() || !type.named().is_composite() || parent == nullptr) return;
    if (context_.schema().types_overlap(type.named(), *parent)) return;
    context_.report(node,
                    fmt::format("Fragment cannot be spread here as objects of type \"{}\" can "
                                "never be of type \"{}\".",
                                parent->name, type.str()));
  }

  void enter(const language::FragmentSpread& node) {
    const auto* fragment = context_.fragment(node.name.value);
    const type::NamedType* parent = context_.types().parent_type();
    if (fragment == nullptr || parent == nullptr) return;
    const type::NamedType* type = context_.schema().type(fragment->type_condition->name.value);
    if (type == nullptr || !type->is_composite()) return;
    if (context_.schema().types_overlap(*type, *parent)) return;
    context_.report(node, fmt::format("Fragment \"{}\" cannot be spread here as objects of type "
                                      "\"{}\" can never be of type \"{}\".",
                                      node.name.value, parent->name, type->name));
  }
};

}  // namespace errand::graphql::validation
