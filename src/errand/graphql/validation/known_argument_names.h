#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/coordinate.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// Arguments that are given are defined.
/// https://spec.graphql.org/September2025/#sec-Argument-Names
class KnownArgumentNamesRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::Argument& node) {
    const type::FieldDefinition* field = context_.types().field_definition();
    if (context_.types().argument() != nullptr || field == nullptr) return;
    const std::string_view name = node.name.value;
    context_.report(node, fmt::format("Unknown argument \"{}\" on field \"{}\".{}", name,
                                      coordinate_of(*field), suggest(name, field->arguments)));
  }

  language::VisitAction enter(const language::Directive& node) {
    const type::DirectiveDefinition* directive = context_.schema().directive(node.name.value);
    for (const language::Argument* argument : node.arguments) {
      const std::string_view name = argument->name.value;
      if (directive == nullptr || directive->argument(name) != nullptr) continue;
      context_.report(*argument,
                      fmt::format("Unknown argument \"{}\" on directive \"@{}\".{}", name,
                                  directive->name, suggest(name, directive->arguments)));
    }
    return language::VisitAction::kSkip;
  }

 private:
  std::string suggest(std::string_view name,
                      std::span<const type::InputValueDefinition> arguments) const {
    std::vector<std::string_view> names;
    for (const type::InputValueDefinition& argument : arguments) names.push_back(argument.name);
    return context_.did_you_mean(name, names);
  }
};

}  // namespace errand::graphql::validation
