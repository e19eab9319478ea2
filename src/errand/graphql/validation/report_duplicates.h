#pragma once

#include <cstddef>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/name_map.h"
#include "errand/graphql/validation/validation_context.h"

namespace errand::graphql::validation {

/// Reports each name that more than one of `nodes` has, at all its places.
/// @param name_of  gives the Name of a node
/// @param message  format of the message, with one place for the name
template <class T, class NameOf>
void report_duplicates(ValidationContext& context, language::NodeList<T> nodes,
                       const NameOf& name_of, std::string_view message) {
  if (nodes.size() < 2) return;
  NameMap<bool> seen;
  bool repeated = false;
  for (const T* node : nodes) {
    if (!seen.try_emplace(name_of(*node).value, true).second) repeated = true;
  }
  if (!repeated) return;
  std::vector<std::pair<std::string_view, std::vector<const language::Node*>>> groups;
  std::unordered_map<std::string_view, std::size_t> group_by_name;
  for (const T* node : nodes) {
    const language::Name& name = name_of(*node);
    const auto [entry, is_new] = group_by_name.try_emplace(name.value, groups.size());
    if (is_new) groups.emplace_back(name.value, std::vector<const language::Node*>());
    groups[entry->second].second.push_back(&name);
  }
  for (const auto& [name, places] : groups) {
    if (places.size() > 1) context.report(places, fmt::format(fmt::runtime(message), name));
  }
}

}  // namespace errand::graphql::validation
