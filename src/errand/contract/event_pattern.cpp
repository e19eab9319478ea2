#include "errand/contract/event_pattern.h"

#include <algorithm>

namespace errand::contract {
namespace {

bool is_type_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

}  // namespace

bool is_event_pattern(std::string_view text) {
  if (text == "*") return true;
  if (text.ends_with(".*")) text.remove_suffix(2);
  return !text.empty() && std::ranges::all_of(text, is_type_character) && !text.starts_with('.') &&
         !text.ends_with('.');
}

bool takes_event_type(std::span<const std::string> patterns, std::string_view type) {
  return std::ranges::any_of(patterns, [&](std::string_view pattern) {
    if (!pattern.ends_with('*')) return pattern == type;
    return type.starts_with(pattern.substr(0, pattern.size() - 1));
  });
}

}  // namespace errand::contract
