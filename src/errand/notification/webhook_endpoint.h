#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/job/event.h"
#include "errand/job/state.h"

namespace errand::notification {

/// Whether the deliveries of one job's events come in the order of the events.
enum class WebhookOrdering : std::uint8_t {
  kNone,    ///< as they can: a delivery that is tried again lets later ones pass
  kPerJob,  ///< each waits for the one before, until that was delivered or given up
};

/// What a member of an event's data must be.
struct WebhookDataCondition {
  std::string path;             ///< JSON pointer (RFC 6901) into `data`: "/error/code"
  std::vector<std::string> in;  ///< it is one of these; JSON texts of scalars

  friend bool operator==(const WebhookDataCondition&, const WebhookDataCondition&) = default;
};

/// Conditions of an endpoint, values of a condition, and characters of a path, at most.
inline constexpr std::size_t kDataConditionsMax = 8;
inline constexpr std::size_t kDataValuesMax = 32;
inline constexpr std::size_t kDataPathMax = 256;

/// Largest WebhookEndpoint::concurrency.
inline constexpr std::uint32_t kWebhookConcurrencyMax = 1'000;

/// Where events are posted to, and which. A plain value.
struct WebhookEndpoint {
  std::string name;                 ///< names it for good: 1 to 64 of a-z, 0-9, "-", "_"
  std::string description = {};     ///< for people
  std::string url;                  ///< absolute, https or http
  std::vector<std::string> types;   ///< of events; "dev.errand.job.*" are all of its kind
  std::set<TenantId> tenants;       ///< empty: all
  std::set<JobTypeName> job_types;  ///< empty: all
  std::set<std::string> tags;       ///< a job has one of them; empty: all
  /// All hold of an event's data as a thin payload has it.
  std::vector<WebhookDataCondition> data;
  bool full = false;  ///< the job's state and result come along
  std::string content_type = "application/json";
  std::string headers_file;  ///< further headers of its requests; empty: none
  WebhookOrdering ordering = WebhookOrdering::kNone;
  std::uint32_t concurrency = 20;  ///< requests at once, 1..1,000
  std::uint32_t rate = 100;        ///< requests that begin in a second, 1..100,000
  Milliseconds timeout{20'000};    ///< of one request, 1 s..60 s

  /// Whether it gets events of that type: "dev.errand.job.started".
  [[nodiscard]] bool takes_type(std::string_view type) const;
  /// Whether it gets events of `job`.
  [[nodiscard]] bool takes_job(const job::JobState& job) const;
  /// Whether it gets `event` of `job`: the two above, and the conditions on its data.
  [[nodiscard]] bool takes(const job::Event& event, const job::JobState& job) const;

  /// The type and the queue of its deliveries, which are internal jobs: "errand.webhook.billing".
  [[nodiscard]] JobTypeName job_type() const;
  [[nodiscard]] QueueName queue() const;

  friend bool operator==(const WebhookEndpoint&, const WebhookEndpoint&) = default;
};

/// Whether `text` can be one of WebhookEndpoint::types: "*", a type, or the beginning of some with
/// ".*" at its end.
[[nodiscard]] bool is_type_pattern(std::string_view text);

/// Whether `text` can be a WebhookEndpoint::name.
[[nodiscard]] bool is_endpoint_name(std::string_view text);

/// What names of endpoints that are made while the server runs begin with; those of the settings do
/// not.
inline constexpr std::string_view kManagedPrefix = "we_";

/// The name that deliveries to callbacks of jobs go by, which is no endpoint's.
inline constexpr std::string_view kCallbackName = "we_callback";

/// Whether `text` can be a WebhookDataCondition::path.
[[nodiscard]] bool is_data_path(std::string_view text);

/// What an endpoint's delivery is about: the input of its job.
struct WebhookDelivery {
  JobId job;
  Sequence sequence{};

  [[nodiscard]] std::string to_json() const;  ///< {"job": "...", "sequence": 3}

  friend bool operator==(const WebhookDelivery&, const WebhookDelivery&) = default;
};

/// @return nullopt for what to_json() did not write
std::optional<WebhookDelivery> parse_webhook_delivery(std::string_view json);

}  // namespace errand::notification
