#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "errand/crypto/digest.h"
#include "errand/engine/request.h"
#include "errand/notification/channel.h"
#include "errand/notification/message_handler.h"
#include "errand/notification/notification_policy.h"
#include "errand/notification/webhook_registry.h"
#include "errand/worker/attempt.h"

namespace errand::notification {

/// Type and queue of the jobs that tell operators of what is no job's, such as an endpoint that was
/// disabled.
inline constexpr std::string_view kOperatorNoticeType = "errand.notify.operators";

/// What one operator is told over one channel: the input of a kOperatorNoticeType job.
struct OperatorNotice {
  NotifyChannel channel = NotifyChannel::kEmail;
  Recipient recipient;
  std::string title;  ///< one line
  std::string text;

  [[nodiscard]] std::string to_json() const;

  friend bool operator==(const OperatorNotice&, const OperatorNotice&) = default;
};
/// @return nullopt for what to_json() did not write
std::optional<OperatorNotice> parse_operator_notice(std::string_view json, const TenantId& tenant);

/// A job for each address and each chat of `group`, their ids left to the caller. Those of one
/// `key` are made once, however often they are asked for within a week.
/// @param tenant       whose matter it is
/// @param payload_key  under crypto::kPayloadDigestLabel
std::vector<engine::EnqueueJob> operator_notices(const NotificationGroup& group,
                                                 const TenantId& tenant, const std::string& title,
                                                 const std::string& text, std::string_view key,
                                                 const crypto::HmacKey& payload_key);

/// The same about an endpoint that was disabled: of each time one.
std::vector<engine::EnqueueJob> disabled_webhook_notices(const RegisteredWebhook& webhook,
                                                         const NotificationGroup& group,
                                                         const crypto::HmacKey& payload_key);

/// Sends them, as they are: nobody opts out of them. Thread-safe.
class OperatorNoticeHandler final : public worker::Handler {
 public:
  /// Outlive it.
  explicit OperatorNoticeHandler(const Channels& channels) : channels_(channels) {}

  boost::asio::awaitable<worker::Outcome> run(worker::AttemptPtr attempt) override;

 private:
  const Channels& channels_;
};

}  // namespace errand::notification
