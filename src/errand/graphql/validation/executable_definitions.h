#pragma once

#include <string>

#include <fmt/format.h>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// A document for execution holds only operations and fragments.
/// https://spec.graphql.org/September2025/#sec-Executable-Definitions
class ExecutableDefinitionsRule : public Rule {
 public:
  using Rule::Rule;

  void enter_document() {
    for (const language::Definition* definition : context_.document().definitions()) {
      if (definition->is_executable()) continue;
      context_.report(*definition,
                      fmt::format("The {} definition is not executable.", name_of(*definition)));
    }
  }

 private:
  static std::string name_of(const language::Definition& definition) {
    const auto quoted = [](const language::Name& name) {
      return fmt::format("\"{}\"", name.value);
    };
    if (const auto* type = definition.get_if<language::TypeDefinition>()) return quoted(type->name);
    if (const auto* directive = definition.get_if<language::DirectiveDefinition>()) {
      return quoted(directive->name);
    }
    if (const auto* directive = definition.get_if<language::DirectiveExtension>()) {
      return quoted(directive->name);
    }
    return "schema";
  }
};

}  // namespace errand::graphql::validation
