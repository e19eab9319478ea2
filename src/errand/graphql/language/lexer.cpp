#include "errand/graphql/language/lexer.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "errand/base/utf8.h"

namespace errand::graphql::language {
namespace {

enum CharacterClass : std::uint8_t {
  kOther,
  kIgnored,  // blank, tab, comma, line ends
  kNameStart,
  kDigit,
};

constexpr std::array<std::uint8_t, 256> kClasses = [] {
  std::array<std::uint8_t, 256> classes{};
  for (const char c : {' ', '\t', ',', '\n', '\r'})
    classes[static_cast<unsigned char>(c)] = kIgnored;
  for (unsigned c = 'a'; c <= 'z'; ++c) classes[c] = kNameStart;
  for (unsigned c = 'A'; c <= 'Z'; ++c) classes[c] = kNameStart;
  classes['_'] = kNameStart;
  for (unsigned c = '0'; c <= '9'; ++c) classes[c] = kDigit;
  return classes;
}();

constexpr bool is_digit(unsigned char c) { return kClasses[c] == kDigit; }
constexpr bool is_name_start(unsigned char c) { return kClasses[c] == kNameStart; }
constexpr bool is_name_continue(unsigned char c) { return kClasses[c] >= kNameStart; }

constexpr int hex_digit(unsigned char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

constexpr bool is_scalar_value(std::int64_t code) {
  return (code >= 0 && code <= 0xD7FF) || (code >= 0xE000 && code <= 0x10FFFF);
}

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::size_t leading_whitespace(std::string_view line) {
  const std::size_t count = line.find_first_not_of(" \t");
  return count == std::string_view::npos ? line.size() : count;
}

}  // namespace

bool is_name(std::string_view text) noexcept {
  return !text.empty() && is_name_start(static_cast<unsigned char>(text.front())) &&
         std::ranges::all_of(
             text, [](char c) { return is_name_continue(static_cast<unsigned char>(c)); });
}

Token Lexer::token(TokenKind kind, std::size_t start, std::size_t end, std::string_view value) {
  position_ = end;
  return {kind, static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(end), value};
}

Token Lexer::fail(std::size_t offset, std::string message) {
  if (!failure_) failure_ = Failure{offset, std::move(message)};
  return token(TokenKind::kInvalid, offset, offset);
}

Token Lexer::next() {
  if (failure_) return token(TokenKind::kInvalid, failure_->offset, failure_->offset);
  if (!skip_ignored()) return token(TokenKind::kEndOfFile, body_.size(), body_.size());

  const std::size_t start = position_;
  const auto code = static_cast<unsigned char>(body_[start]);
  switch (code) {
    case '!':
      return token(TokenKind::kBang, start, start + 1);
    case '$':
      return token(TokenKind::kDollar, start, start + 1);
    case '&':
      return token(TokenKind::kAmp, start, start + 1);
    case '(':
      return token(TokenKind::kParenLeft, start, start + 1);
    case ')':
      return token(TokenKind::kParenRight, start, start + 1);
    case ':':
      return token(TokenKind::kColon, start, start + 1);
    case '=':
      return token(TokenKind::kEquals, start, start + 1);
    case '@':
      return token(TokenKind::kAt, start, start + 1);
    case '[':
      return token(TokenKind::kBracketLeft, start, start + 1);
    case ']':
      return token(TokenKind::kBracketRight, start, start + 1);
    case '{':
      return token(TokenKind::kBraceLeft, start, start + 1);
    case '|':
      return token(TokenKind::kPipe, start, start + 1);
    case '}':
      return token(TokenKind::kBraceRight, start, start + 1);
    case '"':
      return has(start + 1, '"') && has(start + 2, '"') ? read_block_string(start)
                                                        : read_string(start);
    case '.':
      if (has(start + 1, '.')) {
        if (has(start + 2, '.')) return token(TokenKind::kSpread, start, start + 3);
        return fail(start, "Unexpected \"..\", did you mean \"...\"?");
      }
      if (is_digit(at(start + 1))) {
        std::size_t end = start + 1;
        read_digits(end);
        return fail(start, fmt::format("Invalid number, expected digit before \".\", did you mean "
                                       "\"0.{}\"?",
                                       body_.substr(start + 1, end - start - 1)));
      }
      break;
    default:
      if (is_name_start(code)) return read_name(start);
      if (is_digit(code) || code == '-') return read_number(start);
  }
  if (code == '\'') {
    return fail(start,
                "Unexpected single quote character ('), did you mean to use a double quote (\")?");
  }
  const bool valid = decode_utf8(body_.substr(start)).length != 0;
  return fail(start, fmt::format("{} character: {}.", valid ? "Unexpected" : "Invalid",
                                 print_code_point_at(start)));
}

Token Lexer::next_of_coordinate() {
  if (failure_) return token(TokenKind::kInvalid, failure_->offset, failure_->offset);
  const std::size_t start = position_;
  if (start >= body_.size()) return token(TokenKind::kEndOfFile, body_.size(), body_.size());
  switch (body_[start]) {
    case '.':
      return token(TokenKind::kDot, start, start + 1);
    case '(':
      return token(TokenKind::kParenLeft, start, start + 1);
    case ')':
      return token(TokenKind::kParenRight, start, start + 1);
    case ':':
      return token(TokenKind::kColon, start, start + 1);
    case '@':
      return token(TokenKind::kAt, start, start + 1);
    default:
      break;
  }
  if (is_name_start(at(start))) return read_name(start);
  return fail(start, fmt::format("Invalid character: {}.", print_code_point_at(start)));
}

/// Moves to the next significant character; false at the end of the text.
bool Lexer::skip_ignored() {
  while (position_ < body_.size()) {
    const auto c = static_cast<unsigned char>(body_[position_]);
    if (kClasses[c] == kIgnored) {
      ++position_;
    } else if (c == '#') {
      if (!skip_comment()) return true;
    } else if (c == 0xEF && body_.substr(position_).starts_with(kByteOrderMark)) {
      position_ += kByteOrderMark.size();
    } else {
      return true;
    }
  }
  return false;
}

/// Moves behind a comment; false where bytes in it are not UTF-8, which next() then reports.
bool Lexer::skip_comment() {
  while (++position_ < body_.size()) {
    const auto c = static_cast<unsigned char>(body_[position_]);
    if (c == '\n' || c == '\r') return true;
    if (c < 0x80) continue;
    const std::size_t length = decode_utf8(body_.substr(position_)).length;
    if (length == 0) return false;
    position_ += length - 1;
  }
  return true;
}

Token Lexer::read_name(std::size_t start) {
  std::size_t end = start + 1;
  while (end < body_.size() && is_name_continue(static_cast<unsigned char>(body_[end]))) ++end;
  return token(TokenKind::kName, start, end, body_.substr(start, end - start));
}

/// Moves over one or more digits; false, with the failure set, where there is none.
bool Lexer::read_digits(std::size_t& position) {
  if (!is_digit(at(position))) {
    fail(position,
         fmt::format("Invalid number, expected digit but got: {}.", print_code_point_at(position)));
    return false;
  }
  while (is_digit(at(position))) ++position;
  return true;
}

Token Lexer::read_number(std::size_t start) {
  const auto invalid = [this] {
    return token(TokenKind::kInvalid, failure_->offset, failure_->offset);
  };
  std::size_t position = start;
  bool is_float = false;
  if (body_[position] == '-') ++position;
  if (at(position) == '0') {
    ++position;
    if (is_digit(at(position))) {
      return fail(position, fmt::format("Invalid number, unexpected digit after 0: {}.",
                                        print_code_point_at(position)));
    }
  } else if (!read_digits(position)) {
    return invalid();
  }
  if (at(position) == '.') {
    is_float = true;
    ++position;
    if (!read_digits(position)) return invalid();
  }
  if (at(position) == 'e' || at(position) == 'E') {
    is_float = true;
    ++position;
    if (at(position) == '+' || at(position) == '-') ++position;
    if (!read_digits(position)) return invalid();
  }
  // A number runs into no name and no second fraction: 1a, 0xF and 1.2.3 are wrong.
  if (at(position) == '.' || is_name_start(at(position))) {
    return fail(position, fmt::format("Invalid number, expected digit but got: {}.",
                                      print_code_point_at(position)));
  }
  return token(is_float ? TokenKind::kFloat : TokenKind::kInt, start, position,
               body_.substr(start, position - start));
}

Token Lexer::read_string(std::size_t start) {
  std::size_t position = start + 1;
  std::size_t chunk_start = position;
  std::string value;  // only once there is an escape
  bool escaped = false;
  while (position < body_.size()) {
    const auto c = static_cast<unsigned char>(body_[position]);
    if (c == '"') {
      const std::string_view chunk = body_.substr(chunk_start, position - chunk_start);
      if (!escaped) return token(TokenKind::kString, start, position + 1, chunk);
      value += chunk;
      return token(TokenKind::kString, start, position + 1, arena_->copy(std::string_view(value)));
    }
    if (c == '\\') {
      escaped = true;
      value += body_.substr(chunk_start, position - chunk_start);
      if (!read_escape(position, value)) {
        return token(TokenKind::kInvalid, failure_->offset, failure_->offset);
      }
      chunk_start = position;
      continue;
    }
    if (c == '\n' || c == '\r') break;
    if (c < 0x80) {
      ++position;
      continue;
    }
    const std::size_t length = decode_utf8(body_.substr(position)).length;
    if (length == 0) {
      return fail(position, fmt::format("Invalid character within String: {}.",
                                        print_code_point_at(position)));
    }
    position += length;
  }
  return fail(position, "Unterminated string.");
}

/// Appends what the escape at `position` stands for and moves behind it.
bool Lexer::read_escape(std::size_t& position, std::string& value) {
  char c = 0;
  switch (at(position + 1)) {
    case 'u':
      return read_escaped_unicode(position, value);
    case '"':
      c = '"';
      break;
    case '\\':
      c = '\\';
      break;
    case '/':
      c = '/';
      break;
    case 'b':
      c = '\b';
      break;
    case 'f':
      c = '\f';
      break;
    case 'n':
      c = '\n';
      break;
    case 'r':
      c = '\r';
      break;
    case 't':
      c = '\t';
      break;
    default:
      fail(position,
           fmt::format("Invalid character escape sequence: \"{}\".", slice_units(position, 2)));
      return false;
  }
  value += c;
  position += 2;
  return true;
}

bool Lexer::read_escaped_unicode(std::size_t& position, std::string& value) {
  const auto invalid = [&](std::size_t units) {
    fail(position,
         fmt::format("Invalid Unicode escape sequence: \"{}\".", slice_units(position, units)));
    return false;
  };
  if (has(position + 2, '{')) {
    std::int64_t point = 0;
    std::size_t size = 3;
    while (size < 12) {  // "\u{" and at most eight digits and the brace
      const unsigned char c = at(position + size++);
      if (c == '}') {
        if (size < 5 || !is_scalar_value(point)) break;
        append_utf8(value, static_cast<std::uint32_t>(point));
        position += size;
        return true;
      }
      const int digit = hex_digit(c);
      if (digit < 0) break;
      point = point * 16 + digit;
      if (point > 0x7FFF'FFFF) break;
    }
    return invalid(size);
  }
  const int code = read_hex4(position + 2);
  if (is_scalar_value(code)) {
    append_utf8(value, static_cast<std::uint32_t>(code));
    position += 6;
    return true;
  }
  // A leading surrogate counts only together with the trailing one that follows it.
  if (code >= 0xD800 && code <= 0xDBFF && has(position + 6, '\\') && has(position + 7, 'u')) {
    const int trailing = read_hex4(position + 8);
    if (trailing >= 0xDC00 && trailing <= 0xDFFF) {
      append_utf8(value, 0x10000U + ((static_cast<std::uint32_t>(code) - 0xD800U) << 10U) +
                             (static_cast<std::uint32_t>(trailing) - 0xDC00U));
      position += 12;
      return true;
    }
  }
  return invalid(6);
}

Token Lexer::read_block_string(std::size_t start) {
  const std::size_t content = start + 3;
  std::size_t position = content;
  bool has_escapes = false;
  while (position < body_.size()) {
    const auto c = static_cast<unsigned char>(body_[position]);
    if (c == '"' && has(position + 1, '"') && has(position + 2, '"')) {
      return token(TokenKind::kBlockString, start, position + 3,
                   block_string_value(body_.substr(content, position - content), has_escapes));
    }
    if (c == '\\' && has(position + 1, '"') && has(position + 2, '"') && has(position + 3, '"')) {
      has_escapes = true;
      position += 4;
    } else if (c < 0x80) {
      ++position;
    } else {
      const std::size_t length = decode_utf8(body_.substr(position)).length;
      if (length == 0) {
        return fail(position, fmt::format("Invalid character within String: {}.",
                                          print_code_point_at(position)));
      }
      position += length;
    }
  }
  return fail(position, "Unterminated string.");
}

/// BlockStringValue() of the specification, and `\"""` resolved.
std::string_view Lexer::block_string_value(std::string_view raw, bool has_escapes) {
  if (!has_escapes && raw.find_first_of("\r\n") == std::string_view::npos) {
    return leading_whitespace(raw) == raw.size() ? std::string_view{} : raw;
  }
  std::vector<std::string_view> lines;
  for (std::size_t line_start = 0;;) {
    const std::size_t line_end = raw.find_first_of("\r\n", line_start);
    if (line_end == std::string_view::npos) {
      lines.push_back(raw.substr(line_start));
      break;
    }
    lines.push_back(raw.substr(line_start, line_end - line_start));
    line_start = line_end + (raw.substr(line_end).starts_with("\r\n") ? 2 : 1);
  }

  std::size_t common_indent = std::string_view::npos;
  std::size_t first = lines.size();
  std::size_t last = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::size_t indent = leading_whitespace(lines[i]);
    if (indent == lines[i].size()) continue;
    first = std::min(first, i);
    last = i;
    if (i > 0) common_indent = std::min(common_indent, indent);
  }

  std::string value;
  value.reserve(raw.size());
  for (std::size_t i = first; i < lines.size() && i <= last; ++i) {
    if (i > first) value += '\n';
    std::string_view line = lines[i];
    if (i > 0) line.remove_prefix(std::min(common_indent, line.size()));
    for (std::size_t at = 0;;) {
      const std::size_t escape = has_escapes ? line.find("\\\"\"\"", at) : std::string_view::npos;
      value += line.substr(at, escape == std::string_view::npos ? escape : escape - at);
      if (escape == std::string_view::npos) break;
      value += "\"\"\"";
      at = escape + 4;
    }
  }
  return arena_->copy(std::string_view(value));
}

int Lexer::read_hex4(std::size_t offset) const noexcept {
  int code = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const int digit = hex_digit(at(offset + i));
    if (digit < 0) return -1;
    code = code * 16 + digit;
  }
  return code;
}

std::string Lexer::print_code_point_at(std::size_t offset) const {
  if (offset >= body_.size()) return "<EOF>";
  const auto byte = static_cast<unsigned char>(body_[offset]);
  if (byte == '"') return "'\"'";
  if (byte >= 0x20 && byte <= 0x7E) return fmt::format("\"{}\"", static_cast<char>(byte));
  const CodePoint point = decode_utf8(body_.substr(offset));
  if (point.length != 0) return fmt::format("U+{:04X}", point.value);
  // An encoded surrogate is named; other broken bytes show as decoders replace them.
  if (byte == 0xED && (at(offset + 1) & 0xE0) == 0xA0 && (at(offset + 2) & 0xC0) == 0x80) {
    return fmt::format("U+{:04X}",
                       0xD000U | ((at(offset + 1) & 0x3FU) << 6U) | (at(offset + 2) & 0x3FU));
  }
  return "U+FFFD";
}

/// The text from `offset` over `units` UTF-16 units, rounded up to whole characters.
std::string_view Lexer::slice_units(std::size_t offset, std::size_t units) const noexcept {
  std::size_t end = offset;
  for (std::size_t count = 0; count < units && end < body_.size();) {
    const CodePoint point = decode_utf8(body_.substr(end));
    if (point.length == 0) break;
    count += point.value >= 0x10000 ? 2 : 1;
    end += point.length;
  }
  return body_.substr(offset, end - offset);
}

}  // namespace errand::graphql::language
