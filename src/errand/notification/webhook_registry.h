#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/engine/limit.h"
#include "errand/notification/webhook_endpoint.h"
#include "errand/notification/webhook_health.h"
#include "errand/outbound/standard_webhooks.h"

namespace errand::notification {

/// What an endpoint's requests are signed with: the newest first, then those that are good for a
/// while longer.
struct WebhookKey {
  outbound::WebhookSecret secret;
  std::optional<outbound::WebhookSigningKey> signing;  ///< "v1a" beside "v1"
  std::optional<Timestamp> created_at;                 ///< unknown of those of the settings
  std::optional<Timestamp> until;                      ///< signs no more after it; the newest: none
};

enum class WebhookStatus : std::uint8_t {
  kActive,
  kPaused,    ///< its deliveries wait
  kDisabled,  ///< its deliveries fail
  kDeleted,   ///< the same, and nobody sees it any more
};
std::string_view to_string(WebhookStatus status) noexcept;  ///< "ACTIVE", ...

enum class DisabledReason : std::uint8_t {
  kGone,     ///< it answered with status 410
  kFailing,  ///< it has done nothing but fail for five days
};
std::string_view to_string(DisabledReason reason) noexcept;  ///< "GONE", "FAILING"

/// What became of an endpoint by its own doing. Kept apart from what people have made it, as both
/// change at any time.
struct WebhookState {
  std::uint64_t revision = 0;  ///< of its record; 0: there is none
  std::optional<DisabledReason> disabled;
  std::optional<Timestamp> disabled_at;
  WebhookHealth health;
};

/// An endpoint with all that goes with it, as it is at one moment. Immutable once it is registered.
struct RegisteredWebhook {
  WebhookEndpoint endpoint;
  std::optional<TenantId> owner;  ///< who made it by the API; nullopt: it is of the settings
  std::uint64_t revision = 0;     ///< of its record; 0: there is none
  bool paused = false;
  WebhookState state;
  std::vector<WebhookKey> keys;                              ///< not empty
  std::vector<std::pair<std::string, std::string>> headers;  ///< further ones; secrets
  std::optional<Timestamp> created_at;
  SubjectId created_by;
  std::optional<Timestamp> changed_at;
  std::optional<Timestamp> gone_at;  ///< it is deleted: when it is forgotten altogether

  [[nodiscard]] WebhookStatus status() const;
  /// Of its owner; empty of one of the settings.
  [[nodiscard]] std::string_view owner_name() const {
    return owner ? owner->view() : std::string_view();
  }
  /// Whether a viewer of that tenant may see it (I13).
  [[nodiscard]] bool is_seen_by(const TenantId& tenant) const;
};
using RegisteredWebhookPtr = std::shared_ptr<const RegisteredWebhook>;

/// The endpoints that there are. Readers get an immutable value, so that the lane reads it at each
/// commit without waiting for anyone. Thread-safe.
class WebhookRegistry {
 public:
  struct Endpoints {
    std::map<std::string, RegisteredWebhookPtr, std::less<>> all;  ///< by name, deleted ones too
    std::vector<RegisteredWebhookPtr> of_settings;
    std::unordered_map<TenantId, std::vector<RegisteredWebhookPtr>> of_tenant;

    /// @return null where there is none
    [[nodiscard]] RegisteredWebhookPtr find(std::string_view name) const;
    /// Calls `each(const RegisteredWebhookPtr&)` for those that get events of the tenant's jobs:
    /// active, paused and disabled ones.
    template <class Each>
    void for_each_of(const TenantId& tenant, Each each) const {
      for (const auto& endpoint : of_settings) each(endpoint);
      const auto own = of_tenant.find(tenant);
      if (own == of_tenant.end()) return;
      for (const auto& endpoint : own->second) {
        if (!endpoint->gone_at) each(endpoint);
      }
    }
  };
  using EndpointsPtr = std::shared_ptr<const Endpoints>;

  WebhookRegistry();

  /// As they are now. Never null.
  [[nodiscard]] EndpointsPtr endpoints() const;
  [[nodiscard]] RegisteredWebhookPtr find(std::string_view name) const {
    return endpoints()->find(name);
  }

  /// Adds an endpoint or replaces the one of its name. Of what people have made it, and of its
  /// state, the later revision stays: of two who changed it, the one whose change was committed
  /// last counts.
  void put(RegisteredWebhook webhook);
  /// The same for its state alone, where it is there.
  void put_state(std::string_view name, WebhookState state);
  /// Forgets it altogether.
  void erase(std::string_view name);

 private:
  void rebuild(std::map<std::string, RegisteredWebhookPtr, std::less<>> all);

  mutable std::mutex mutex_;  ///< held for a copy of a pointer, or by the one who changes
  std::mutex change_mutex_;
  EndpointsPtr endpoints_;  ///< guarded by mutex_
};

/// The limits that an endpoint's deliveries keep to: requests that begin in a second and that run
/// at once, and the order of a job's events where a delivery says that it wants one.
std::vector<engine::Limit> webhook_limits(const WebhookEndpoint& endpoint);

}  // namespace errand::notification
