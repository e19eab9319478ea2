#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace errand::crypto {

using Bytes = std::vector<std::uint8_t>;

/// Lower-case hexadecimal, two characters a byte.
std::string to_hex(std::span<const std::uint8_t> bytes);
/// Reads hexadecimal in either case. nullopt for an odd length or another character.
std::optional<Bytes> from_hex(std::string_view text);

/// Base64 with padding (RFC 4648, section 4).
std::string to_base64(std::span<const std::uint8_t> bytes);
/// Reads base64 strictly: the padding must be there, the unused last bits must be zero, no white
/// space. Exactly the texts of to_base64() are taken, so that an encoding is a bijection.
std::optional<Bytes> from_base64(std::string_view text);

/// Base64 with the URL and file name safe alphabet, without padding (RFC 4648, section 5).
std::string to_base64url(std::span<const std::uint8_t> bytes);
/// Reads base64url without padding, as strictly as from_base64().
std::optional<Bytes> from_base64url(std::string_view text);

/// The bytes of a text, without a copy. Valid as long as the text.
inline std::span<const std::uint8_t> as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace errand::crypto
