#pragma once

#include <memory>
#include <vector>

#include "errand/crypto/digest.h"
#include "errand/engine/limit.h"
#include "errand/engine/reactor.h"
#include "errand/notification/webhook_endpoint.h"
#include "errand/telemetry/log.h"
#include "errand/telemetry/metrics.h"

namespace errand::notification {

/// Makes a delivery of each event that an endpoint takes: an internal job, committed with the
/// event. Its retries are the schedule that Standard Webhooks proposes: ten attempts over three
/// days.
class WebhookReactor final : public engine::Reactor {
 public:
  /// @param payload_key  under crypto::kPayloadDigestLabel
  /// @param metrics      outlives it
  WebhookReactor(std::vector<WebhookEndpoint> endpoints, crypto::HmacKey payload_key,
                 telemetry::Log log, telemetry::Metrics& metrics);

  void react(const engine::JobChange& change, std::vector<engine::EnqueueJob>& reactions) override;
  void on_refused(std::vector<engine::RefusedReaction> refused) override;

 private:
  const std::vector<WebhookEndpoint> endpoints_;
  const crypto::HmacKey payload_key_;
  const telemetry::Log log_;
  telemetry::Metrics& metrics_;
};

/// The limits that deliveries keep to: the rate of an endpoint, and the order of a job's events.
std::vector<engine::Limit> webhook_limits(const std::vector<WebhookEndpoint>& endpoints);

}  // namespace errand::notification
