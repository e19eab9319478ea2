#include "errand/outbound/standard_webhooks.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "errand/base/assert.h"
#include "errand/crypto/encoding.h"

namespace errand::outbound {
namespace {

constexpr std::string_view kPrefix = "whsec_";
constexpr std::string_view kSigningPrefix = "whsk_";
constexpr std::size_t kBytesMin = 24;
constexpr std::size_t kBytesMax = 64;

std::string signed_text(std::string_view id, std::chrono::sys_seconds time, std::string_view body) {
  // With a dot in it, the parts of the signed text could be cut differently.
  ERRAND_ASSERT(!id.contains('.'));
  std::string text(id);
  text += '.';
  text += std::to_string(time.time_since_epoch().count());
  text += '.';
  text += body;
  return text;
}

}  // namespace

Result<WebhookSecret> WebhookSecret::parse(std::string_view text) {
  const auto bytes =
      text.starts_with(kPrefix) ? crypto::from_base64(text.substr(kPrefix.size())) : std::nullopt;
  if (!bytes || bytes->size() < kBytesMin || bytes->size() > kBytesMax) {
    return fail(ErrorCode::kInvalidArgument,
                "A webhook secret is \"whsec_\" and the base64 of 24 to 64 random bytes.");
  }
  return WebhookSecret(crypto::HmacKey(*bytes));
}

std::string WebhookSecret::generate(Random& random) {
  std::array<std::uint8_t, 32> bytes{};
  random.fill(bytes);
  return std::string(kPrefix) + crypto::to_base64(bytes);
}

std::string WebhookSecret::sign(std::string_view id, std::chrono::sys_seconds time,
                                std::string_view body) const {
  return "v1," + crypto::to_base64(key_.sign(signed_text(id, time, body)));
}

Result<WebhookSigningKey> WebhookSigningKey::parse(std::string_view text) {
  const auto bytes = text.starts_with(kSigningPrefix)
                         ? crypto::from_base64(text.substr(kSigningPrefix.size()))
                         : std::nullopt;
  const auto invalid = [] {
    return fail(ErrorCode::kInvalidArgument,
                "A webhook signing key is \"whsk_\" and the base64 of its 32 bytes and of those of "
                "its public key.");
  };
  crypto::Ed25519Key::Seed seed{};
  if (!bytes || bytes->size() != 2 * seed.size()) return invalid();
  std::copy_n(bytes->begin(), seed.size(), seed.begin());
  crypto::Ed25519Key key(seed);
  if (!std::ranges::equal(std::span(*bytes).subspan(seed.size()), key.public_key())) {
    return invalid();
  }
  return WebhookSigningKey(std::move(key));
}

std::string WebhookSigningKey::generate(Random& random) {
  const auto seed = crypto::Ed25519Key::generate(random);
  const auto public_key = crypto::Ed25519Key(seed).public_key();
  crypto::Bytes bytes(seed.begin(), seed.end());
  bytes.insert(bytes.end(), public_key.begin(), public_key.end());
  return std::string(kSigningPrefix) + crypto::to_base64(bytes);
}

std::string WebhookSigningKey::public_text() const {
  return "whpk_" + crypto::to_base64(key_.public_key());
}

std::string WebhookSigningKey::sign(std::string_view id, std::chrono::sys_seconds time,
                                    std::string_view body) const {
  return "v1a," + crypto::to_base64(key_.sign(crypto::as_bytes(signed_text(id, time, body))));
}

std::string sign_webhook(std::span<const WebhookSecret> secrets, std::string_view id,
                         std::chrono::sys_seconds time, std::string_view body) {
  ERRAND_ASSERT(!secrets.empty());
  std::string value;
  for (const WebhookSecret& secret : secrets) {
    if (!value.empty()) value += ' ';
    value += secret.sign(id, time, body);
  }
  return value;
}

}  // namespace errand::outbound
