#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "errand/crypto/master_key.h"
#include "errand/engine/limit.h"
#include "errand/notification/webhook_handler.h"

namespace errand::notification {

/// Delivers events of jobs that were submitted with a callback to the url that they name, signed by
/// the secret of their tenant. All else is as of WebhookHandler; each host fares for itself.
/// Thread-safe.
class CallbackHandler final : public WebhookHandler {
 public:
  /// As WebhookHandler::create(). `keys` gives what a tenant's callbacks are signed with.
  using Keys = std::function<std::vector<WebhookKey>(const TenantId& tenant)>;
  static Result<std::shared_ptr<CallbackHandler>> create(Options options, const Means& means,
                                                         Keys keys);

 protected:
  [[nodiscard]] Result<RegisteredWebhookPtr> find(const WebhookDelivery& delivery) const override;
  std::shared_ptr<Target> target_of(const WebhookEndpoint& endpoint) override;

 private:
  CallbackHandler(Options options, const Means& means, outbound::CircuitBreaker breaker, Keys keys)
      : WebhookHandler(std::move(options), means, std::move(breaker)), keys_(std::move(keys)) {}

  const Keys keys_;
  std::map<std::string, std::shared_ptr<Target>> targets_;  ///< by origin; guarded by mutex_
};

/// What a job's callback is like an endpoint of: its deliveries are of the type and in the queue
/// "errand.webhook_callback".
WebhookEndpoint callback_endpoint();
/// The same, with the types of events that the job of `spec` wants there.
WebhookEndpoint callback_of(const job::JobSpec& spec);

/// The limits of callbacks: of each tenant, so that one holds up no other.
std::vector<engine::Limit> callback_limits();

/// Types of the events that a callback without any gets: a job's ends.
const std::vector<std::string>& callback_types_by_default();

/// The secret that callbacks of a tenant's jobs are signed with: "whsec_...". It follows from the
/// master key.
std::string callback_secret(const crypto::MasterKey& master_key, const TenantId& tenant,
                            int generation);

}  // namespace errand::notification
