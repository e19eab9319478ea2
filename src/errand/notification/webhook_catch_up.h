#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "errand/async/blocking_pool.h"
#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/base/random.h"
#include "errand/crypto/digest.h"
#include "errand/engine/limit.h"
#include "errand/engine/request.h"
#include "errand/notification/webhook_reactor.h"
#include "errand/notification/webhook_registry.h"
#include "errand/runtime/lane_client.h"
#include "errand/store/reader.h"
#include "errand/telemetry/log.h"
#include "errand/telemetry/metrics.h"
#include "errand/worker/attempt.h"

namespace errand::notification {

// Deliveries that are made later than in the commit of their event are made by a job that follows
// the log: a catch-up of an endpoint whose queue was full, or a recovery that someone asked for.

/// The type of catch-ups: one for each endpoint and tenant runs, and one waits at most.
inline constexpr std::string_view kCatchUpType = "errand.webhook_catch_up";
/// The type of recoveries, which run one after the other.
inline constexpr std::string_view kRecoveryType = "errand.webhook_recovery";

/// The tag of deliveries that a recovery or a person made.
inline constexpr std::string_view kRecoveryTag = "RECOVERY";
inline constexpr std::string_view kManualTag = "MANUAL";

/// Which part of the log is to be followed, for which endpoint: the input of the job.
struct WebhookCatchUp {
  std::string endpoint;                       ///< its name
  LogPosition after{};                        ///< exclusive
  std::optional<LogPosition> until = {};      ///< inclusive; nullopt: to the end as it stands
  std::optional<Timestamp> since_time = {};   ///< of events; inclusive
  std::optional<Timestamp> before_time = {};  ///< of events; exclusive

  [[nodiscard]] std::string to_json() const;

  friend bool operator==(const WebhookCatchUp&, const WebhookCatchUp&) = default;
};

/// @return nullopt for what to_json() did not write
std::optional<WebhookCatchUp> parse_webhook_catch_up(std::string_view json);

/// The job that follows the log so, its id left to the caller.
/// @param type         kCatchUpType or kRecoveryType
/// @param payload_key  under crypto::kPayloadDigestLabel
engine::EnqueueJob make_webhook_catch_up(std::string_view type, const TenantId& tenant,
                                         const WebhookCatchUp& what,
                                         const crypto::HmacKey& payload_key);

/// Of an endpoint and a tenant one such job runs at a time, in order, between its attempts too.
std::vector<engine::Limit> webhook_catch_up_limits();

/// The name of the endpoint whose deliveries are of that type.
std::string endpoint_of(const JobTypeName& type);

/// The endpoint that `event` of `job` is to be delivered to, as it is now; nullopt: it is not.
/// @param webhook  null for callbacks of jobs
std::optional<WebhookEndpoint> taker_of(const RegisteredWebhook* webhook, const job::Event& event,
                                        const job::JobState& job);

/// Has a delivery that a person or a recovery makes wait for no place in its job's order, and hold
/// up none: what came after its event was delivered long ago.
void take_out_of_order(engine::EnqueueJob& delivery);

/// One step through the log.
struct WebhookStep {
  LogPosition position{};  ///< of the event, or of the last one that was passed over
  std::optional<engine::EnqueueJob> delivery;  ///< its id and its causes left out
};
/// The next steps of `what` after `after`, up to `until` at most. Blocks.
/// @param recovers  deliveries that were given up are made anew
/// @return kNotFound once the endpoint is deleted
Result<std::vector<WebhookStep>> read_webhook_steps(const WebhookRegistry& endpoints,
                                                    const store::Reader& reader,
                                                    const WebhookDeliveryOptions& options,
                                                    const WebhookCatchUp& what,
                                                    const TenantId& tenant, LogPosition after,
                                                    LogPosition until, bool recovers);

/// The position before the first event of the log at `time` or later. Blocks; some 40 reads.
Result<LogPosition> position_before(const store::Reader& reader, Timestamp time);

/// What a recovery would make.
struct WebhookRecoveryCount {
  std::uint64_t missing = 0;
  bool has_more = false;  ///< the log goes on after what was looked at
};
/// Looks at kRecoveryLooks events at most. Blocks.
Result<WebhookRecoveryCount> count_webhook_recovery(const WebhookRegistry& endpoints,
                                                    const store::Reader& reader,
                                                    const WebhookDeliveryOptions& options,
                                                    const WebhookCatchUp& what,
                                                    const TenantId& tenant);
inline constexpr std::size_t kRecoveryLooks = 10'000;

/// Follows the log and makes the deliveries that are not there, as their queue has room. A place in
/// the log is kept in a record, so that each attempt goes on where the one before was; what it
/// makes twice all the same, the engine knows by its unique key. Thread-safe.
class WebhookCatchUpHandler final : public worker::Handler {
 public:
  /// All outlive the handler.
  struct Means {
    const WebhookRegistry& endpoints;
    const store::Reader& reader;
    async::BlockingPool& pool;
    runtime::LaneClient lane;
    WebhookDeliveryOptions deliveries;
    const Clock& clock;
    Random& random;  ///< thread-safe
    telemetry::Metrics& metrics;
  };

  WebhookCatchUpHandler(Means means, telemetry::Log log)
      : means_(std::move(means)), log_(std::move(log)) {}

  boost::asio::awaitable<worker::Outcome> run(worker::AttemptPtr attempt) override;

 private:
  struct Place {
    LogPosition position{};
    std::uint64_t made = 0;
    /// Where it ends, as the log stood when `run` began; nullopt: not known.
    std::optional<LogPosition> until = {};
    std::uint64_t run = 0;                  ///< of the job
    std::optional<Timestamp> kept_at = {};  ///< when it was last kept
    bool fresh = true;                      ///< nothing was kept yet
  };

  [[nodiscard]] Result<Place> load(const store::RecordId& id, LogPosition begin) const;
  void tell(const worker::JobOffer& offer, const WebhookCatchUp& what, std::string_view change,
            const Place& place) const;
  boost::asio::awaitable<Result<void>> keep(const store::RecordId& id, Place& place) const;
  /// Puts the job off. Keeps its place anew where that is old, so that it does not expire.
  boost::asio::awaitable<worker::Outcome> put_off(const store::RecordId& id, Place& place,
                                                  Milliseconds delay, std::string reason) const;
  boost::asio::awaitable<worker::Outcome> follow(worker::AttemptPtr attempt, WebhookCatchUp what,
                                                 Place place, store::RecordId record);
  /// Makes the deliveries of `steps`, and moves `place` on over what is made.
  /// @return the error of the first one that was not
  boost::asio::awaitable<Result<void>> make(std::vector<WebhookStep> steps, bool ordered,
                                            Place& place);

  const Means means_;
  const telemetry::Log log_;
};

}  // namespace errand::notification
