#include <algorithm>
#include <string>
#include <string_view>

#include "errand/graphql/language/printer.h"

namespace errand::graphql::language {
namespace {

constexpr std::size_t kLongLine = 70;

bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// Whether every line but the first is empty or begins with a blank.
bool later_lines_are_indented(std::string_view text) {
  for (std::size_t at = text.find_first_of("\r\n"); at != std::string_view::npos;
       at = text.find_first_of("\r\n", at)) {
    at += text.substr(at).starts_with("\r\n") ? 2 : 1;
    if (at < text.size() && !is_blank(text[at]) && text[at] != '\r' && text[at] != '\n') {
      return false;
    }
  }
  return true;
}

std::size_t count_utf16_units(std::string_view text) {
  std::size_t units = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) units += byte >= 0xF0 ? 2 : 1;
  }
  return units;
}

}  // namespace

bool is_printable_as_block_string(std::string_view value) noexcept {
  if (value.empty()) return true;
  bool is_empty_line = true;
  bool has_indent = false;
  bool has_common_indent = true;
  bool seen_line = false;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x0F && byte != '\t' && byte != '\n') return false;
    switch (c) {
      case '\n':
        if (is_empty_line && !seen_line) return false;  // the leading empty line would be lost
        seen_line = true;
        is_empty_line = true;
        has_indent = false;
        break;
      case '\t':
      case ' ':
        has_indent = has_indent || is_empty_line;
        break;
      default:
        has_common_indent = has_common_indent && has_indent;
        is_empty_line = false;
    }
  }
  if (is_empty_line) return false;
  return !(has_common_indent && seen_line);
}

std::string print_block_string(std::string_view value) {
  std::string escaped;
  escaped.reserve(value.size());
  for (std::size_t at = 0;;) {
    const std::size_t quotes = value.find("\"\"\"", at);
    escaped += value.substr(at, quotes == std::string_view::npos ? quotes : quotes - at);
    if (quotes == std::string_view::npos) break;
    escaped += "\\\"\"\"";
    at = quotes + 3;
  }
  const bool is_single_line = escaped.find_first_of("\r\n") == std::string::npos;
  const bool force_leading_new_line = !is_single_line && later_lines_are_indented(escaped);
  const bool has_trailing_triple_quotes = escaped.ends_with("\\\"\"\"");
  const bool has_trailing_quote = value.ends_with('"') && !has_trailing_triple_quotes;
  const bool force_trailing_new_line = has_trailing_quote || value.ends_with('\\');
  const bool as_multiple_lines = !is_single_line || count_utf16_units(value) > kLongLine ||
                                 force_trailing_new_line || has_trailing_triple_quotes;
  const bool skip_leading_new_line = is_single_line && !value.empty() && is_blank(value.front());

  std::string text = "\"\"\"";
  if ((as_multiple_lines && !skip_leading_new_line) || force_leading_new_line) text += '\n';
  text += escaped;
  if (as_multiple_lines || force_trailing_new_line) text += '\n';
  text += "\"\"\"";
  return text;
}

std::string print_string(std::string_view value) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string text;
  text.reserve(value.size() + 2);
  text += '"';
  const auto escape = [&](unsigned code) {
    text += "\\u00";
    text += kHex[code >> 4U];
    text += kHex[code & 0xFU];
  };
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto byte = static_cast<unsigned char>(value[i]);
    switch (byte) {
      case '\b':
        text += "\\b";
        break;
      case '\t':
        text += "\\t";
        break;
      case '\n':
        text += "\\n";
        break;
      case '\f':
        text += "\\f";
        break;
      case '\r':
        text += "\\r";
        break;
      case '"':
        text += "\\\"";
        break;
      case '\\':
        text += "\\\\";
        break;
      default:
        if (byte < 0x20 || byte == 0x7F) {
          escape(byte);
        } else if (byte == 0xC2 && i + 1 < value.size() &&
                   static_cast<unsigned char>(value[i + 1]) < 0xA0) {
          escape(static_cast<unsigned char>(value[++i]));  // the C1 controls, U+0080 to U+009F
        } else {
          text += static_cast<char>(byte);
        }
    }
  }
  text += '"';
  return text;
}

}  // namespace errand::graphql::language
