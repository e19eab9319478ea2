#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "errand/base/clock.h"

namespace errand::store::sqlite {

// How values stand in columns.

inline std::int64_t to_column(Timestamp time) { return time.time_since_epoch().count(); }

inline Timestamp to_timestamp(std::int64_t column) { return Timestamp(Milliseconds(column)); }

/// `due_at_ms` of a job with a lease, whose timers the engine's memory holds: keeps it in the index
/// jobs_timers, where recovery finds it. The last millisecond of the year 9999.
inline constexpr std::int64_t kNoTimer = 253'402'300'799'999;

inline std::string to_hex(const std::array<std::uint8_t, 32>& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * digest.size());
  for (const std::uint8_t byte : digest) {
    text.push_back(kDigits[byte >> 4U]);
    text.push_back(kDigits[byte & 0xfU]);
  }
  return text;
}

inline std::optional<std::array<std::uint8_t, 32>> from_hex(std::string_view text) {
  std::array<std::uint8_t, 32> digest{};
  if (text.size() != 2 * digest.size()) return std::nullopt;
  const auto value = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const int high = value(text[2 * i]);
    const int low = value(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return digest;
}

}  // namespace errand::store::sqlite
