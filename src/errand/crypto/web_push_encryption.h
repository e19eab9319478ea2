#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "errand/crypto/encoding.h"
#include "errand/crypto/p256.h"

namespace errand::crypto {

/// Longest message: one record of 4,096 bytes is what every push service has to take (RFC 8030,
/// 7.2), of which the header takes 86, the tag 16 and the delimiter 1.
inline constexpr std::size_t kWebPushPlaintextMax = 3'993;

/// Whom a message is encrypted for: the keys of a browser's subscription.
struct WebPushReceiver {
  std::span<const std::uint8_t> public_key;  ///< p256dh: 65 bytes
  std::span<const std::uint8_t> auth;        ///< 16 bytes
};

/// Encrypts a Web Push message (RFC 8291) as a body of the content coding aes128gcm (RFC 8188): one
/// record, without padding.
///
/// @param sender     made for this one message
/// @param salt       random, for this one message
/// @param plaintext  at most kWebPushPlaintextMax bytes
/// @return nullopt where the receiver's keys are none
std::optional<Bytes> encrypt_web_push(const WebPushReceiver& receiver, const P256Key& sender,
                                      const std::array<std::uint8_t, 16>& salt,
                                      std::span<const std::uint8_t> plaintext);

}  // namespace errand::crypto
