#pragma once

#include <string_view>
#include <unordered_map>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// Introspection goes through at most two levels of lists of fields, interfaces, possible types and
/// input fields: each level multiplies the answer by the size of the schema. Not a rule of the
/// specification; graphql-js recommends it and runs it by default.
class MaxIntrospectionDepthRule : public Rule {
 public:
  using Rule::Rule;

  language::VisitAction enter(const language::Field& node);

 private:
  using DepthByFragment = std::unordered_map<std::string_view, int>;

  [[nodiscard]] bool exceeds(const language::Field& field);

  /// Deepest entry into each fragment that was found harmless.
  DepthByFragment checked_;
};

}  // namespace errand::graphql::validation
