#include "errand/graphql/comparison/lone_surrogates.h"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <fmt/format.h>

namespace errand::graphql::comparison {
namespace {

/// The code unit of `\uXXXX` at `offset`; nullopt where there is no such escape.
std::optional<std::uint32_t> escaped_unit(std::string_view json, std::size_t offset) {
  if (offset + 6 > json.size() || json[offset] != '\\' || json[offset + 1] != 'u') {
    return std::nullopt;
  }
  std::uint32_t unit = 0;
  const char* begin = json.data() + offset + 2;
  const auto [end, error] = std::from_chars(begin, begin + 4, unit, 16);
  if (error != std::errc{} || end != begin + 4) return std::nullopt;
  return unit;
}

bool is_high(std::uint32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low(std::uint32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

}  // namespace

std::string unescape_lone_surrogates(std::string_view json) {
  std::string result;
  result.reserve(json.size());
  std::size_t copied = 0;
  for (std::size_t i = 0; (i = json.find('\\', i)) != std::string_view::npos;) {
    const auto unit = escaped_unit(json, i);
    if (!unit) {
      i += 2;
      continue;
    }
    const auto next = escaped_unit(json, i + 6);
    if (is_high(*unit) && next && is_low(*next)) {
      i += 12;
      continue;
    }
    if (is_high(*unit) || is_low(*unit)) {
      result += json.substr(copied, i - copied);
      result += '\xED';
      result += static_cast<char>(0x80U | (*unit >> 6U & 0x3FU));
      result += static_cast<char>(0x80U | (*unit & 0x3FU));
      copied = i + 6;
    }
    i += 6;
  }
  result += json.substr(copied);
  return result;
}

std::string escape_lone_surrogates(std::string json) {
  for (std::size_t i = 0; (i = json.find('\xED', i)) != std::string::npos;) {
    const auto byte = [&](std::size_t offset) {
      return i + offset < json.size() ? static_cast<unsigned char>(json[i + offset]) : 0U;
    };
    if ((byte(1) & 0xE0U) == 0xA0U && (byte(2) & 0xC0U) == 0x80U) {
      json.replace(i, 3,
                   fmt::format("\\u{:04x}", 0xD000U | (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU)));
      i += 6;
    } else {
      ++i;
    }
  }
  return json;
}

}  // namespace errand::graphql::comparison
