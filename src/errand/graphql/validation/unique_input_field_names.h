#pragma once

#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/name_map.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// The fields of an object literal have different names.
/// https://spec.graphql.org/September2025/#sec-Input-Object-Field-Uniqueness
class UniqueInputFieldNamesRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::ObjectValue&) { names_.emplace_back(); }
  void leave(const language::ObjectValue&) { names_.pop_back(); }

  void enter(const language::ObjectField& node) {
    const auto [known, is_new] = names_.back().try_emplace(node.name.value, &node.name);
    if (is_new) return;
    context_.report(
        {*known, &node.name},
        fmt::format("There can be only one input field named \"{}\".", node.name.value));
  }

 private:
  std::vector<NameMap<const language::Name*>> names_;
};

}  // namespace errand::graphql::validation
