#include "errand/notification/webhook_catch_up.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <unordered_map>
#include <utility>

#include <boost/json/object.hpp>

#include "errand/json/parse.h"
#include "errand/json/writer.h"
#include "errand/notification/callback_handler.h"
#include "errand/telemetry/metric_names.h"
#include "errand/worker/http_target.h"

namespace errand::notification {
namespace {

using worker::FailureKind;
using worker::make_failure;

constexpr std::string_view kDeliveryPrefix = "errand.webhook.";
constexpr std::string_view kPlaceCollection = "webhook_catch_up";
constexpr std::string_view kKeyOfOrder = "endpoint";
/// Events of the log that are read at once.
constexpr std::size_t kPage = 200;
/// How long a full queue is left to itself.
constexpr Milliseconds kUntilRoom{1'000};
/// One attempt; the next one goes on where it was.
constexpr Milliseconds kTimeout = std::chrono::minutes(10);
constexpr Milliseconds kRetention = std::chrono::hours(7 * 24);
/// Where it was, from the last time on that it came on.
constexpr Milliseconds kPlaceKept = std::chrono::hours(30 * 24);
/// How old what is kept grows while it does not come on.
constexpr Milliseconds kPlaceRenewed = std::chrono::hours(24);
/// How long an endpoint that is not in the settings is left to itself.
constexpr Milliseconds kUntilBack = std::chrono::minutes(1);
/// What has been left to it must not be lost: it fails only with the store, for as long as that
/// does.
constexpr int kAttemptsMax = 1'000'000;
/// Longer than any delivery is kept.
constexpr Milliseconds kForEver = std::chrono::hours(24 * 365 * 10);

constexpr std::uint16_t bit(job::JobStatus status) {
  return static_cast<std::uint16_t>(1U << static_cast<unsigned>(status));
}

std::optional<std::uint64_t> number(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_int64() || value->get_int64() < 0) return std::nullopt;
  return static_cast<std::uint64_t>(value->get_int64());
}

std::optional<Timestamp> time(const boost::json::object& object, std::string_view name) {
  const auto ms = number(object, name);
  if (!ms) return std::nullopt;
  return Timestamp(Milliseconds(static_cast<std::int64_t>(*ms)));
}

std::int64_t to_ms(Timestamp at) {
  return std::chrono::duration_cast<Milliseconds>(at.time_since_epoch()).count();
}

}  // namespace

std::string WebhookCatchUp::to_json() const {
  boost::json::object object{{"endpoint", endpoint},
                             {"after", static_cast<std::int64_t>(to_number(after))}};
  if (until) object["until"] = static_cast<std::int64_t>(to_number(*until));
  if (since_time) object["sinceMs"] = to_ms(*since_time);
  if (before_time) object["beforeMs"] = to_ms(*before_time);
  return json::to_text(object);
}

std::optional<WebhookCatchUp> parse_webhook_catch_up(std::string_view text) {
  const auto value = json::parse(text);
  const auto* object = value ? value->if_object() : nullptr;
  if (object == nullptr) return std::nullopt;
  const auto* endpoint = object->if_contains("endpoint");
  const auto after = number(*object, "after");
  if (endpoint == nullptr || !endpoint->is_string() || !after) return std::nullopt;
  WebhookCatchUp what{.endpoint = std::string(endpoint->get_string()),
                      .after = LogPosition{*after},
                      .since_time = time(*object, "sinceMs"),
                      .before_time = time(*object, "beforeMs")};
  if (const auto until = number(*object, "until")) what.until = LogPosition{*until};
  return what;
}

engine::EnqueueJob make_webhook_catch_up(std::string_view type, const TenantId& tenant,
                                         const WebhookCatchUp& what,
                                         const crypto::HmacKey& payload_key) {
  engine::EnqueueJob job;
  job.input = what.to_json();
  job::JobSpec& spec = job.spec;
  spec.tenant = tenant;
  spec.subject = SubjectId("errand:webhooks");
  spec.type = JobTypeName(std::string(type));
  spec.queue = QueueName(std::string(type) + "." + what.endpoint);
  spec.timeout = kTimeout;
  spec.retention = kRetention;
  spec.retry = {.max_attempts = kAttemptsMax, .max_interval = std::chrono::minutes(1)};
  spec.input = {.digest = payload_key.sign(job.input), .size_bytes = job.input.size()};
  spec.unique_key = what.endpoint;
  spec.limit_key = what.endpoint;
  spec.fifo = true;
  return job;
}

std::vector<engine::Limit> webhook_catch_up_limits() {
  std::vector<engine::Limit> limits;
  for (const std::string_view type : {kCatchUpType, kRecoveryType}) {
    limits.push_back({.kind = engine::LimitKind::kConcurrency,
                      .type = JobTypeName(std::string(type)),
                      .by_tenant = true,
                      .by_input = std::string(kKeyOfOrder),
                      .fifo = true,
                      .value = 1});
  }
  return limits;
}

std::string endpoint_of(const JobTypeName& type) {
  return std::string(type.view().substr(std::min(kDeliveryPrefix.size(), type.view().size())));
}

std::optional<WebhookEndpoint> taker_of(const RegisteredWebhook* webhook, const job::Event& event,
                                        const job::JobState& job) {
  if (webhook == nullptr) {
    if (job.spec.callback_url.empty()) return std::nullopt;
    WebhookEndpoint callback = callback_of(job.spec);
    if (!callback.takes_type(job::event_name(event.data))) return std::nullopt;
    return callback;
  }
  // Of one that a tenant made only its own events pass here (I13).
  if (webhook->owner && *webhook->owner != job.spec.tenant) return std::nullopt;
  if (!webhook->endpoint.takes(event, job)) return std::nullopt;
  return webhook->endpoint;
}

Result<WebhookCatchUpHandler::Place> WebhookCatchUpHandler::load(const store::RecordId& id,
                                                                 LogPosition begin) const {
  Place place{.position = begin};
  const auto record = means_.reader.record(id);
  if (!record) return std::unexpected(record.error());
  if (!*record) return place;
  place.fresh = false;
  const auto value = json::parse((*record)->text);
  const auto* object = value ? value->if_object() : nullptr;
  const auto position = object != nullptr ? number(*object, "position") : std::nullopt;
  // From the start again: what is there is not made twice.
  if (!position) return place;
  place.position = LogPosition{*position};
  place.made = number(*object, "made").value_or(0);
  // Records of servers before do not have these.
  if (const auto until = number(*object, "until")) place.until = LogPosition{*until};
  place.run = number(*object, "run").value_or(0);
  place.kept_at = time(*object, "keptMs");
  return place;
}

boost::asio::awaitable<Result<void>> WebhookCatchUpHandler::keep(const store::RecordId& id,
                                                                 Place& place) const {
  const Timestamp now = means_.clock.now().wall;
  boost::json::object object{{"position", static_cast<std::int64_t>(to_number(place.position))},
                             {"made", static_cast<std::int64_t>(place.made)},
                             {"run", static_cast<std::int64_t>(place.run)},
                             {"keptMs", to_ms(now)}};
  if (place.until) object["until"] = static_cast<std::int64_t>(to_number(*place.until));
  engine::WriteRecords write;
  write.changes.push_back({.id = id,
                           .text = json::to_text(object),
                           // Of a job that was killed nobody would take it away.
                           .expires_at = now + kPlaceKept});
  const auto written = co_await means_.lane.execute(std::move(write));
  if (!written) co_return std::unexpected(written.error());
  place.kept_at = now;
  co_return Result<void>();
}

boost::asio::awaitable<worker::Outcome> WebhookCatchUpHandler::put_off(const store::RecordId& id,
                                                                       Place& place,
                                                                       Milliseconds delay,
                                                                       std::string reason) const {
  if (!place.kept_at || means_.clock.now().wall - *place.kept_at >= kPlaceRenewed) {
    if (const auto kept = co_await keep(id, place); !kept) {
      co_return make_failure(FailureKind::kTransient, "CATCH_UP_NOT_READY", kept.error().message);
    }
  }
  co_return worker::Snooze{.delay = delay, .reason = std::move(reason)};
}

void take_out_of_order(engine::EnqueueJob& delivery) {
  delivery.spec.fifo = false;
  delivery.spec.limit_key.clear();
}

Result<std::vector<WebhookStep>> read_webhook_steps(const WebhookRegistry& endpoints,
                                                    const store::Reader& reader,
                                                    const WebhookDeliveryOptions& options,
                                                    const WebhookCatchUp& what,
                                                    const TenantId& tenant, LogPosition after,
                                                    LogPosition until, bool recovers) {
  RegisteredWebhookPtr webhook;
  if (what.endpoint != kCallbackName) {
    webhook = endpoints.find(what.endpoint);
    if (!webhook || webhook->gone_at) return fail(ErrorCode::kNotFound, "the endpoint is deleted");
  }
  const auto entries = reader.events_after(after, tenant, kPage);
  if (!entries) return std::unexpected(entries.error());
  bool reached = entries->size() < kPage;
  std::vector<WebhookStep> steps;
  std::unordered_map<JobId, job::StatePtr> jobs;
  for (const store::LogEntry& entry : *entries) {
    const job::Event& event = entry.event;
    if (event.position > until) {
      reached = true;
      break;
    }
    WebhookStep& step = steps.emplace_back();
    step.position = event.position;
    if (entry.kind != job::JobKind::kUser) continue;
    if (what.since_time && event.time < *what.since_time) continue;
    if (what.before_time && event.time >= *what.before_time) continue;
    auto [it, fresh] = jobs.try_emplace(event.job);
    if (fresh) {
      auto job = reader.job(event.job);
      if (!job) return std::unexpected(job.error());
      it->second = *std::move(job);
    }
    if (!it->second) continue;  // deleted in this moment: there is nothing to tell
    const auto endpoint = taker_of(webhook.get(), event, *it->second);
    if (!endpoint) continue;
    engine::EnqueueJob delivery = make_webhook_delivery(*endpoint, event, *it->second, options);
    delivery.correlation_id = it->second->correlation_id;
    delivery.traceparent = it->second->traceparent;
    if (recovers) {
      delivery.spec.tags.emplace_back(kRecoveryTag);
      take_out_of_order(delivery);
    }
    delivery.unique = engine::Uniqueness{
        .on_conflict = engine::Uniqueness::OnConflict::kReturnExisting,
        .after_end = engine::Uniqueness::AfterEnd::kReturnExisting,
        .period = kForEver,
        // To a recovery one that was given up is none.
        .ended = recovers ? bit(job::JobStatus::kSucceeded) : std::uint16_t{0xffff}};
    step.delivery = std::move(delivery);
  }
  if (reached) {
    // What is left up to `until` is of other tenants.
    steps.push_back({.position = until, .delivery = std::nullopt});
  }
  return steps;
}

Result<LogPosition> position_before(const store::Reader& reader, Timestamp time) {
  const auto last = reader.last_position();
  if (!last) return std::unexpected(last.error());
  std::uint64_t low = 0;
  std::uint64_t high = to_number(*last);
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    const auto next = reader.events_after(LogPosition{middle}, std::nullopt, 1);
    if (!next) return std::unexpected(next.error());
    if (next->empty() || next->front().event.time >= time) {
      high = middle;
    } else {
      low = std::max(middle + 1, to_number(next->front().event.position));
    }
  }
  return LogPosition{low};
}

Result<WebhookRecoveryCount> count_webhook_recovery(const WebhookRegistry& endpoints,
                                                    const store::Reader& reader,
                                                    const WebhookDeliveryOptions& options,
                                                    const WebhookCatchUp& what,
                                                    const TenantId& tenant) {
  WebhookRecoveryCount count;
  const auto last = reader.last_position();
  if (!last) return std::unexpected(last.error());
  const LogPosition until = what.until.value_or(*last);
  LogPosition place = what.after;
  for (std::size_t looked = 0; place < until;) {
    if (looked >= kRecoveryLooks) {
      count.has_more = true;
      break;
    }
    const auto steps =
        read_webhook_steps(endpoints, reader, options, what, tenant, place, until, true);
    if (!steps) return std::unexpected(steps.error());
    for (const WebhookStep& step : *steps) {
      if (!step.delivery) continue;
      const job::JobSpec& spec = step.delivery->spec;
      const auto known = reader.of_unique_key(tenant, spec.type, spec.unique_key);
      if (!known) return std::unexpected(known.error());
      const bool there = std::ranges::any_of(*known, [](const job::StatePtr& state) {
        return !state->terminal() || state->status == job::JobStatus::kSucceeded;
      });
      if (!there) ++count.missing;
    }
    looked += steps->size();
    place = std::max(place, steps->back().position);
  }
  return count;
}

boost::asio::awaitable<Result<void>> WebhookCatchUpHandler::make(std::vector<WebhookStep> steps,
                                                                 bool ordered, Place& place) {
  for (std::size_t begin = 0; begin < steps.size();) {
    // Where order counts, events of one job are not handed over together: with room that comes in
    // between, the first could be refused and the second be taken.
    std::set<std::string> keys;
    std::vector<engine::Request> requests;
    std::vector<std::size_t> of;
    std::size_t end = begin;
    for (; end < steps.size(); ++end) {
      auto& delivery = steps[end].delivery;
      if (!delivery) continue;
      if (ordered && !keys.insert(delivery->spec.limit_key).second) break;
      delivery->id = JobId{Uuid::v7(means_.clock.now().wall, means_.random)};
      requests.emplace_back(*std::move(delivery));
      of.push_back(end);
    }
    const auto replies = co_await means_.lane.execute_all(std::move(requests));
    for (std::size_t i = 0; i < replies.size(); ++i) {
      if (!replies[i]) {
        if (of[i] > 0) place.position = std::max(place.position, steps[of[i] - 1].position);
        co_return std::unexpected(replies[i].error());
      }
      const auto* reply = std::get_if<engine::JobReply>(&*replies[i]);
      if (reply != nullptr && !reply->replayed) ++place.made;
    }
    place.position = std::max(place.position, steps[end - 1].position);
    begin = end;
  }
  co_return Result<void>();
}

void WebhookCatchUpHandler::tell(const worker::JobOffer& offer, const WebhookCatchUp& what,
                                 std::string_view change, const Place& place) const {
  const std::string job = offer.job.str();
  const std::uint64_t position = to_number(place.position);
  const telemetry::Fields fields{{"endpoint", what.endpoint},
                                 {"job_id", job},
                                 {"position", position},
                                 {"deliveries", place.made}};
  if (offer.type.view() == kRecoveryType) {
    log_.info(change == "begun" ? "webhook recovery begins" : "webhook recovery has ended", fields);
    return;
  }
  means_.metrics.counter(telemetry::kWebhookCatchUps, {what.endpoint, change}).add();
  if (change == "begun") {
    log_.warn("webhook endpoint is behind: its events are taken from the log", fields);
  } else {
    log_.info("webhook endpoint has caught up", fields);
  }
}

boost::asio::awaitable<worker::Outcome> WebhookCatchUpHandler::run(worker::AttemptPtr attempt) {
  const auto what = parse_webhook_catch_up(attempt->offer().arguments_json);
  if (!what) {
    co_return make_failure(FailureKind::kPermanent, "CATCH_UP_INVALID",
                           "The job does not say what is to be caught up with.");
  }
  const store::RecordId record{.collection = std::string(kPlaceCollection),
                               .tenant = attempt->offer().tenant,
                               .key = attempt->offer().job.str()};
  const auto not_ready = [](const Error& error) {
    return make_failure(FailureKind::kTransient, "CATCH_UP_NOT_READY", error.message);
  };
  auto place =
      co_await means_.pool.run([this, record, after = what->after] { return load(record, after); });
  if (!place) co_return not_ready(place.error());
  const auto run = static_cast<std::uint64_t>(attempt->offer().run);
  if (place->fresh || !place->until || place->run != run) {
    place->run = run;
    place->until = what->until;
    if (!place->until) {
      // Read after this job was made and has started, once: what comes later is left to the next
      // one, which runs after it.
      const auto last = co_await means_.pool.run([this] { return means_.reader.last_position(); });
      if (!last) co_return not_ready(last.error());
      place->until = *last;
    }
    if (const auto kept = co_await keep(record, *place); !kept) co_return not_ready(kept.error());
  }
  if (place->fresh) tell(attempt->offer(), *what, "begun", *place);
  co_return co_await follow(std::move(attempt), *what, *place, record);
}

boost::asio::awaitable<worker::Outcome> WebhookCatchUpHandler::follow(worker::AttemptPtr attempt,
                                                                      WebhookCatchUp what,
                                                                      Place place,
                                                                      store::RecordId record) {
  const auto transient = [](const Error& error) {
    return make_failure(FailureKind::kTransient, "CATCH_UP_NOT_READY", error.message);
  };
  const LogPosition until = *place.until;
  const auto webhook = means_.endpoints.find(what.endpoint);
  if (!webhook && !what.endpoint.starts_with(kManagedPrefix) && place.position < until) {
    // As its deliveries do, what is left to this job waits for its return.
    co_return co_await put_off(record, place, kUntilBack, "The endpoint is not in the settings.");
  }
  // What recovers makes its deliveries out of order.
  const bool ordered = webhook && webhook->endpoint.ordering == WebhookOrdering::kPerJob &&
                       attempt->offer().type.view() != kRecoveryType;
  std::string end = "caught up";
  while (place.position < until) {
    if (attempt->stop_token().stop_requested()) co_return worker::Release{};
    auto steps = co_await means_.pool.run([this, &what, &attempt, after = place.position, until] {
      const worker::JobOffer& offer = attempt->offer();
      return read_webhook_steps(means_.endpoints, means_.reader, means_.deliveries, what,
                                offer.tenant, after, until, offer.type.view() == kRecoveryType);
    });
    if (!steps && steps.error().code == ErrorCode::kNotFound) {
      end = "endpoint is deleted";
      break;
    }
    if (!steps) co_return transient(steps.error());
    const Place before = place;
    const auto made = co_await make(*std::move(steps), ordered, place);
    if (place.position != before.position) {
      if (const auto kept = co_await keep(record, place); !kept) co_return transient(kept.error());
    }
    if (!made && made.error().code == ErrorCode::kQueueFull) {
      co_return co_await put_off(record, place, made.error().retry_after.value_or(kUntilRoom),
                                 "The queue of the endpoint's deliveries is full.");
    }
    if (!made) co_return transient(made.error());
  }
  engine::WriteRecords erase;
  erase.changes.push_back({.id = record, .text = std::nullopt});
  if (const auto erased = co_await means_.lane.execute(std::move(erase)); !erased) {
    co_return transient(erased.error());
  }
  tell(attempt->offer(), what, "ended", place);
  co_return worker::Complete{
      .result = {{"outcome", end}, {"deliveries", static_cast<std::int64_t>(place.made)}}};
}

}  // namespace errand::notification
