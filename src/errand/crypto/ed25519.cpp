#include "errand/crypto/ed25519.h"

#include <openssl/evp.h>

#include "errand/base/assert.h"

namespace errand::crypto {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using ContextPtr = std::unique_ptr<EVP_MD_CTX, FreeContext>;

}  // namespace

Ed25519Key::Ed25519Key(const Seed& seed)
    : key_(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()),
           [](void* key) { EVP_PKEY_free(static_cast<EVP_PKEY*>(key)); }) {
  ERRAND_ASSERT(key_);
  std::size_t size = public_key_.size();
  const int done =
      EVP_PKEY_get_raw_public_key(static_cast<EVP_PKEY*>(key_.get()), public_key_.data(), &size);
  ERRAND_ASSERT(done == 1 && size == public_key_.size());
}

Ed25519Key::Seed Ed25519Key::generate(Random& random) {
  Seed seed{};
  random.fill(seed);
  return seed;
}

Ed25519Key::Signature Ed25519Key::sign(std::span<const std::uint8_t> data) const {
  Signature signature{};
  const ContextPtr context(EVP_MD_CTX_new());
  ERRAND_ASSERT(context);
  std::size_t size = signature.size();
  const bool done =
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr,
                         static_cast<EVP_PKEY*>(key_.get())) == 1 &&
      EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()) == 1;
  ERRAND_ASSERT(done && size == signature.size());
  return signature;
}

bool Ed25519Key::verify(const PublicKey& public_key, std::span<const std::uint8_t> data,
                        const Signature& signature) {
  const std::shared_ptr<EVP_PKEY> key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, public_key.data(), public_key.size()),
      &EVP_PKEY_free);
  const ContextPtr context(EVP_MD_CTX_new());
  return key && context &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), data.data(),
                          data.size()) == 1;
}

}  // namespace errand::crypto
