#pragma once

#include <string>
#include <string_view>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// Fields that are selected are defined on the type around them.
/// https://spec.graphql.org/September2025/#sec-Field-Selections
class FieldsOnCorrectTypeRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::Field& node);

 private:
  std::string suggest_types(const type::NamedType& parent, std::string_view field_name) const;
  std::string suggest_fields(const type::NamedType& parent, std::string_view field_name) const;
};

}  // namespace errand::graphql::validation
