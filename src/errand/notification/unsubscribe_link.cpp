#include "errand/notification/unsubscribe_link.h"

#include <boost/json/array.hpp>

#include "errand/json/parse.h"
#include "errand/json/writer.h"

namespace errand::notification {
namespace {

constexpr std::size_t kTokenBytesMax = 2'048;

}  // namespace

std::string UnsubscribeLinks::url(const Subscription& subscription) const {
  if (public_url_.empty()) return {};
  std::string text;
  json::Writer out(text);
  out.begin_array();
  out.string(subscription.tenant.view());
  out.string(subscription.user);
  out.string(subscription.category);
  out.string(contract::to_string(subscription.channel));
  out.end_array();
  return public_url_ + std::string(kPath) + sealer_.seal(text, kPath);
}

std::optional<Subscription> UnsubscribeLinks::read(std::string_view token) const {
  if (token.size() > kTokenBytesMax) return std::nullopt;
  const auto text = sealer_.open(token, kPath);
  if (!text) return std::nullopt;
  const auto value = json::parse(*text);
  const auto* parts = value ? value->if_array() : nullptr;
  if (parts == nullptr || parts->size() != 4) return std::nullopt;
  for (const auto& part : *parts) {
    if (!part.is_string()) return std::nullopt;
  }
  const auto part = [&](std::size_t i) { return std::string((*parts)[i].get_string()); };
  const auto channel = contract::parse_notify_channel(part(3));
  if (!channel) return std::nullopt;
  return Subscription{
      .tenant = TenantId(part(0)), .user = part(1), .category = part(2), .channel = *channel};
}

}  // namespace errand::notification
