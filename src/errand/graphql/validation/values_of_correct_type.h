#pragma once

#include <string>
#include <utility>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/type/coerce.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// Literals fit the types of their places.
/// https://spec.graphql.org/September2025/#sec-Values-of-Correct-Type
class ValuesOfCorrectTypeRule : public Rule {
 public:
  using Rule::Rule;

  /// The whole literal is checked from its top, so this rule never goes into one.
  language::VisitAction enter(const language::Value& node) {
    if (node.is<language::Variable>()) return language::VisitAction::kContinue;
    // Inside a list the types already stand one level deeper than the list itself.
    const type::TypeRef type = node.is<language::ListValue>() ? context_.types().parent_input_type()
                                                              : context_.types().input_type();
    if (type.valid()) {
      type::check_literal(node, type, [&](const language::Node& at, std::string message) {
        context_.report(at, std::move(message));
      });
    }
    return language::VisitAction::kSkip;
  }
};

}  // namespace errand::graphql::validation
