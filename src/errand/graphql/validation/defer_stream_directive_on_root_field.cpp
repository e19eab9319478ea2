#include "errand/graphql/validation/defer_stream_directive_on_root_field.h"

#include <cstddef>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace errand::graphql::validation {

void DeferStreamDirectiveOnRootFieldRule::enter(const language::OperationDefinition& node) {
  using language::OperationType;
  if (node.operation == OperationType::kQuery) return;
  const type::ObjectType* root = context_.schema().root_type(node.operation);
  if (root == nullptr) return;

  bool valid = true;
  const auto forbid = [&](const language::Selection& selection, std::string_view name,
                          std::string_view shown) {
    for (const language::Directive* directive : selection.directives) {
      if (directive->name.value != name) continue;
      valid = false;
      context_.report(*directive,
                      fmt::format("{} directive cannot be used on root {} type \"{}\".", shown,
                                  language::to_string(node.operation), root->name));
      return;
    }
  };
  // With a stack of its own: chains of fragments are as long as the document.
  std::unordered_set<std::string_view> visited;
  std::vector<std::pair<const language::SelectionSet*, std::size_t>> stack;
  const auto push = [&](const language::SelectionSet& set) {
    if (context_.spend_fragment_work(set.selections.size())) stack.emplace_back(&set, 0);
  };
  push(*node.selection_set);
  while (!stack.empty() && !context_.aborted()) {
    auto& [set, next] = stack.back();
    if (next == set->selections.size()) {
      stack.pop_back();
      continue;
    }
    const language::Selection& selection = *set->selections[next++];
    if (selection.is<language::Field>()) {
      forbid(selection, "stream", "Stream");
    } else if (const auto* fragment = selection.get_if<language::InlineFragment>()) {
      forbid(selection, "defer", "Defer");
      push(*fragment->selection_set);
    } else {
      const std::string_view name = selection.as<language::FragmentSpread>().name.value;
      const language::FragmentDefinition* definition = context_.fragment(name);
      if (!visited.insert(name).second || definition == nullptr) continue;
      forbid(selection, "defer", "Defer");
      if (!checked_.contains(name)) push(*definition->selection_set);
    }
  }
  if (valid) checked_.merge(visited);
}

}  // namespace errand::graphql::validation
