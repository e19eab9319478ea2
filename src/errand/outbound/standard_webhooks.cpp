#include "errand/outbound/standard_webhooks.h"

#include <array>
#include <cstdint>

#include "errand/base/assert.h"
#include "errand/crypto/encoding.h"

namespace errand::outbound {
namespace {

constexpr std::string_view kPrefix = "whsec_";
constexpr std::size_t kBytesMin = 24;
constexpr std::size_t kBytesMax = 64;

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
  // With a dot in it, the parts of the signed text could be cut differently.
  ERRAND_ASSERT(!id.contains('.'));
  std::string text(id);
  text += '.';
  text += std::to_string(time.time_since_epoch().count());
  text += '.';
  text += body;
  return "v1," + crypto::to_base64(key_.sign(text));
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
