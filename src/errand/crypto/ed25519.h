#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "errand/base/random.h"

namespace errand::crypto {

/// A key that signs with Ed25519 (RFC 8032), so that whoever checks its signatures needs no secret.
/// Cheap to copy (shares the key); immutable, hence safe to share between threads.
class Ed25519Key {
 public:
  using Seed = std::array<std::uint8_t, 32>;  ///< the private key of RFC 8032
  using PublicKey = std::array<std::uint8_t, 32>;
  using Signature = std::array<std::uint8_t, 64>;

  explicit Ed25519Key(const Seed& seed);

  /// A new seed; the caller's to wipe.
  static Seed generate(Random& random);

  [[nodiscard]] const PublicKey& public_key() const noexcept { return public_key_; }
  [[nodiscard]] Signature sign(std::span<const std::uint8_t> data) const;

  /// Whether `signature` of `data` was made by the key that `public_key` belongs to.
  static bool verify(const PublicKey& public_key, std::span<const std::uint8_t> data,
                     const Signature& signature);

 private:
  std::shared_ptr<void> key_;  ///< an EVP_PKEY
  PublicKey public_key_{};
};

}  // namespace errand::crypto
