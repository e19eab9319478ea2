#pragma once

#include <string_view>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// Each fragment is reached by some operation.
/// https://spec.graphql.org/September2025/#sec-Fragments-Must-Be-Used
class NoUnusedFragmentsRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::OperationDefinition& node) { operations_.push_back(&node); }
  void enter(const language::FragmentDefinition& node) { fragments_.push_back(&node); }

  void leave_document() {
    if (fragments_.empty()) return;
    std::unordered_set<std::string_view> used;
    for (const auto* fragment : context_.recursively_referenced_fragments(operations_)) {
      used.insert(fragment->name.value);
    }
    for (const auto* fragment : fragments_) {
      if (used.contains(fragment->name.value)) continue;
      context_.report(*fragment,
                      fmt::format("Fragment \"{}\" is never used.", fragment->name.value));
    }
  }

 private:
  std::vector<const language::OperationDefinition*> operations_;
  std::vector<const language::FragmentDefinition*> fragments_;
};

}  // namespace errand::graphql::validation
