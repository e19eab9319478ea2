#include "text.h"

#include <algorithm>
#include <cmath>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace errand_worker::internal {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

/// Length of the well-formed UTF-8 sequence that `text` begins with (Unicode, table 3-7); 0 if
/// none.
std::size_t sequence_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  std::size_t length = 0;
  unsigned char lowest = 0x80;
  unsigned char highest = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) lowest = 0xA0;
    if (first == 0xED) highest = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) lowest = 0x90;
    if (first == 0xF4) highest = 0x8F;
  } else {
    return 0;
  }
  if (text.size() < length) return 0;
  const auto second = static_cast<unsigned char>(text[1]);
  if (second < lowest || second > highest) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (!is_continuation(text[i])) return 0;
  }
  return length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace

std::string clean_text(std::string_view text, std::size_t characters_max) {
  std::string clean;
  clean.reserve(std::min(text.size(), characters_max));
  for (std::size_t count = 0; count < characters_max && !text.empty(); ++count) {
    const std::size_t length = sequence_length(text);
    clean += length == 0 ? kReplacement : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return clean;
}

std::size_t count_characters(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); ++count)
    text.remove_prefix(std::max<std::size_t>(sequence_length(text), 1));
  return count;
}

std::optional<std::string> json_fault(const boost::json::value& value, int levels_max) {
  switch (value.kind()) {
    case boost::json::kind::double_:
      if (!std::isfinite(value.get_double())) return "a number is not finite";
      return std::nullopt;
    case boost::json::kind::string:
      if (!is_utf8(value.get_string())) return "a string is not UTF-8";
      return std::nullopt;
    case boost::json::kind::array:
      if (levels_max <= 0) return "it is nested too deeply";
      for (const boost::json::value& element : value.get_array()) {
        if (auto fault = json_fault(element, levels_max - 1)) return fault;
      }
      return std::nullopt;
    case boost::json::kind::object:
      if (levels_max <= 0) return "it is nested too deeply";
      for (const boost::json::key_value_pair& member : value.get_object()) {
        if (!is_utf8(member.key())) return "a member's name is not UTF-8";
        if (auto fault = json_fault(member.value(), levels_max - 1)) return fault;
      }
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

bool is_error_code(std::string_view code) {
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  return !code.empty() && code.size() <= 64 && is_upper(code[0]) &&
         std::ranges::all_of(
             code, [&](char c) { return is_upper(c) || (c >= '0' && c <= '9') || c == '_'; });
}

}  // namespace errand_worker::internal
