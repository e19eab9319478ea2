#pragma once

#include <string_view>

#include <fmt/format.h>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// Fields of scalar and enum types have no selections, all others have some.
/// https://spec.graphql.org/September2025/#sec-Leaf-Field-Selections
class ScalarLeafsRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::Field& node) {
    const type::TypeRef type = context_.types().type();
    if (!type.valid()) return;
    const std::string_view name = node.name.value;
    if (type.named().is_leaf()) {
      if (node.selection_set == nullptr) return;
      context_.report(
          *node.selection_set,
          fmt::format("Field \"{}\" must not have a selection since type \"{}\" has no subfields.",
                      name, type.str()));
    } else if (node.selection_set == nullptr) {
      context_.report(node, fmt::format("Field \"{0}\" of type \"{1}\" must have a selection of "
                                        "subfields. Did you mean \"{0} {{ ... }}\"?",
                                        name, type.str()));
    } else if (node.selection_set->selections.empty()) {
      context_.report(
          node, fmt::format("Field \"{}\" of type \"{}\" must have at least one field selected.",
                            name, type.str()));
    }
  }
};

}  // namespace errand::graphql::validation
