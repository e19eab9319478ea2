#include "errand/crypto/digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "errand/base/assert.h"

namespace errand::crypto {
namespace {

struct Free {
  void operator()(EVP_MAC_CTX* p) const noexcept { EVP_MAC_CTX_free(p); }
  void operator()(EVP_KDF_CTX* p) const noexcept { EVP_KDF_CTX_free(p); }
};
using MacContext = std::unique_ptr<EVP_MAC_CTX, Free>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, Free>;

// Fetching an algorithm takes a lock and a search through the providers, so each is fetched once
// and kept for the life of the process. OpenSSL without SHA-256 is no OpenSSL: an assertion.
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const algorithm = [] {
    const EVP_MD* md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    ERRAND_ASSERT(md != nullptr);
    return md;
  }();
  return algorithm;
}

EVP_MAC* hmac_algorithm() {
  static EVP_MAC* const algorithm = [] {
    EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    ERRAND_ASSERT(mac != nullptr);
    return mac;
  }();
  return algorithm;
}

EVP_KDF* hkdf_algorithm() {
  static EVP_KDF* const algorithm = [] {
    EVP_KDF* kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
    ERRAND_ASSERT(kdf != nullptr);
    return kdf;
  }();
  return algorithm;
}

char* sha256_name() {
  static std::array<char, 7> name{'S', 'H', 'A', '2', '5', '6', '\0'};
  return name.data();
}

/// OpenSSL's parameters take pointers to mutable memory, which it only reads.
void* readable(std::span<const std::uint8_t> bytes) {
  static std::uint8_t nothing = 0;
  return bytes.empty() ? &nothing : const_cast<std::uint8_t*>(bytes.data());
}

MacContext keyed_context(std::span<const std::uint8_t> key) {
  MacContext context(EVP_MAC_CTX_new(hmac_algorithm()));
  ERRAND_ASSERT(context != nullptr);
  const std::array<OSSL_PARAM, 2> parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256_name(), 0),
      OSSL_PARAM_construct_end()};
  const bool ok = EVP_MAC_init(context.get(), static_cast<const unsigned char*>(readable(key)),
                               key.size(), parameters.data()) == 1;
  ERRAND_ASSERT(ok);
  return context;
}

Digest finish(EVP_MAC_CTX* context, std::span<const std::uint8_t> data) {
  Digest digest{};
  std::size_t size = 0;
  const bool ok = EVP_MAC_update(context, data.data(), data.size()) == 1 &&
                  EVP_MAC_final(context, digest.data(), &size, digest.size()) == 1;
  ERRAND_ASSERT(ok && size == digest.size());
  return digest;
}

}  // namespace

Digest sha256(std::span<const std::uint8_t> data) {
  Digest digest{};
  unsigned int size = 0;
  const bool ok =
      EVP_Digest(data.data(), data.size(), digest.data(), &size, sha256_algorithm(), nullptr) == 1;
  ERRAND_ASSERT(ok && size == digest.size());
  return digest;
}

Digest hmac_sha256(std::span<const std::uint8_t> key, std::span<const std::uint8_t> data) {
  return finish(keyed_context(key).get(), data);
}

void hkdf_sha256(std::span<const std::uint8_t> key, std::span<const std::uint8_t> salt,
                 std::span<const std::uint8_t> info, std::span<std::uint8_t> out) {
  ERRAND_ASSERT(out.size() <= 255 * sizeof(Digest));
  const KdfContext context(EVP_KDF_CTX_new(hkdf_algorithm()));
  ERRAND_ASSERT(context != nullptr);
  const std::array<OSSL_PARAM, 5> parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, sha256_name(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, readable(key), key.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, readable(salt), salt.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, readable(info), info.size()),
      OSSL_PARAM_construct_end()};
  const bool ok = EVP_KDF_derive(context.get(), out.data(), out.size(), parameters.data()) == 1;
  ERRAND_ASSERT(ok);
}

bool equal_constant_time(std::span<const std::uint8_t> a,
                         std::span<const std::uint8_t> b) noexcept {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

struct HmacKey::Context {
  MacContext keyed;
};

HmacKey::HmacKey(std::span<const std::uint8_t> key)
    : context_(std::make_shared<const Context>(keyed_context(key))) {}

Digest HmacKey::sign(std::span<const std::uint8_t> data) const {
  const MacContext copy(EVP_MAC_CTX_dup(context_->keyed.get()));
  ERRAND_ASSERT(copy != nullptr);
  return finish(copy.get(), data);
}

bool HmacKey::verify(std::span<const std::uint8_t> data,
                     std::span<const std::uint8_t> digest) const {
  const Digest expected = sign(data);
  if (digest.size() < 16 || digest.size() > expected.size()) return false;
  return equal_constant_time(std::span(expected).first(digest.size()), digest);
}

}  // namespace errand::crypto
