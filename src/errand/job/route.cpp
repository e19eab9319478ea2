#include "errand/job/route.h"

#include <algorithm>
#include <optional>

namespace errand::job {
namespace {

/// Neither name nor value of a label holds a control character.
constexpr char kAfterName = '\x1f';
constexpr char kAfterValue = '\x1e';

std::optional<std::string_view> value_of(std::string_view route, std::string_view name) {
  while (!route.empty()) {
    const std::string_view entry = route.substr(0, route.find(kAfterValue));
    route.remove_prefix(std::min(entry.size() + 1, route.size()));
    const std::size_t end = entry.find(kAfterName);
    if (entry.substr(0, end) == name) return entry.substr(end + 1);
  }
  return std::nullopt;
}

}  // namespace

std::string route_of(const std::map<std::string, std::string>& labels,
                     std::span<const std::string> names) {
  std::string route;
  for (const auto& [name, value] : labels) {
    if (std::ranges::find(names, name) == names.end()) continue;
    route += name + kAfterName + value + kAfterValue;
  }
  return route;
}

bool selects(const Selectors& selectors, std::string_view route) {
  return std::ranges::all_of(selectors, [route](const auto& selector) {
    const auto& [name, values] = selector;
    const auto value = value_of(route, name);
    return value ? std::ranges::find(values, *value) != values.end() : values.empty();
  });
}

}  // namespace errand::job
