#include "errand/crypto/sealer.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include <openssl/crypto.h>

#include "errand/crypto/aead.h"

namespace errand::crypto {
namespace {

constexpr std::string_view kVersion = "v1.";
constexpr std::size_t kKeyIdSize = 8;
constexpr std::size_t kHeaderSize = kVersion.size() + kKeyIdSize + 1;
/// Before the nonce; chooses the key of one message.
constexpr std::size_t kChoiceBytes = 12;

/// The key of one message.
Digest message_key(const Digest& secret, std::span<const std::uint8_t> choice) {
  return hmac_sha256(secret, choice);
}

/// The header is vouched for as well; its length is fixed, so that the two cannot be confused.
std::string vouched(std::string_view header, std::string_view associated) {
  std::string both(header);
  both += associated;
  return both;
}

std::unexpected<Error> broken(std::string why) {
  return fail(ErrorCode::kStoreCorrupt, "A sealed secret cannot be opened: " + std::move(why));
}

}  // namespace

Sealer::Sealer(const MasterKey& key, std::string_view label, Random& random)
    : label_(label), random_(&random) {
  also_open(key);
}

Sealer::~Sealer() {
  for (Key& key : keys_) OPENSSL_cleanse(key.secret.data(), key.secret.size());
}

void Sealer::also_open(const MasterKey& earlier) {
  // What a growing vector moves from would stay in memory.
  std::vector<Key> keys;
  keys.reserve(keys_.size() + 1);
  keys.assign(keys_.begin(), keys_.end());
  Key& added = keys.emplace_back();
  added.id = earlier.id();
  added.secret = earlier.derive(label_);
  keys_.swap(keys);
  for (Key& key : keys) OPENSSL_cleanse(key.secret.data(), key.secret.size());
}

std::string Sealer::seal(std::string_view plaintext, std::string_view associated) const {
  const Key& key = keys_.front();
  std::string text(kVersion);
  text += key.id;
  text += '.';
  std::array<std::uint8_t, kChoiceBytes + kAeadNonceBytes> drawn{};
  random_->fill(drawn);
  AeadNonce nonce;
  std::ranges::copy(std::span(drawn).last(nonce.size()), nonce.begin());
  Digest secret = message_key(key.secret, std::span(drawn).first(kChoiceBytes));
  const Bytes sealed =
      aead_encrypt(secret, nonce, as_bytes(vouched(text, associated)), as_bytes(plaintext));
  OPENSSL_cleanse(secret.data(), secret.size());
  Bytes data(drawn.begin(), drawn.end());
  data.insert(data.end(), sealed.begin(), sealed.end());
  text += to_base64url(data);
  return text;
}

Result<std::string> Sealer::open(std::string_view text, std::string_view associated) const {
  if (!text.starts_with(kVersion) || text.size() < kHeaderSize || text[kHeaderSize - 1] != '.') {
    return broken("it is not in the form of this version of Errand.");
  }
  const std::string_view id = text.substr(kVersion.size(), kKeyIdSize);
  const auto key = std::ranges::find(keys_, id, &Key::id);
  if (key == keys_.end()) {
    const bool is_id = std::ranges::all_of(
        id, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    if (!is_id) return broken("it does not name a master key.");
    return fail(ErrorCode::kConfigInvalid,
                "A secret was sealed under the master key " + std::string(id) +
                    ", and the master key now is " + keys_.front().id +
                    ". Put the earlier master.key back from its backup, or give the secret anew.");
  }
  const auto data = from_base64url(text.substr(kHeaderSize));
  if (!data || data->size() < kChoiceBytes + kAeadNonceBytes + kAeadTagBytes) {
    return broken("it is cut off or not base64url.");
  }
  const std::span bytes(*data);
  AeadNonce nonce;
  std::ranges::copy(bytes.subspan(kChoiceBytes, nonce.size()), nonce.begin());
  Digest secret = message_key(key->secret, bytes.first(kChoiceBytes));
  auto plain =
      aead_decrypt(secret, nonce, as_bytes(vouched(text.substr(0, kHeaderSize), associated)),
                   bytes.subspan(kChoiceBytes + kAeadNonceBytes));
  OPENSSL_cleanse(secret.data(), secret.size());
  if (!plain) return broken("it was changed, or belongs to something else.");
  std::string out(plain->begin(), plain->end());
  OPENSSL_cleanse(plain->data(), plain->size());
  return out;
}

void wipe(std::string& text) noexcept {
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

}  // namespace errand::crypto
