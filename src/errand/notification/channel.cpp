#include "errand/notification/channel.h"

#include <array>
#include <utility>

#include "errand/base/assert.h"

namespace errand::notification {
namespace {

constexpr std::array<std::pair<ChannelKind, std::string_view>, 4> kNames{{
    {ChannelKind::kMail, "MAIL"},
    {ChannelKind::kWebPush, "WEB_PUSH"},
    {ChannelKind::kInbox, "INBOX"},
    {ChannelKind::kSlack, "SLACK"},
}};

}  // namespace

std::string_view to_string(ChannelKind kind) noexcept {
  for (const auto& [each, name] : kNames) {
    if (each == kind) return name;
  }
  ERRAND_ASSERT(false);
  return {};
}

std::optional<ChannelKind> parse_channel_kind(std::string_view text) noexcept {
  for (const auto& [kind, name] : kNames) {
    if (name == text) return kind;
  }
  return std::nullopt;
}

}  // namespace errand::notification
