#pragma once

#include <string_view>
#include <unordered_map>

#include <fmt/format.h>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// A directive that is not repeatable stands at most once at a place.
/// https://spec.graphql.org/September2025/#sec-Directives-Are-Unique-per-Location
class UniqueDirectivesPerLocationRule : public Rule {
 public:
  using Rule::Rule;

  template <class T>
    requires requires(const T& node) { node.directives; }
  void enter(const T& node) {
    check(node.directives);
  }

 private:
  void check(language::NodeList<language::Directive> directives) {
    if (directives.size() < 2) return;
    std::unordered_map<std::string_view, const language::Directive*> seen;
    for (const language::Directive* directive : directives) {
      const std::string_view name = directive->name.value;
      const type::DirectiveDefinition* definition = context_.schema().directive(name);
      if (definition == nullptr || definition->repeatable) continue;
      const auto [known, is_new] = seen.try_emplace(name, directive);
      if (is_new) continue;
      context_.report(
          {known->second, directive},
          fmt::format("The directive \"@{}\" can only be used once at this location.", name));
    }
  }
};

}  // namespace errand::graphql::validation
