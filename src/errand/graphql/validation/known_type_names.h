#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// Types that are referred to (by variables and type conditions) exist.
/// https://spec.graphql.org/September2025/#sec-Fragment-Spread-Type-Existence
class KnownTypeNamesRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::NamedType& node) {
    const std::string_view name = node.name.value;
    if (context_.schema().type(name) != nullptr || is_defined_in_document(name)) return;
    std::vector<std::string_view> names;
    for (const type::NamedType* type : context_.schema().types()) names.push_back(type->name);
    for (const language::Definition* definition : context_.document().definitions()) {
      if (is_type_definition(*definition)) {
        names.push_back(definition->as<language::TypeDefinition>().name.value);
      }
    }
    context_.report(
        node, fmt::format("Unknown type \"{}\".{}", name, context_.did_you_mean(name, names)));
  }

 private:
  static bool is_type_definition(const language::Definition& definition) {
    return definition.is<language::TypeDefinition>() && !definition.is_extension();
  }

  bool is_defined_in_document(std::string_view name) const {
    return std::ranges::any_of(
        context_.document().definitions(), [&](const language::Definition* definition) {
          return is_type_definition(*definition) &&
                 definition->as<language::TypeDefinition>().name.value == name;
        });
  }
};

}  // namespace errand::graphql::validation
