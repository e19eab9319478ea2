#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "errand/base/ids.h"
#include "errand/crypto/sealer.h"
#include "errand/notification/channel.h"

namespace errand::notification {

/// What an unsubscribe link is for: one category over one channel.
struct Subscription {
  TenantId tenant;
  std::string user;  ///< UserBook::user_of()
  std::string category;
  NotifyChannel channel = NotifyChannel::kEmail;

  friend bool operator==(const Subscription&, const Subscription&) = default;
};

/// Links by which whoever has them can unsubscribe, without a login (RFC 8058). Nothing is kept of
/// them: all that they say is sealed in their token, which nobody else can make or read. They do
/// not expire, as mails do not. Immutable, hence safe to share between threads.
class UnsubscribeLinks {
 public:
  static constexpr std::string_view kPath = "/notifications/unsubscribe/";

  /// @param public_url  of this server; empty: there are no links
  UnsubscribeLinks(std::string public_url, const crypto::Sealer& sealer)
      : public_url_(std::move(public_url)), sealer_(sealer) {
    while (public_url_.ends_with('/')) public_url_.pop_back();
  }

  /// Empty where this server has no public URL.
  [[nodiscard]] std::string url(const Subscription& subscription) const;
  /// @return nullopt for a token that is none of url()
  [[nodiscard]] std::optional<Subscription> read(std::string_view token) const;

 private:
  std::string public_url_;
  const crypto::Sealer sealer_;
};

/// Label of its sealer.
inline constexpr std::string_view kUnsubscribeLabel = "notification-unsubscribe.v1";

}  // namespace errand::notification
