#include "errand/graphql/validation/max_introspection_depth.h"

#include <utility>
#include <vector>

namespace errand::graphql::validation {
namespace {

constexpr int kListDepthMax = 3;

bool multiplies(std::string_view field) {
  return field == "fields" || field == "interfaces" || field == "possibleTypes" ||
         field == "inputFields";
}

}  // namespace

language::VisitAction MaxIntrospectionDepthRule::enter(const language::Field& node) {
  if (node.name.value != "__schema" && node.name.value != "__type") {
    return language::VisitAction::kContinue;
  }
  if (!exceeds(node)) return language::VisitAction::kContinue;
  context_.report(node, "Maximum introspection depth exceeded");
  return language::VisitAction::kSkip;
}

bool MaxIntrospectionDepthRule::exceeds(const language::Field& field) {
  DepthByFragment visited;
  std::vector<std::pair<const language::SelectionSet*, int>> stack;
  if (field.selection_set != nullptr) stack.emplace_back(field.selection_set, 0);
  while (!stack.empty()) {
    const auto [set, depth] = stack.back();
    stack.pop_back();
    for (const language::Selection* selection : set->selections) {
      if (const auto* child = selection->get_if<language::Field>()) {
        const int below = depth + (multiplies(child->name.value) ? 1 : 0);
        if (below >= kListDepthMax) return true;
        if (child->selection_set != nullptr) stack.emplace_back(child->selection_set, below);
      } else if (const auto* inline_fragment = selection->get_if<language::InlineFragment>()) {
        stack.emplace_back(inline_fragment->selection_set, depth);
      } else {
        const std::string_view name = selection->as<language::FragmentSpread>().name.value;
        const auto* fragment = context_.fragment(name);
        const auto known = checked_.find(name);
        if (fragment == nullptr || (known != checked_.end() && known->second >= depth)) continue;
        const auto [entry, is_new] = visited.try_emplace(name, depth);
        if (!is_new && entry->second >= depth) continue;
        entry->second = depth;
        stack.emplace_back(fragment->selection_set, depth);
      }
    }
  }
  for (const auto& [name, depth] : visited) {
    int& checked = checked_.try_emplace(name, depth).first->second;
    if (checked < depth) checked = depth;
  }
  return false;
}

}  // namespace errand::graphql::validation
