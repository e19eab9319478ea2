#include "errand/codegen/name_table.h"

namespace errand::codegen {

namespace {

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char upper(char c) { return is_lower(c) ? static_cast<char>(c - 'a' + 'A') : c; }
char lower(char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::string NameTable::claim(std::string_view wanted) {
  std::string name(wanted);
  while (!taken_.insert(name).second) name += '_';
  return name;
}

std::string capitalized(std::string_view name) {
  std::string result(name);
  if (!result.empty()) result.front() = upper(result.front());
  return result;
}

std::string snake_case(std::string_view name) {
  std::string result;
  for (std::size_t i = 0; i < name.size(); ++i) {
    // A word begins where a capital follows a small letter, and with the last capital of several:
    // HTTPServer.
    const bool after_small = i > 0 && (is_lower(name[i - 1]) || is_digit(name[i - 1]));
    const bool before_small =
        i > 0 && is_upper(name[i - 1]) && i + 1 < name.size() && is_lower(name[i + 1]);
    if (is_upper(name[i]) && (after_small || before_small)) result += '_';
    result += lower(name[i]);
  }
  return result;
}

std::string upper_snake_case(std::string_view name) {
  std::string result = snake_case(name);
  for (char& c : result) c = upper(c);
  return result;
}

}  // namespace errand::codegen
