#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "errand/api/cursor.h"
#include "errand/async/blocking_pool.h"
#include "errand/auth/policy.h"
#include "errand/base/clock.h"
#include "errand/base/random.h"
#include "errand/contract/contract.h"
#include "errand/crypto/digest.h"
#include "errand/crypto/master_key.h"
#include "errand/crypto/sealer.h"
#include "errand/graphql/execution/field_value.h"
#include "errand/graphql/type/schema.h"
#include "errand/job/state.h"
#include "errand/runtime/event_bus.h"
#include "errand/runtime/lane_client.h"
#include "errand/store/reader.h"

namespace errand::notification {
class Notifications;
class WebhookManager;
}  // namespace errand::notification

namespace errand::api {

struct EventView;

/// Bounds of what the API holds for its clients.
struct ApiOptions {
  Milliseconds wait_for_max{60'000};        ///< longest `waitFor`; a longer one is cut to this
  Milliseconds deferred_wait_max{900'000};  ///< longest wait of a deferred result for the job's end
  std::size_t waiting_max = 1'000;          ///< held by `waitFor` and deferred results at once
  std::size_t input_bytes_max = 1 << 20;    ///< of a job's arguments as JSON text
  std::size_t result_bytes_max = 16 << 20;  ///< of a stored result that is read back
  std::size_t history_events_max = 100'000;       ///< of one job that `Job.at` folds
  std::size_t entities_max = 1'000;               ///< representations in one `_entities`
  Milliseconds idempotency_lifetime{86'400'000};  ///< least life of a key; >= 24 h
  std::string lineage;                            ///< of the store: cursors hold within it
  /// How often a wait looks at a clock that may be put forward by hand; > 0.
  Milliseconds clock_glance = Milliseconds::max();
};

/// All that the resolvers of one server stand on. Made once; immutable but for the count of held
/// requests, once it is shared; thread-safe. What it refers to outlives it.
struct Backend {
  Backend(runtime::LaneClient lane_client, const store::Reader& store_reader,
          async::BlockingPool& pool, runtime::EventBus& event_bus,
          std::shared_ptr<const contract::Contract> served_contract,
          const crypto::MasterKey& master_key, const Clock& wall_clock, Random& random_source,
          ApiOptions api_options);

  [[nodiscard]] const graphql::type::Schema& schema() const { return *contract->served_schema(); }

  /// One of our own object types, by its name without the prefix. It must be in the schema.
  [[nodiscard]] const graphql::type::ObjectType* object_type(std::string_view name) const;
  /// The object types of jobs, by name.
  [[nodiscard]] std::vector<std::string_view> typed_job_names() const;

  /// A job as its typed object; null for a type that the schema does not have.
  [[nodiscard]] graphql::execution::FieldValue job_value(job::StatePtr state) const;
  /// An event as the object type of its kind.
  [[nodiscard]] graphql::execution::FieldValue event_value(
      std::shared_ptr<const EventView> event) const;

  runtime::LaneClient lane;
  const store::Reader* reader;
  async::BlockingPool& reads;
  runtime::EventBus& bus;
  std::shared_ptr<const contract::Contract> contract;
  const Clock* clock;
  Random* random;  ///< thread-safe
  auth::Policy policy;
  CursorCodec cursors;
  crypto::HmacKey payload_key;
  crypto::HmacKey fingerprint_key;
  crypto::HmacKey input_key;         ///< of JobSpec::limit_key and unique_key
  crypto::Sealer credential_sealer;  ///< of auth::JobCredentials
  ApiOptions options;
  /// Texts of the contracts by job type, stored with the first job of each.
  std::unordered_map<std::string_view, std::shared_ptr<const std::string>> contract_texts;
  notification::WebhookManager* webhooks = nullptr;      ///< null: there are none
  notification::Notifications* notifications = nullptr;  ///< null: there are none
  mutable std::atomic<std::size_t> held_requests = 0;

 private:
  std::unordered_map<std::string, const graphql::type::ObjectType*> own_types_;
  /// In the order of job::EventData's alternatives.
  std::array<const graphql::type::ObjectType*, job::kEventNameCount> event_types_{};
};

using BackendPtr = std::shared_ptr<const Backend>;

}  // namespace errand::api
