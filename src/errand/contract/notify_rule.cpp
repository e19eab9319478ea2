#include "errand/contract/notify_rule.h"

#include <algorithm>

namespace errand::contract {
namespace {

constexpr std::string_view kPrincipal = "principal";
constexpr std::string_view kGroupPrefix = "group:";
constexpr std::size_t kNameMax = 64;
constexpr std::size_t kSharesMax = 10;

}  // namespace

std::string_view to_string(Milestone milestone) noexcept {
  switch (milestone) {
    case Milestone::kEnqueued:
      return "ENQUEUED";
    case Milestone::kStarted:
      return "STARTED";
    case Milestone::kProgress:
      return "PROGRESS";
    case Milestone::kWaiting:
      return "WAITING";
    case Milestone::kOverdue:
      return "OVERDUE";
    case Milestone::kSucceeded:
      return "SUCCEEDED";
    case Milestone::kFailed:
      return "FAILED";
    case Milestone::kDeadLettered:
      return "DEAD_LETTERED";
    case Milestone::kCanceled:
      return "CANCELED";
    case Milestone::kExpired:
      return "EXPIRED";
  }
  return "ENQUEUED";
}

std::optional<Milestone> parse_milestone(std::string_view text) noexcept {
  for (const Milestone milestone : kMilestones) {
    if (to_string(milestone) == text) return milestone;
  }
  return std::nullopt;
}

std::string_view to_string(NotifyChannel channel) noexcept {
  switch (channel) {
    case NotifyChannel::kEmail:
      return "EMAIL";
    case NotifyChannel::kWebPush:
      return "WEB_PUSH";
    case NotifyChannel::kInApp:
      return "IN_APP";
    case NotifyChannel::kChat:
      return "CHAT";
  }
  return "EMAIL";
}

std::optional<NotifyChannel> parse_notify_channel(std::string_view text) noexcept {
  for (const NotifyChannel channel : kNotifyChannels) {
    if (to_string(channel) == text) return channel;
  }
  return std::nullopt;
}

std::string NotifyTarget::str() const {
  switch (kind) {
    case Kind::kPrincipal:
      return std::string(kPrincipal);
    case Kind::kArgument:
      return name;
    case Kind::kGroup:
      return std::string(kGroupPrefix) + name;
  }
  return name;
}

std::optional<NotifyTarget> parse_notify_target(std::string_view text) {
  using Kind = NotifyTarget::Kind;
  if (text == kPrincipal) return NotifyTarget{};
  if (text.starts_with(kGroupPrefix)) {
    text.remove_prefix(kGroupPrefix.size());
    if (!is_notify_name(text)) return std::nullopt;
    return NotifyTarget{.kind = Kind::kGroup, .name = std::string(text)};
  }
  const bool is_path = !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
  });
  if (!is_path) return std::nullopt;
  return NotifyTarget{.kind = Kind::kArgument, .name = std::string(text)};
}

bool is_notify_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

std::string check_shares(std::vector<double>& shares) {
  if (shares.empty() || shares.size() > kSharesMax) {
    return "PROGRESS needs 1 to 10 shares of the work; write progress: [0.5]";
  }
  // A negation, so that NaN is refused as well.
  for (const double share : shares) {
    if (!(share > 0 && share < 1)) {
      return "a share of the work lies between 0 and 1, which are STARTED and SUCCEEDED; write "
             "progress: [0.5]";
    }
  }
  std::ranges::sort(shares);
  shares.erase(std::unique(shares.begin(), shares.end()), shares.end());
  return {};
}

}  // namespace errand::contract
