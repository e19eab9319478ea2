#pragma once

#include <string_view>
#include <unordered_map>

#include <fmt/format.h>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// Labels of @defer and @stream are strings as they stand, each used once in the document.
/// https://github.com/graphql/graphql-spec/pull/1110
class DeferStreamDirectiveLabelRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::Directive& node) {
    const std::string_view name = node.name.value;
    if (name != "defer" && name != "stream") return;
    const language::Value* label = nullptr;
    for (const language::Argument* argument : node.arguments) {
      if (argument->name.value == "label") {
        label = argument->value;
        break;
      }
    }
    if (label == nullptr || label->is<language::NullValue>()) return;
    const auto* text = label->get_if<language::StringValue>();
    if (text == nullptr) {
      context_.report(node, fmt::format("Argument \"@{}(label:)\" must be a static string.", name));
      return;
    }
    const auto [known, is_new] = labels_.try_emplace(text->value, &node);
    if (is_new) return;
    context_.report({known->second, &node},
                    "Value for arguments \"defer(label:)\" and \"stream(label:)\" must be unique "
                    "across all Defer/Stream directive usages.");
  }

 private:
  std::unordered_map<std::string_view, const language::Directive*> labels_;
};

}  // namespace errand::graphql::validation
