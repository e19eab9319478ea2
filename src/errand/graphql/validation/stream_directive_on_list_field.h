#pragma once

#include <fmt/format.h>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// @stream stands on fields that are lists.
/// https://github.com/graphql/graphql-spec/pull/1110
class StreamDirectiveOnListFieldRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::Directive& node) {
    if (node.name.value != "stream") return;
    const type::FieldDefinition* field = context_.types().field_definition();
    const type::NamedType* parent = context_.types().parent_type();
    if (field == nullptr || parent == nullptr || field->type.is_list()) return;
    context_.report(node,
                    fmt::format("Directive \"@stream\" cannot be used on non-list field \"{}.{}\".",
                                parent->name, field->name));
  }
};

}  // namespace errand::graphql::validation
