#pragma once

#include "errand/graphql/language/visitor.h"
#include "errand/graphql/validation/validation_context.h"

namespace errand::graphql::validation {

/// Base of the rules. A rule is a visitor (language/visitor.h): it has enter() and leave() for the
/// nodes that concern it, and may have enter_document() and leave_document(). An enter() that
/// returns kSkip skips the node's children for this rule alone. Rules of one validation run side by
/// side in one walk; each lives as long as that.
class Rule {
 public:
  explicit Rule(ValidationContext& context) : context_(context) {}

 protected:
  ValidationContext& context_;
};

}  // namespace errand::graphql::validation
