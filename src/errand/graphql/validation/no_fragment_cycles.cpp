#include "errand/graphql/validation/no_fragment_cycles.h"

#include <string>

#include <fmt/format.h>

namespace errand::graphql::validation {

void NoFragmentCyclesRule::enter(const language::FragmentDefinition& node) {
  push(node);
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    if (frame.next > 0) path_.pop_back();  // back from the spread before
    if (frame.next == frame.spreads->size() || context_.aborted()) {
      path_index_by_name_.erase(frame.name);
      frames_.pop_back();
      continue;
    }
    const language::FragmentSpread& spread = *(*frame.spreads)[frame.next++];
    const std::string_view name = spread.name.value;
    path_.push_back(&spread);
    if (const auto cycle = path_index_by_name_.find(name); cycle != path_index_by_name_.end()) {
      report_cycle(name, cycle->second);
    } else if (const auto* fragment = context_.fragment(name)) {
      push(*fragment);
    }
  }
  path_.clear();
}

void NoFragmentCyclesRule::push(const language::FragmentDefinition& fragment) {
  const std::string_view name = fragment.name.value;
  if (!visited_.insert(name).second) return;
  const auto& spreads = context_.fragment_spreads(*fragment.selection_set);
  if (spreads.empty()) return;
  path_index_by_name_[name] = path_.size();
  frames_.push_back({name, &spreads, 0});
}

/// Reports the cycle of the spreads on the path from `from` on.
void NoFragmentCyclesRule::report_cycle(std::string_view name, std::size_t from) {
  std::string via;
  for (std::size_t i = from; i + 1 < path_.size(); ++i) {
    via += fmt::format("{}\"{}\"", via.empty() ? " via " : ", ", path_[i]->name.value);
  }
  const std::vector<const language::Node*> nodes(path_.begin() + static_cast<std::ptrdiff_t>(from),
                                                 path_.end());
  context_.report(nodes, fmt::format("Cannot spread fragment \"{}\" within itself{}.", name, via));
}

}  // namespace errand::graphql::validation
