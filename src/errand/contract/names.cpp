#include "errand/contract/names.h"

#include <algorithm>
#include <array>

namespace errand::contract {
namespace {

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string capitalized(std::string_view name) {
  std::string result(name);
  if (!result.empty()) result.front() = upper(result.front());
  return result;
}

}  // namespace

Names::Names(std::string_view prefix, std::string_view options_argument)
    : prefix_(prefix), options_argument_(options_argument) {}

std::string Names::type(std::string_view name) const {
  static constexpr std::array<std::string_view, 4> kScalars{"DateTime", "Duration", "JSON", "UUID"};
  if (prefix_.empty() || std::ranges::find(kScalars, name) != kScalars.end()) {
    return std::string(name);
  }
  return capitalized(prefix_) + std::string(name);
}

std::string Names::field(std::string_view name) const {
  if (prefix_.empty()) return std::string(name);
  std::string result = prefix_ + capitalized(name);
  result.front() = lower(result.front());
  return result;
}

std::string Names::job_object(std::string_view mutation) const {
  const bool has_it = mutation.ends_with("Job") && mutation.size() > 3;
  return type(capitalized(mutation) + (has_it ? "" : "Job"));
}

}  // namespace errand::contract
