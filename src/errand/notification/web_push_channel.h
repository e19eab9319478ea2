#pragma once

#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "errand/base/clock.h"
#include "errand/base/random.h"
#include "errand/base/result.h"
#include "errand/notification/channel.h"
#include "errand/notification/push_subscriptions.h"
#include "errand/notification/vapid.h"
#include "errand/outbound/http_client.h"
#include "errand/telemetry/log.h"

namespace errand::notification {

/// What a service worker gets of `message`: {"id", "title", "body", "url", "category", "data"} as
/// JSON, within crypto::kWebPushPlaintextMax bytes. What does not fit loses `data` first, then the
/// end of its body, then of its title.
std::string web_push_payload(const Message& message);

/// Tells a person's browsers by Web Push (RFC 8030): encrypted for each subscription (RFC 8291),
/// under the server's own key (RFC 8292).
///
/// A message is sent once one browser's push service has taken it; another attempt is made only
/// where none did, so that no browser shows it twice. Its Topic is the message's, so that one that
/// was taken without our knowing is replaced as long as it is undelivered. Subscriptions that a
/// push service no longer knows (404, 410) are dropped. Thread-safe.
class WebPushChannel final : public Channel {
 public:
  struct Options {
    std::string contact;  ///< see Vapid::is_contact()
    /// How long a push service keeps a message for a browser that is not there; 0 .. 28 days.
    Milliseconds keep = std::chrono::hours(24);
  };
  /// All outlive the channel.
  struct Means {
    outbound::HttpClient& client;
    PushSubscriptions& subscriptions;
    const Clock& clock;
    Random& random;  ///< fit for keys, thread-safe
  };

  /// @return kInvalidArgument naming a bad option
  static Result<std::shared_ptr<WebPushChannel>> create(const Options& options, crypto::P256Key key,
                                                        const Means& means, telemetry::Log log);

  boost::asio::awaitable<SendOutcome> send(const Message& message, Milliseconds timeout,
                                           std::stop_token stop) override;

 private:
  WebPushChannel(const Options& options, crypto::P256Key key, const Means& means,
                 telemetry::Log log);

  /// Posts `payload` to one subscription. A failure with code kNoRecipient: it is no more.
  boost::asio::awaitable<SendOutcome> post(const PushSubscription& to, const Message& message,
                                           const std::string& payload, Milliseconds timeout,
                                           std::stop_token stop);
  [[nodiscard]] SendOutcome read(const outbound::HttpResponse& response,
                                 const std::string& host) const;

  const Options options_;
  const Means means_;
  const telemetry::Log log_;
  Vapid vapid_;
};

}  // namespace errand::notification
