#pragma once

#include <optional>
#include <vector>

#include "errand/crypto/digest.h"
#include "errand/engine/reactor.h"
#include "errand/notification/webhook_registry.h"
#include "errand/notification/webhook_waits.h"
#include "errand/telemetry/log.h"
#include "errand/telemetry/metrics.h"

namespace errand::notification {

/// What all deliveries share.
struct WebhookDeliveryOptions {
  crypto::HmacKey payload_key;  ///< under crypto::kPayloadDigestLabel
  std::vector<Milliseconds> retry_waits = webhook_waits_by_default();
};

/// Makes a delivery of each event that an endpoint takes: an internal job, committed with the
/// event. Where too many wait already, a job is made that catches up with the log
/// (webhook_catch_up.h).
class WebhookReactor final : public engine::Reactor {
 public:
  /// @param endpoints  outlives it, as `metrics` does
  WebhookReactor(const WebhookRegistry& endpoints, WebhookDeliveryOptions options,
                 telemetry::Log log, telemetry::Metrics& metrics);

  void react(const engine::JobChange& change, std::vector<engine::EnqueueJob>& reactions) override;
  std::optional<engine::EnqueueJob> instead_of(const engine::EnqueueJob& reaction,
                                               LogPosition position) override;
  void on_refused(std::vector<engine::RefusedReaction> refused) override;

 private:
  const WebhookRegistry& endpoints_;
  const WebhookDeliveryOptions options_;
  const telemetry::Log log_;
  telemetry::Metrics& metrics_;
};

/// The delivery of `event` of `job` to an endpoint, its id left to the engine.
engine::EnqueueJob make_webhook_delivery(const WebhookEndpoint& endpoint, const job::Event& event,
                                         const job::JobState& job,
                                         const WebhookDeliveryOptions& options);

}  // namespace errand::notification
