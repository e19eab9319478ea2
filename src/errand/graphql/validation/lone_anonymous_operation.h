#pragma once

#include <algorithm>
#include <cstddef>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// An operation without a name is the only one.
/// https://spec.graphql.org/September2025/#sec-Lone-Anonymous-Operation
class LoneAnonymousOperationRule : public Rule {
 public:
  using Rule::Rule;

  void enter_document() {
    operations_ = std::ranges::count_if(context_.document().definitions(),
                                        [](const language::Definition* definition) {
                                          return definition->is<language::OperationDefinition>();
                                        });
  }

  void enter(const language::OperationDefinition& node) {
    if (node.name || operations_ <= 1) return;
    context_.report(node, "This anonymous operation must be the only defined operation.");
  }

 private:
  std::ptrdiff_t operations_ = 0;
};

}  // namespace errand::graphql::validation
