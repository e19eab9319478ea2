#pragma once

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// A subscription selects one root field, no introspection, and neither @skip nor @include there.
/// https://spec.graphql.org/September2025/#sec-Single-Root-Field
class SingleFieldSubscriptionsRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::OperationDefinition& node);
};

}  // namespace errand::graphql::validation
