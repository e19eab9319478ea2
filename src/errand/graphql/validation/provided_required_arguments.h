#pragma once

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/coordinate.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// Arguments that are required (non-null without a default) are given.
/// https://spec.graphql.org/September2025/#sec-Required-Arguments
class ProvidedRequiredArgumentsRule : public Rule {
 public:
  using Rule::Rule;

  void leave(const language::Field& node) {
    const type::FieldDefinition* field = context_.types().field_definition();
    if (field == nullptr) return;
    for (const type::InputValueDefinition& argument : field->arguments) {
      if (!argument.is_required() || is_given(node.arguments, argument.name)) continue;
      context_.report(node,
                      fmt::format("Argument \"{}({}:)\" of type \"{}\" is required, but it was "
                                  "not provided.",
                                  coordinate_of(*field), argument.name, argument.type.str()));
    }
  }

  void leave(const language::Directive& node) {
    const type::DirectiveDefinition* directive = context_.schema().directive(node.name.value);
    if (directive == nullptr) return;
    for (const type::InputValueDefinition& argument : directive->arguments) {
      if (!argument.is_required() || is_given(node.arguments, argument.name)) continue;
      context_.report(node, fmt::format("Argument \"@{}({}:)\" of type \"{}\" is required, but it "
                                        "was not provided.",
                                        directive->name, argument.name, argument.type.str()));
    }
  }

 private:
  static bool is_given(language::NodeList<language::Argument> arguments, std::string_view name) {
    return std::ranges::any_of(arguments, [&](const language::Argument* argument) {
      return argument->name.value == name;
    });
  }
};

}  // namespace errand::graphql::validation
