#include "errand/crypto/aead.h"

#include <algorithm>
#include <memory>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "errand/base/assert.h"

namespace errand::crypto {
namespace {

struct Free {
  // Wipes the key schedule too.
  void operator()(EVP_CIPHER_CTX* p) const noexcept { EVP_CIPHER_CTX_free(p); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Free>;

// Fetched once: see digest.cpp.
const EVP_CIPHER* algorithm() {
  static const EVP_CIPHER* const cipher = [] {
    const EVP_CIPHER* fetched = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    ERRAND_ASSERT(fetched != nullptr);
    return fetched;
  }();
  return cipher;
}

enum class Direction : int { kDecrypt = 0, kEncrypt = 1 };

CipherContext begin(const Digest& key, const AeadNonce& nonce,
                    std::span<const std::uint8_t> associated, Direction direction) {
  ERRAND_ASSERT(associated.size() <= kAeadBytesMax);
  CipherContext context(EVP_CIPHER_CTX_new());
  ERRAND_ASSERT(context != nullptr);
  // The length of a nonce is 12 bytes unless it is set.
  const bool ready = EVP_CipherInit_ex2(context.get(), algorithm(), key.data(), nonce.data(),
                                        static_cast<int>(direction), nullptr) == 1;
  ERRAND_ASSERT(ready);
  if (!associated.empty()) {
    int size = 0;
    const bool taken = EVP_CipherUpdate(context.get(), nullptr, &size, associated.data(),
                                        static_cast<int>(associated.size())) == 1;
    ERRAND_ASSERT(taken);
  }
  return context;
}

}  // namespace

Bytes aead_encrypt(const Digest& key, const AeadNonce& nonce,
                   std::span<const std::uint8_t> associated,
                   std::span<const std::uint8_t> plaintext) {
  ERRAND_ASSERT(plaintext.size() <= kAeadBytesMax);
  const CipherContext context = begin(key, nonce, associated, Direction::kEncrypt);
  Bytes out(plaintext.size() + kAeadTagBytes);
  int size = 0;
  if (!plaintext.empty()) {
    const bool done = EVP_CipherUpdate(context.get(), out.data(), &size, plaintext.data(),
                                       static_cast<int>(plaintext.size())) == 1;
    ERRAND_ASSERT(done && static_cast<std::size_t>(size) == plaintext.size());
  }
  int rest = 0;
  std::uint8_t* const tag = out.data() + plaintext.size();
  const bool ended = EVP_CipherFinal_ex(context.get(), tag, &rest) == 1 && rest == 0 &&
                     EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG,
                                         static_cast<int>(kAeadTagBytes), tag) == 1;
  ERRAND_ASSERT(ended);
  return out;
}

std::optional<Bytes> aead_decrypt(const Digest& key, const AeadNonce& nonce,
                                  std::span<const std::uint8_t> associated,
                                  std::span<const std::uint8_t> ciphertext_and_tag) {
  if (ciphertext_and_tag.size() < kAeadTagBytes ||
      ciphertext_and_tag.size() > kAeadBytesMax + kAeadTagBytes) {
    return std::nullopt;
  }
  const auto ciphertext = ciphertext_and_tag.first(ciphertext_and_tag.size() - kAeadTagBytes);
  std::array<std::uint8_t, kAeadTagBytes> tag;
  std::ranges::copy(ciphertext_and_tag.last(kAeadTagBytes), tag.begin());
  const CipherContext context = begin(key, nonce, associated, Direction::kDecrypt);
  Bytes out(ciphertext.size());
  int size = 0;
  bool ok =
      ciphertext.empty() || EVP_CipherUpdate(context.get(), out.data(), &size, ciphertext.data(),
                                             static_cast<int>(ciphertext.size())) == 1;
  ok = ok && EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag.size()),
                                 tag.data()) == 1;
  std::array<std::uint8_t, kAeadTagBytes> none{};
  int rest = 0;
  ok = ok && EVP_CipherFinal_ex(context.get(), none.data(), &rest) == 1;
  if (!ok) {
    OPENSSL_cleanse(out.data(), out.size());
    return std::nullopt;
  }
  return out;
}

}  // namespace errand::crypto
