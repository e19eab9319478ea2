#pragma once

#include <span>
#include <string_view>

namespace errand::contract {

/// A form of texts that `@constraint(format:)` knows.
struct TextFormat {
  std::string_view name;      ///< "email"
  std::string_view expected;  ///< "an e-mail address"
  bool (*matches)(std::string_view text);
};

/// All of them: email, uri, uuid, date-time, date, time, duration, hostname, ipv4, ipv6.
std::span<const TextFormat> text_formats() noexcept;

/// nullptr for an unknown name.
const TextFormat* find_text_format(std::string_view name) noexcept;

}  // namespace errand::contract
