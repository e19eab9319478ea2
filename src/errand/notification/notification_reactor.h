#pragma once

#include <vector>

#include "errand/crypto/digest.h"
#include "errand/engine/reactor.h"
#include "errand/notification/notice.h"
#include "errand/notification/notification_policy.h"
#include "errand/telemetry/log.h"
#include "errand/telemetry/metrics.h"

namespace errand::notification {

/// Makes a notice of each milestone that a policy names: an internal job, committed with the event
/// that reached it, and one in a run whatever is retried.
class NotificationReactor final : public engine::Reactor {
 public:
  /// @param payload_key  under crypto::kPayloadDigestLabel
  /// @param policies     outlive it, as metrics do
  NotificationReactor(const NotificationPolicies& policies, crypto::HmacKey payload_key,
                      telemetry::Log log, telemetry::Metrics& metrics);

  void react(const engine::JobChange& change, std::vector<engine::EnqueueJob>& reactions) override;
  void on_refused(std::vector<engine::RefusedReaction> refused) override;

 private:
  const NotificationPolicies& policies_;
  const crypto::HmacKey payload_key_;
  const telemetry::Log log_;
  telemetry::Metrics& metrics_;
};

/// Internal jobs of notifications, with what they all have: retries, timeout, retention, digest.
/// `input` is moved into it.
engine::EnqueueJob notification_job(std::string_view type, const TenantId& tenant,
                                    std::string input, std::string_view key,
                                    const crypto::HmacKey& payload_key);

}  // namespace errand::notification
