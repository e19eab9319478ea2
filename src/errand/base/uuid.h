#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace errand {

class Random;

/// A UUID (RFC 9562) as 16 bytes in network order; ordered bytewise, so version 7 ids sort by time.
/// A value type; the default is the nil UUID.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  /// Version 7 (RFC 9562, 5.7): 48 bits of Unix milliseconds, then 74 random bits.
  static Uuid v7(std::chrono::system_clock::time_point now, Random& random);

  /// Reads the 36-character form, in either case of hexadecimal. nullopt for anything else.
  static std::optional<Uuid> parse(std::string_view text) noexcept;

  /// The 36-character form in lower case.
  [[nodiscard]] std::string str() const;

  friend bool operator==(const Uuid&, const Uuid&) = default;
  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

}  // namespace errand

template <>
struct std::hash<errand::Uuid> {
  std::size_t operator()(const errand::Uuid& id) const noexcept;
};
