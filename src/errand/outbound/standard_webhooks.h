#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "errand/base/random.h"
#include "errand/base/result.h"
#include "errand/crypto/digest.h"
#include "errand/crypto/ed25519.h"

namespace errand::outbound {

/// Names of the headers of Standard Webhooks 1.0.0.
inline constexpr std::string_view kWebhookIdHeader = "webhook-id";
inline constexpr std::string_view kWebhookTimestampHeader = "webhook-timestamp";
inline constexpr std::string_view kWebhookSignatureHeader = "webhook-signature";

/// A secret shared with a receiver of webhooks, which signs them (Standard Webhooks 1.0.0,
/// symmetric signatures "v1": HMAC-SHA-256). Cheap to copy; immutable, hence safe to share between
/// threads.
class WebhookSecret {
 public:
  /// Reads "whsec_" and the base64 of 24 to 64 bytes.
  /// @return kInvalidArgument, which does not tell the text
  static Result<WebhookSecret> parse(std::string_view text);

  /// The text of a new secret of 32 random bytes, as parse() reads it.
  static std::string generate(Random& random);

  /// "v1,<base64>" over "id.timestamp.body".
  /// @param id    the same at each attempt to deliver one message; holds no "."
  /// @param time  of this attempt
  /// @param body  exactly as it is sent; UTF-8, since receivers' libraries decode it first
  [[nodiscard]] std::string sign(std::string_view id, std::chrono::sys_seconds time,
                                 std::string_view body) const;

 private:
  explicit WebhookSecret(crypto::HmacKey key) : key_(std::move(key)) {}

  crypto::HmacKey key_;
};

/// A key pair that signs webhooks beside the secret (Standard Webhooks 1.0.0, asymmetric signatures
/// "v1a": Ed25519), so that a receiver needs nothing secret. Cheap to copy; immutable, hence safe
/// to share between threads.
class WebhookSigningKey {
 public:
  /// Reads "whsk_" and the base64 of 64 bytes: the seed, then the public key.
  /// @return kInvalidArgument, which does not tell the text
  static Result<WebhookSigningKey> parse(std::string_view text);

  /// The text of a new key, as parse() reads it.
  static std::string generate(Random& random);

  /// "whpk_" and the base64 of the public key: what the receiver is given.
  [[nodiscard]] std::string public_text() const;

  /// "v1a,<base64>" over the same text as WebhookSecret::sign().
  [[nodiscard]] std::string sign(std::string_view id, std::chrono::sys_seconds time,
                                 std::string_view body) const;

 private:
  explicit WebhookSigningKey(crypto::Ed25519Key key) : key_(std::move(key)) {}

  crypto::Ed25519Key key_;
};

/// The value of `webhook-signature`: one signature a secret, separated by blanks. Several while a
/// secret is rotated; a receiver takes the message when one of them is right.
/// @param secrets  at least one
std::string sign_webhook(std::span<const WebhookSecret> secrets, std::string_view id,
                         std::chrono::sys_seconds time, std::string_view body);

}  // namespace errand::outbound
