#pragma once

#include <memory>

#include "errand/async/blocking_pool.h"
#include "errand/base/clock.h"
#include "errand/base/random.h"
#include "errand/base/result.h"
#include "errand/crypto/master_key.h"
#include "errand/notification/chat_channel.h"
#include "errand/notification/email_channel.h"
#include "errand/notification/notifications.h"
#include "errand/notification/push_subscriptions.h"
#include "errand/notification/web_push_channel.h"
#include "errand/outbound/http_client.h"
#include "errand/telemetry/log.h"
#include "errand/telemetry/metrics.h"

/// From the settings to channels. All read the files that the settings name, and return
/// kConfigInvalid naming the setting and what to write instead. What they are given outlives the
/// channel.
namespace errand::notification {

/// Null where there are no providers.
Result<std::shared_ptr<EmailChannel>> make_email_channel(const NotificationSettings::Email& email,
                                                         const Clock& clock, telemetry::Log log,
                                                         telemetry::Metrics& metrics,
                                                         EmailChannel::Observer observer = {});

/// What channels that speak HTTP work with.
struct HttpChannelMeans {
  outbound::HttpClient& client;
  async::BlockingPool& pool;
  const Clock& clock;
  Random& random;  ///< fit for keys, thread-safe
};

/// Null where there are no chats.
Result<std::shared_ptr<ChatChannel>> make_chat_channel(const std::vector<ChatHook>& chats,
                                                       const HttpChannelMeans& means);

/// Null where there is no contact.
Result<std::shared_ptr<WebPushChannel>> make_web_push_channel(
    const NotificationSettings::WebPush& web_push, const crypto::MasterKey& master_key,
    PushSubscriptions& subscriptions, const HttpChannelMeans& means, telemetry::Log log);

}  // namespace errand::notification
