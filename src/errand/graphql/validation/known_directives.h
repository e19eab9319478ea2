#pragma once

#include <cstddef>
#include <string_view>
#include <unordered_map>

#include <fmt/format.h>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// Directives exist and may stand where they do.
/// https://spec.graphql.org/September2025/#sec-Directives-Are-Defined
/// https://spec.graphql.org/September2025/#sec-Directives-Are-in-Valid-Locations
class KnownDirectivesRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::OperationDefinition& node) {
    static constexpr std::string_view kLocations[] = {"QUERY", "MUTATION", "SUBSCRIPTION"};
    check(node.directives, kLocations[static_cast<std::size_t>(node.operation)]);
  }
  void enter(const language::VariableDefinition& node) {
    check(node.directives, "VARIABLE_DEFINITION");
  }
  void enter(const language::Field& node) { check(node.directives, "FIELD"); }
  void enter(const language::FragmentSpread& node) { check(node.directives, "FRAGMENT_SPREAD"); }
  void enter(const language::InlineFragment& node) { check(node.directives, "INLINE_FRAGMENT"); }
  void enter(const language::FragmentDefinition& node) {
    check(node.directives, "FRAGMENT_DEFINITION");
  }

  void enter(const language::Directive& node) {
    const std::string_view name = node.name.value;
    const type::DirectiveDefinition* definition = context_.schema().directive(name);
    if (definition == nullptr) {
      context_.report(node, fmt::format("Unknown directive \"@{}\".", name));
    } else if (!definition->allows(location_of_.at(&node))) {
      context_.report(node, fmt::format("Directive \"@{}\" may not be used on {}.", name,
                                        location_of_.at(&node)));
    }
  }

 private:
  void check(language::NodeList<language::Directive> directives, std::string_view location) {
    for (const language::Directive* directive : directives) {
      location_of_.emplace(directive, location);
    }
  }

  /// Where the directives of the nodes around the current one stand.
  std::unordered_map<const language::Directive*, std::string_view> location_of_;
};

}  // namespace errand::graphql::validation
