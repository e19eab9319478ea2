#include "errand/json/writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "errand/base/assert.h"

namespace errand::json {

namespace {

/// Digits and exponent of the shortest decimal that reads back as `value` (> 0):
/// value = 0.d1d2d3... * 10^point.
struct Shortest {
  std::array<char, 24> digits;
  int count = 0;
  int point = 0;
};

Shortest shortest_digits(double value) {
  std::array<char, 40> text;
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific)
          .ptr;
  Shortest result;
  const char* at = text.data();
  for (; at != end && *at != 'e'; ++at) {
    if (*at != '.') result.digits[static_cast<std::size_t>(result.count++)] = *at;
  }
  int exponent = 0;
  // from_chars takes no plus sign.
  const char* number = at + 1 + (at[1] == '+' ? 1 : 0);
  std::from_chars(number, end, exponent);
  result.point = exponent + 1;
  return result;
}

template <class Integer>
void append_integer(std::string& out, Integer value) {
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

/// Where in `text`, from `at` on, the first byte stands that must be escaped (RFC 8259, 7); its
/// size where none does.
std::size_t find_escape(std::string_view text, std::size_t at) {
  const auto must_escape = [](unsigned char c) { return c < 0x20 || c == '"' || c == '\\'; };
  // Eight bytes at a time: a byte below n leaves its high bit set in (word - n) & ~word.
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  const auto below = [](std::uint64_t word, std::uint64_t n) { return (word - kOnes * n) & ~word; };
  for (; at + sizeof(std::uint64_t) <= text.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof word);
    const std::uint64_t found =
        below(word, 0x20) | below(word ^ (kOnes * '"'), 1) | below(word ^ (kOnes * '\\'), 1);
    if ((found & kHighBits) != 0) break;
  }
  while (at < text.size() && !must_escape(static_cast<unsigned char>(text[at]))) ++at;
  return at;
}

}  // namespace

void append_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  const std::size_t first = find_escape(text, 0);
  if (first == text.size()) {
    // The usual case, as one append.
    const std::size_t begin = out.size();
    const std::size_t size = begin + text.size() + 2;
    // libstdc++ 12 may hand over more room than was asked for.
    out.resize_and_overwrite(size, [&](char* to, std::size_t) {
      to[begin] = '"';
      std::ranges::copy(text, to + begin + 1);
      to[size - 1] = '"';
      return size;
    });
    return;
  }
  out.push_back('"');
  std::size_t plain = 0;
  for (std::size_t i = first; i < text.size(); i = find_escape(text, plain)) {
    const auto c = static_cast<unsigned char>(text[i]);
    out.append(text.substr(plain, i - plain));
    plain = i + 1;
    out.push_back('\\');
    switch (c) {
      case '"':
      case '\\':
        out.push_back(static_cast<char>(c));
        break;
      case '\b':
        out.push_back('b');
        break;
      case '\t':
        out.push_back('t');
        break;
      case '\n':
        out.push_back('n');
        break;
      case '\f':
        out.push_back('f');
        break;
      case '\r':
        out.push_back('r');
        break;
      default:
        out.append("u00");
        out.push_back(kHex[c >> 4]);
        out.push_back(kHex[c & 0x0F]);
    }
  }
  out.append(text.substr(plain));
  out.push_back('"');
}

void append_number(std::string& out, double value) {
  ERRAND_ASSERT(std::isfinite(value));
  if (value == 0) {
    out.push_back('0');
    return;
  }
  if (value < 0) out.push_back('-');
  const Shortest shortest = shortest_digits(std::abs(value));
  const std::string_view digits(shortest.digits.data(), static_cast<std::size_t>(shortest.count));
  // ECMAScript, Number::toString, steps 6 to 10: k is the count of digits, n is `point`.
  const int k = shortest.count;
  const int n = shortest.point;
  if (k <= n && n <= 21) {
    out.append(digits);
    out.append(static_cast<std::size_t>(n - k), '0');
  } else if (0 < n && n <= 21) {
    out.append(digits.substr(0, static_cast<std::size_t>(n)));
    out.push_back('.');
    out.append(digits.substr(static_cast<std::size_t>(n)));
  } else if (-6 < n && n <= 0) {
    out.append("0.");
    out.append(static_cast<std::size_t>(-n), '0');
    out.append(digits);
  } else {
    out.push_back(digits[0]);
    if (k > 1) {
      out.push_back('.');
      out.append(digits.substr(1));
    }
    out.push_back('e');
    out.push_back(n > 0 ? '+' : '-');
    append_integer(out, std::abs(n - 1));
  }
}

void append_value(std::string& out, const boost::json::value& value) {
  Writer writer(out);
  writer.value(value);
}

std::string to_text(const boost::json::value& value) {
  std::string out;
  append_value(out, value);
  return out;
}

void Writer::key(std::string_view name) {
  separate();
  append_string(out_, name);
  out_.push_back(':');
  comma_ = false;
}

void Writer::integer(std::int64_t value) {
  separate();
  append_integer(out_, value);
}

void Writer::unsigned_integer(std::uint64_t value) {
  separate();
  append_integer(out_, value);
}

void Writer::number(double value) {
  separate();
  append_number(out_, value);
}

void Writer::string(std::string_view text) {
  separate();
  append_string(out_, text);
}

void Writer::raw(std::string_view text) {
  separate();
  out_.append(text);
}

// Recursion is bounded: values come from parse(), which bounds their depth, or from our own code.
void Writer::value(const boost::json::value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      null();
      break;
    case boost::json::kind::bool_:
      boolean(value.get_bool());
      break;
    case boost::json::kind::int64:
      integer(value.get_int64());
      break;
    case boost::json::kind::uint64:
      unsigned_integer(value.get_uint64());
      break;
    case boost::json::kind::double_:
      number(value.get_double());
      break;
    case boost::json::kind::string:
      string(value.get_string());
      break;
    case boost::json::kind::array:
      begin_array();
      for (const auto& item : value.get_array()) this->value(item);
      end_array();
      break;
    case boost::json::kind::object:
      begin_object();
      for (const auto& member : value.get_object()) {
        key(member.key());
        this->value(member.value());
      }
      end_object();
      break;
  }
}

}  // namespace errand::json
