#pragma once

#include <fmt/format.h>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// Fragments that are spread exist.
/// https://spec.graphql.org/September2025/#sec-Fragment-Spread-Target-Defined
class KnownFragmentNamesRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::FragmentSpread& node) {
    if (context_.fragment(node.name.value) != nullptr) return;
    context_.report(node.name, fmt::format("Unknown fragment \"{}\".", node.name.value));
  }
};

}  // namespace errand::graphql::validation
