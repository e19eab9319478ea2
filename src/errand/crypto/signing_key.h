#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "errand/base/result.h"
#include "errand/crypto/encoding.h"

namespace errand::crypto {

/// A private key from a PEM file, of RSA (2,048 bits and more) or Ed25519. Cheap to copy (shares
/// the key); immutable, hence safe to share between threads.
class SigningKey {
 public:
  enum class Kind : std::uint8_t { kRsa, kEd25519 };

  /// @return kInvalidArgument for a text that holds no such key
  static Result<SigningKey> from_pem(std::string_view pem);

  [[nodiscard]] Kind kind() const noexcept { return kind_; }

  /// Of RSA: PKCS #1 v1.5 over SHA-256 of `data` (RFC 8017, 8.2). Of Ed25519: over SHA-256 of
  /// `data`, as DKIM has it (RFC 8463, 3).
  [[nodiscard]] Bytes sign_sha256(std::string_view data) const;

 private:
  SigningKey(std::shared_ptr<void> key, Kind kind) : key_(std::move(key)), kind_(kind) {}

  std::shared_ptr<void> key_;  ///< an EVP_PKEY
  Kind kind_;
};

}  // namespace errand::crypto
