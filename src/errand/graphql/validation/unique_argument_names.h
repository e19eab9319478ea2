#pragma once

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/report_duplicates.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// The arguments of a field or directive have different names.
/// https://spec.graphql.org/September2025/#sec-Argument-Uniqueness
class UniqueArgumentNamesRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::Field& node) { check(node.arguments); }
  void enter(const language::Directive& node) { check(node.arguments); }

 private:
  void check(language::NodeList<language::Argument> arguments) {
    report_duplicates(
        context_, arguments,
        [](const language::Argument& argument) -> const language::Name& { return argument.name; },
        "There can be only one argument named \"{}\".");
  }
};

}  // namespace errand::graphql::validation
