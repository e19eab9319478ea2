#include "errand/crypto/signing_key.h"

#include <memory>
#include <utility>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "errand/base/assert.h"
#include "errand/crypto/digest.h"

namespace errand::crypto {
namespace {

constexpr int kRsaBitsMin = 2'048;

}  // namespace

Result<SigningKey> SigningKey::from_pem(std::string_view pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  ERRAND_ASSERT(bio != nullptr);
  // A key under a password is refused rather than asked for at the terminal.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  EVP_PKEY* raw = PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr);
  if (raw == nullptr) {
    return fail(ErrorCode::kInvalidArgument,
                "it holds no private key in PEM, or one under a password");
  }
  std::shared_ptr<void> key(raw, [](void* p) { EVP_PKEY_free(static_cast<EVP_PKEY*>(p)); });
  if (EVP_PKEY_is_a(raw, "ED25519") == 1) return SigningKey(std::move(key), Kind::kEd25519);
  if (EVP_PKEY_is_a(raw, "RSA") != 1 || EVP_PKEY_get_bits(raw) < kRsaBitsMin) {
    return fail(ErrorCode::kInvalidArgument,
                "its key is neither RSA of 2048 bits or more nor Ed25519");
  }
  return SigningKey(std::move(key), Kind::kRsa);
}

Bytes SigningKey::sign_sha256(std::string_view data) const {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  ERRAND_ASSERT(context != nullptr);
  auto* key = static_cast<EVP_PKEY*>(key_.get());
  const bool rsa = kind_ == Kind::kRsa;
  const Digest digest = sha256(data);
  const std::span<const std::uint8_t> signed_bytes = rsa ? as_bytes(data) : std::span(digest);
  int good = EVP_DigestSignInit(context.get(), nullptr, rsa ? EVP_sha256() : nullptr, nullptr, key);
  ERRAND_ASSERT(good == 1);
  std::size_t size = 0;
  good = EVP_DigestSign(context.get(), nullptr, &size, signed_bytes.data(), signed_bytes.size());
  ERRAND_ASSERT(good == 1);
  Bytes signature(size);
  good = EVP_DigestSign(context.get(), signature.data(), &size, signed_bytes.data(),
                        signed_bytes.size());
  ERRAND_ASSERT(good == 1);
  signature.resize(size);
  return signature;
}

}  // namespace errand::crypto
