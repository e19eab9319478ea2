#include "errand/relay/topic.h"

#include <algorithm>

#include <fmt/format.h>

#include "errand/crypto/digest.h"

namespace errand::relay {
namespace {

constexpr std::size_t kDigestBytes = 8;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

}  // namespace

std::string topic_token(std::string_view text) {
  if (text.empty()) return "-";
  if (text == "-") return "%2D";
  std::string token;
  for (const char c : text) {
    if (is_plain(c)) {
      token += c;
    } else {
      token += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  if (token.size() <= kTopicTokenMax) return token;
  token.resize(kTopicTokenMax - 2 * kDigestBytes - 1);
  token += '~';
  const crypto::Digest digest = crypto::sha256(text);
  for (std::size_t i = 0; i < kDigestBytes; ++i) token += fmt::format("{:02x}", digest[i]);
  return token;
}

std::string topic_of(const TenantId& tenant, const JobTypeName& job_type,
                     std::string_view event_type) {
  const std::string_view event = event_type.substr(event_type.rfind('.') + 1);
  return fmt::format("{}.{}.{}", topic_token(tenant.view()), topic_token(job_type.view()),
                     topic_token(event));
}

bool is_topic_prefix(std::string_view text) {
  return !text.empty() && text.size() <= kTopicPrefixMax && !text.starts_with('.') &&
         !text.ends_with('.') && text.find("..") == std::string_view::npos &&
         std::ranges::all_of(text, [](char c) { return c == '.' || is_plain(c); });
}

}  // namespace errand::relay
