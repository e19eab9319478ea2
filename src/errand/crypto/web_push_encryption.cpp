#include "errand/crypto/web_push_encryption.h"

#include <memory>
#include <string_view>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "errand/base/assert.h"

namespace errand::crypto {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kAuthBytes = 16;
constexpr std::size_t kTagBytes = 16;
constexpr std::uint32_t kRecordBytes = 4'096;
constexpr std::uint8_t kLastRecord = 0x02;  // RFC 8188, 2: what ends the last record's content

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* p) const noexcept { EVP_CIPHER_CTX_free(p); }
};

void append(Bytes& out, std::span<const std::uint8_t> more) {
  out.insert(out.end(), more.begin(), more.end());
}

void append_encrypted(Bytes& out, std::span<const std::uint8_t, 16> key,
                      std::span<const std::uint8_t, 12> nonce,
                      std::span<const std::uint8_t> plaintext) {
  const std::unique_ptr<EVP_CIPHER_CTX, FreeCipher> context(EVP_CIPHER_CTX_new());
  const std::size_t begin = out.size();
  out.resize(begin + plaintext.size() + kTagBytes);
  int size = 0;
  int rest = 0;
  const bool done = context &&
                    EVP_EncryptInit_ex2(context.get(), EVP_aes_128_gcm(), key.data(), nonce.data(),
                                        nullptr) == 1 &&
                    EVP_EncryptUpdate(context.get(), out.data() + begin, &size, plaintext.data(),
                                      static_cast<int>(plaintext.size())) == 1 &&
                    EVP_EncryptFinal_ex(context.get(), out.data() + begin + size, &rest) == 1 &&
                    EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes,
                                        out.data() + begin + plaintext.size()) == 1;
  ERRAND_ASSERT(done && static_cast<std::size_t>(size) == plaintext.size() && rest == 0);
}

}  // namespace

std::optional<Bytes> encrypt_web_push(const WebPushReceiver& receiver, const P256Key& sender,
                                      const std::array<std::uint8_t, 16>& salt,
                                      std::span<const std::uint8_t> plaintext) {
  ERRAND_ASSERT(plaintext.size() <= kWebPushPlaintextMax);
  if (receiver.auth.size() != kAuthBytes) return std::nullopt;
  auto shared = sender.agree(receiver.public_key);
  if (!shared) return std::nullopt;

  // RFC 8291, 3.4.
  Bytes info;
  append(info, as_bytes("WebPush: info\0"sv));
  append(info, receiver.public_key);
  append(info, sender.public_key());
  Digest secret{};
  hkdf_sha256(*shared, receiver.auth, info, secret);
  std::array<std::uint8_t, 16> key{};
  std::array<std::uint8_t, 12> nonce{};
  hkdf_sha256(secret, salt, as_bytes("Content-Encoding: aes128gcm\0"sv), key);
  hkdf_sha256(secret, salt, as_bytes("Content-Encoding: nonce\0"sv), nonce);

  // RFC 8188, 2.1: salt, size of records, and the key id, which is the sender's public key.
  Bytes body;
  append(body, salt);
  for (int shift = 24; shift >= 0; shift -= 8) {
    body.push_back(static_cast<std::uint8_t>(kRecordBytes >> shift));
  }
  body.push_back(static_cast<std::uint8_t>(sender.public_key().size()));
  append(body, sender.public_key());
  Bytes record(plaintext.begin(), plaintext.end());
  record.push_back(kLastRecord);
  append_encrypted(body, key, nonce, record);

  OPENSSL_cleanse(shared->data(), shared->size());
  OPENSSL_cleanse(secret.data(), secret.size());
  OPENSSL_cleanse(key.data(), key.size());
  return body;
}

}  // namespace errand::crypto
