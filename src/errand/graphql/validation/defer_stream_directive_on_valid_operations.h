#pragma once

#include <string_view>
#include <unordered_set>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// In a subscription, @defer and @stream can be switched off by their `if`.
/// https://github.com/graphql/graphql-spec/pull/1110
class DeferStreamDirectiveOnValidOperationsRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::OperationDefinition& node);

 private:
  /// Fragments in which nothing was found for an earlier operation.
  std::unordered_set<std::string_view> checked_;
};

}  // namespace errand::graphql::validation
