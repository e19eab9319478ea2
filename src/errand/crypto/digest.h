#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "errand/crypto/encoding.h"

namespace errand::crypto {

/// 32 bytes: a SHA-256 digest, an HMAC-SHA-256, or a key.
using Digest = std::array<std::uint8_t, 32>;

/// SHA-256 (FIPS 180-4).
Digest sha256(std::span<const std::uint8_t> data);
inline Digest sha256(std::string_view text) { return sha256(as_bytes(text)); }

/// HMAC-SHA-256 (RFC 2104) with a key of any length. For many messages under one key use HmacKey.
Digest hmac_sha256(std::span<const std::uint8_t> key, std::span<const std::uint8_t> data);
inline Digest hmac_sha256(std::span<const std::uint8_t> key, std::string_view text) {
  return hmac_sha256(key, as_bytes(text));
}

/// HKDF-SHA-256, extract and expand (RFC 5869). `out` takes up to 8,160 bytes.
void hkdf_sha256(std::span<const std::uint8_t> key, std::span<const std::uint8_t> salt,
                 std::span<const std::uint8_t> info, std::span<std::uint8_t> out);

/// Compares in a time that depends on the lengths alone, so that a guess learns nothing from it.
bool equal_constant_time(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) noexcept;
inline bool equal_constant_time(std::string_view a, std::string_view b) noexcept {
  return equal_constant_time(as_bytes(a), as_bytes(b));
}

/// HMAC-SHA-256 under one key, whose schedule is set up once. Cheap to copy (shares the key);
/// immutable, hence safe to share between threads.
class HmacKey {
 public:
  explicit HmacKey(std::span<const std::uint8_t> key);

  [[nodiscard]] Digest sign(std::span<const std::uint8_t> data) const;
  [[nodiscard]] Digest sign(std::string_view text) const { return sign(as_bytes(text)); }

  /// Whether `digest`, or as many first bytes of it as are given (at least 16), belongs to `data`.
  [[nodiscard]] bool verify(std::span<const std::uint8_t> data,
                            std::span<const std::uint8_t> digest) const;

 private:
  struct Context;
  std::shared_ptr<const Context> context_;
};

}  // namespace errand::crypto
