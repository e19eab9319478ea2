#pragma once

#include <vector>

#include "errand/crypto/digest.h"
#include "errand/engine/reactor.h"
#include "errand/notification/webhook_registry.h"
#include "errand/telemetry/log.h"
#include "errand/telemetry/metrics.h"

namespace errand::notification {

/// Makes a delivery of each event that an endpoint takes: an internal job, committed with the
/// event. Its retries are the schedule that Standard Webhooks proposes: ten attempts over three
/// days.
class WebhookReactor final : public engine::Reactor {
 public:
  /// @param endpoints    outlives it, as `metrics` does
  /// @param payload_key  under crypto::kPayloadDigestLabel
  WebhookReactor(const WebhookRegistry& endpoints, crypto::HmacKey payload_key, telemetry::Log log,
                 telemetry::Metrics& metrics);

  void react(const engine::JobChange& change, std::vector<engine::EnqueueJob>& reactions) override;
  void on_refused(std::vector<engine::RefusedReaction> refused) override;

 private:
  const WebhookRegistry& endpoints_;
  const crypto::HmacKey payload_key_;
  const telemetry::Log log_;
  telemetry::Metrics& metrics_;
};

/// The delivery of `event` of `job` to an endpoint, its id left to the engine.
/// @param payload_key  under crypto::kPayloadDigestLabel
engine::EnqueueJob make_webhook_delivery(const WebhookEndpoint& endpoint, const job::Event& event,
                                         const job::JobState& job,
                                         const crypto::HmacKey& payload_key);

}  // namespace errand::notification
