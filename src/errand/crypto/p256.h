#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "errand/base/random.h"
#include "errand/crypto/digest.h"

namespace errand::crypto {

/// A key on the curve P-256 (FIPS 186-5), for ECDH and for the signatures that JOSE calls ES256:
/// what Web Push works with. Cheap to copy (shares the key); immutable, hence safe to share between
/// threads.
class P256Key {
 public:
  using Scalar = std::array<std::uint8_t, 32>;     ///< the private key, big endian
  using PublicKey = std::array<std::uint8_t, 65>;  ///< uncompressed point: 0x04, x, y
  using Signature = std::array<std::uint8_t, 64>;  ///< r and s, as JWS has them (RFC 7518, 3.4)

  /// @return nullopt for a number that is no private key: zero, or not below the curve's order
  static std::optional<P256Key> from_scalar(const Scalar& scalar);
  /// A new key.
  static P256Key generate(Random& random);

  [[nodiscard]] const PublicKey& public_key() const noexcept { return public_key_; }

  /// The shared secret with the owner of `peer`: the x coordinate (SP 800-56A, 5.7.1.2).
  /// @return nullopt where `peer` is no point of the curve
  [[nodiscard]] std::optional<Digest> agree(std::span<const std::uint8_t> peer) const;

  /// ECDSA with SHA-256.
  [[nodiscard]] Signature sign(std::span<const std::uint8_t> data) const;
  /// Whether `signature` of `data` was made by the key that `public_key` belongs to.
  static bool verify(const PublicKey& public_key, std::span<const std::uint8_t> data,
                     const Signature& signature);

 private:
  P256Key() = default;

  std::shared_ptr<void> key_;  ///< an EVP_PKEY
  PublicKey public_key_{};
};

/// Whether `bytes` are a public key: an uncompressed point of the curve.
bool is_p256_public_key(std::span<const std::uint8_t> bytes);

}  // namespace errand::crypto
