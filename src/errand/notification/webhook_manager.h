#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "errand/async/blocking_pool.h"
#include "errand/base/clock.h"
#include "errand/base/random.h"
#include "errand/base/result.h"
#include "errand/crypto/master_key.h"
#include "errand/crypto/sealer.h"
#include "errand/notification/webhook_handler.h"
#include "errand/notification/webhook_input.h"
#include "errand/notification/webhook_reactor.h"
#include "errand/notification/webhook_record.h"
#include "errand/notification/webhook_registry.h"
#include "errand/notification/webhook_test_event.h"
#include "errand/outbound/http_client.h"
#include "errand/runtime/lane.h"
#include "errand/store/reader.h"
#include "errand/telemetry/log.h"
#include "errand/telemetry/metrics.h"
#include "errand/worker/gateway.h"

namespace errand::notification {

/// Makes, changes and watches the endpoints of webhooks: those of the settings, which are there as
/// long as the settings name them, and those that tenants make by the API, which are records.
///
/// What it does is durable before it is answered, and holds at once: the reactor, the handlers and
/// the engine's limits go by the registry that it keeps up to date. Thread-safe, but for load() and
/// start().
class WebhookManager final : public WebhookWatch {
 public:
  struct Options {
    std::vector<WebhookEndpoint> endpoints;  ///< of the settings
    int secret_generation = 1;               ///< of their secrets; the one before stays good
    std::string public_url;                  ///< of this server; may be empty
    std::vector<Milliseconds> retry_waits = webhook_waits_by_default();  ///< of deliveries
    std::size_t per_tenant_max = 20;  ///< endpoints that a tenant may make
    /// Hosts that jobs of a tenant may name in a callback: "hooks.example.com", or
    /// "*.example.com" for all names below. Of others none.
    std::map<std::string, std::vector<std::string>, std::less<>> callback_hosts;
  };
  /// All outlive it.
  struct Means {
    outbound::HttpClient& client;
    const outbound::AddressGuard& guard;
    const store::Reader& reader;
    async::BlockingPool& pool;
    const crypto::MasterKey& master_key;
    const Clock& clock;
    Random& random;
    telemetry::Metrics& metrics;
  };
  /// Told that an endpoint is disabled, once that is durable; and again after a start within a day.
  /// On the lane's thread, or within start(). Quick; never waits.
  using OnDisabled = std::function<void(const RegisteredWebhook& webhook)>;

  WebhookManager(Options options, const Means& means, telemetry::Log log);

  /// Once, before start().
  void on_disabled(OnDisabled told) { on_disabled_ = std::move(told); }

  /// Reads the records. Blocks. Once, before the lane is made.
  /// @return kStoreCorrupt, kConfigInvalid (another master key), or the store's error
  Result<void> load();

  /// For the reactor.
  [[nodiscard]] const WebhookRegistry& registry() const { return registry_; }

  /// The limits of all endpoints, for the engine's options. After load().
  [[nodiscard]] std::vector<engine::Limit> limits() const;

  /// Lets the handlers run. After the lane has started, once. All outlive stop().
  void start(runtime::Lane& lane, worker::Gateway& gateway, boost::asio::any_io_executor executor);
  /// From now on handlers neither come nor go. Before the gateway drains; idempotent.
  void stop();

  /// Who asks, and for which tenant.
  struct Caller {
    TenantId tenant;
    SubjectId subject;
  };
  /// An endpoint with a secret that was made just now, which is never shown again.
  struct WithSecret {
    RegisteredWebhookPtr webhook;
    std::string secret;
  };

  /// Whether jobs of the tenant may have their events posted there.
  /// @return kForbidden where the tenant may name no host, or not this one; kBadUserInput
  [[nodiscard]] Result<void> check_callback(const TenantId& tenant, std::string_view url,
                                            const std::vector<std::string>& types) const;

  /// An endpoint as its viewer may see it, its health as of now. null: there is none.
  [[nodiscard]] RegisteredWebhookPtr find(const TenantId& tenant, std::string_view name) const;
  /// All that the viewer may see, by name.
  [[nodiscard]] std::vector<RegisteredWebhookPtr> list(const TenantId& tenant) const;

  /// @return kBadUserInput, kResourceExhausted for too many, or why the endpoint could not be
  ///         verified
  boost::asio::awaitable<Result<WithSecret>> create(Caller caller, WebhookChange change);

  // Those below are kNotFound for one that the tenant does not see, and kForbidden for one of the
  // settings, but for enable().

  boost::asio::awaitable<Result<RegisteredWebhookPtr>> update(Caller caller, std::string name,
                                                              WebhookChange change);
  /// Deliveries that wait fail with WEBHOOK_DELETED.
  boost::asio::awaitable<Result<RegisteredWebhookPtr>> remove(Caller caller, std::string name);
  /// Deliveries wait, or go on. kConflict for an endpoint that is disabled.
  boost::asio::awaitable<Result<RegisteredWebhookPtr>> pause(Caller caller, std::string name,
                                                             bool paused);
  /// A new secret. The old ones sign too for `grace`, 0 to kGraceMax; kConflict where there are
  /// kOldKeysMax of them.
  boost::asio::awaitable<Result<WithSecret>> rotate(Caller caller, std::string name,
                                                    Milliseconds grace);
  /// An endpoint that is disabled gets its events again. Of the settings too, for an operator.
  boost::asio::awaitable<Result<RegisteredWebhookPtr>> enable(Caller caller, std::string name,
                                                              bool is_operator);

  /// Sends an event that is made up and says so, once, and waits for the answer.
  /// @param type  of the event
  /// @return kBadUserInput for a type that there is not
  boost::asio::awaitable<Result<WebhookTest>> test(Caller caller, std::string name,
                                                   std::string type);
  /// How deliveries are made.
  [[nodiscard]] WebhookDeliveryOptions deliveries() const;

  void on_outcome(const RegisteredWebhook& endpoint, const WebhookOutcome& outcome) override;

  static constexpr Milliseconds kGraceDefault = std::chrono::hours(24);
  static constexpr Milliseconds kGraceMax = std::chrono::hours(7 * 24);
  static constexpr std::size_t kOldKeysMax = 10;

 private:
  /// What a change makes of an endpoint, and whether of its state too.
  using Change = std::function<Result<bool>(StoredWebhook&)>;
  struct Live {
    std::shared_ptr<WebhookHandler> handler;
    std::optional<worker::Gateway::HostedId> hosted;
    std::uint32_t slots = 0;                   ///< of the one that is hosted
    std::optional<WebhookEndpoint> limits_of;  ///< whose limits the engine knows
  };
  /// One create() under way, which counts against its tenant's endpoints.
  class Creating {
   public:
    Creating(WebhookManager& manager, TenantId tenant)
        : manager_(manager), tenant_(std::move(tenant)) {}
    ~Creating();
    Creating(const Creating&) = delete;
    Creating& operator=(const Creating&) = delete;

   private:
    WebhookManager& manager_;
    const TenantId tenant_;
  };
  struct Watched {
    WebhookHealth health;
    std::optional<Timestamp> stored_at;  ///< when it was last written
    bool writing = false;
    bool stored_failing = false;  ///< what is stored speaks of failures since the last success
  };

  /// Of the generation of the settings and the one before it.
  [[nodiscard]] std::vector<WebhookKey> keys_of(
      const std::function<std::string(int generation)>& secret) const;
  [[nodiscard]] WebhookHandler::Means handler_means();
  [[nodiscard]] RegisteredWebhook of_settings(const WebhookEndpoint& endpoint) const;
  [[nodiscard]] RegisteredWebhookPtr with_health(const RegisteredWebhookPtr& webhook) const;
  [[nodiscard]] Result<void> load_state(RegisteredWebhook& webhook) const;
  [[nodiscard]] Result<void> load_left_behind();
  [[nodiscard]] Timestamp now() const { return means_.clock.now().wall; }
  [[nodiscard]] WebhookKeyText make_key(bool signing) const;
  static void add_key(StoredWebhook& stored, WebhookKeyText text, Timestamp now);

  boost::asio::awaitable<Result<RegisteredWebhookPtr>> change(Caller caller, std::string name,
                                                              std::string_view what, Change make);
  boost::asio::awaitable<Result<void>> declare_limits(WebhookEndpoint endpoint);
  /// Writes the endpoint, and with `state` its state.
  boost::asio::awaitable<Result<void>> write(RegisteredWebhook& webhook, std::string text,
                                             bool state);
  boost::asio::awaitable<Result<void>> verify(const RegisteredWebhook& webhook,
                                              WebhookVerification verification);
  /// From here on it is so. `state`: what is known of its state is what is stored.
  void take(RegisteredWebhook webhook, bool state);
  void forget_old();
  /// Makes room for one more endpoint of a tenant, for as long as what is returned lives.
  /// @return kResourceExhausted where there are too many
  Result<std::unique_ptr<Creating>> make_room(const TenantId& tenant);
  void reconcile(const std::string& name);
  void store_state(RegisteredWebhook next, HealthChange change, std::string why);
  void tell(const RegisteredWebhook& webhook, HealthChange change, std::string_view why);

  const Options options_;
  const Means means_;
  const telemetry::Log log_;
  const crypto::Sealer sealer_;
  OnDisabled on_disabled_;  ///< may be empty
  WebhookRegistry registry_;

  mutable std::mutex health_mutex_;
  std::map<std::string, Watched> watched_;  ///< guarded by health_mutex_

  std::mutex creating_mutex_;
  std::map<TenantId, std::size_t> creating_;  ///< those under way; guarded by creating_mutex_

  std::mutex live_mutex_;
  std::map<std::string, Live> live_;  ///< guarded by live_mutex_, as the rest
  runtime::Lane* lane_ = nullptr;
  worker::Gateway* gateway_ = nullptr;
  boost::asio::any_io_executor executor_;
  bool running_ = false;
};

}  // namespace errand::notification
