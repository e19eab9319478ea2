#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "errand/crypto/digest.h"

namespace errand::crypto {

inline constexpr std::size_t kAeadNonceBytes = 12;
inline constexpr std::size_t kAeadTagBytes = 16;
/// Most bytes of one message, and of the data that goes with it.
inline constexpr std::size_t kAeadBytesMax = std::size_t{1} << 30;

using AeadNonce = std::array<std::uint8_t, kAeadNonceBytes>;

/// AES-256-GCM (NIST SP 800-38D): encrypts `plaintext` and vouches for it and for `associated`,
/// which is not kept. A nonce is never used twice under one key. For secrets at rest use Sealer,
/// which sees to that.
/// @return the ciphertext, as long as the plaintext, then the tag of 16 bytes
Bytes aead_encrypt(const Digest& key, const AeadNonce& nonce,
                   std::span<const std::uint8_t> associated,
                   std::span<const std::uint8_t> plaintext);

/// Reads what aead_encrypt() gave for the same key, nonce and associated data. The bytes are the
/// caller's to wipe.
/// @return nullopt where anything was changed; nothing of the plaintext gets out then
std::optional<Bytes> aead_decrypt(const Digest& key, const AeadNonce& nonce,
                                  std::span<const std::uint8_t> associated,
                                  std::span<const std::uint8_t> ciphertext_and_tag);

}  // namespace errand::crypto
