#include "errand/api/webhook_delivery_resolvers.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "errand/api/connection.h"
#include "errand/api/field_values.h"
#include "errand/api/job_access.h"
#include "errand/api/typed_resolvers.h"
#include "errand/api/webhook_access.h"
#include "errand/base/time_text.h"
#include "errand/json/parse.h"
#include "errand/notification/webhook_catch_up.h"
#include "errand/notification/webhook_manager.h"

namespace errand::api {

namespace asio = boost::asio;
using graphql::execution::FieldError;
using graphql::execution::FieldResult;
using graphql::execution::FieldValue;
using graphql::execution::ObjectRef;
using graphql::execution::ResolveInfo;
using graphql::execution::ResolverMap;
using notification::WebhookManager;

namespace {

using DeliveryPage = Page<job::JobState>;

/// Events that are read at once.
constexpr std::size_t kEventsPage = 500;
/// The newest of a delivery.
constexpr std::size_t kAttemptsMax = 100;
/// Of a list with conditions that the store does not know.
constexpr std::size_t kLookedMax = 10'000;
constexpr std::size_t kReadAtOnce = 200;

/// One attempt: source of WebhookDeliveryAttempt.
struct Attempt {
  std::uint32_t number = 0;
  std::string_view trigger;
  Timestamp started_at;
  std::optional<Timestamp> ended_at;
  std::optional<std::int64_t> duration_ms;
  std::optional<std::int64_t> status;
  std::string answer;
  std::string error_class;
  std::string error;
};

std::unexpected<FieldError> failed(Error error) {
  return std::unexpected(api_error(std::move(error)));
}

/// The endpoint's own description; for callbacks of jobs that of all of them.
Result<notification::WebhookEndpoint> endpoint_for(const WebhookManager& manager,
                                                   const TenantId& tenant,
                                                   const std::string& name) {
  if (name == notification::kCallbackName) {
    return notification::WebhookEndpoint{.name = name};
  }
  const auto found = manager.find(tenant, name);
  if (!found) return fail(ErrorCode::kNotFound, "There is no such webhook endpoint.");
  return found->endpoint;
}

std::string_view trigger_of(const job::JobState& state) {
  for (const std::string& tag : state.spec.tags) {
    if (tag == notification::kManualTag) return notification::kManualTag;
    if (tag == notification::kRecoveryTag) return notification::kRecoveryTag;
  }
  return "SCHEDULED";
}

std::string_view status_of(const job::JobState& state) {
  using job::JobStatus;
  switch (state.status) {
    case JobStatus::kRunning:
    case JobStatus::kCanceling:
      return "DELIVERING";
    case JobStatus::kRetrying:
      return "RETRYING";
    case JobStatus::kSucceeded:
      return "SUCCEEDED";
    case JobStatus::kFailed:
      // A permanent failure ends it before its last attempt.
      return state.attempts_in_run >= static_cast<std::uint32_t>(state.spec.retry.max_attempts)
                 ? "EXHAUSTED"
                 : "FAILED";
    case JobStatus::kCanceled:
    case JobStatus::kExpired:
      return "CANCELED";
    default:
      return state.started_at ? "RETRYING" : "PENDING";
  }
}

/// "<job>-<sequence>", as deliveries are unique by.
struct EventName {
  JobId job;
  Sequence sequence{};
};
std::optional<EventName> event_of(const job::JobState& state) {
  const std::string& key = state.spec.unique_key;
  const auto dash = key.rfind('-');
  if (dash == std::string::npos) return std::nullopt;
  const auto job = JobId::parse(key.substr(0, dash));
  std::uint64_t sequence = 0;
  const char* end = key.data() + key.size();
  const auto read = std::from_chars(key.data() + dash + 1, end, sequence);
  if (!job || read.ec != std::errc() || read.ptr != end || sequence == 0) return std::nullopt;
  return EventName{.job = *job, .sequence = Sequence{sequence}};
}

std::string_view event_type_of(const job::JobState& state) {
  return state.spec.tags.empty() ? std::string_view() : std::string_view(state.spec.tags.front());
}

/// What the list asks for beside what the store filters by.
struct Wanted {
  std::set<std::string, std::less<>> statuses;
  std::set<std::string, std::less<>> types;

  [[nodiscard]] bool any() const { return statuses.empty() && types.empty(); }
  [[nodiscard]] bool takes(const job::JobState& state) const {
    // Of a server before deliveries could be listed.
    if (!event_of(state)) return false;
    return (statuses.empty() || statuses.contains(status_of(state))) &&
           (types.empty() || types.contains(event_type_of(state)));
  }
};

std::set<std::string, std::less<>> texts_of(const ResolveInfo& info, std::string_view name) {
  std::set<std::string, std::less<>> texts;
  const auto* list = info.argument(name);
  if (list == nullptr || list->is_null()) return texts;
  for (const auto& item : list->get_array()) texts.emplace(item.get_string());
  return texts;
}

Result<std::optional<Timestamp>> time_argument(const ResolveInfo& info, std::string_view name) {
  const auto text = text_argument(info, name);
  if (!text) return std::optional<Timestamp>();
  const auto time = parse_timestamp(*text);
  if (!time) {
    return fail(ErrorCode::kBadUserInput, std::string(name) + ": " + time.error().message);
  }
  return std::optional<Timestamp>(*time);
}

struct Found {
  std::vector<job::StatePtr> states;  ///< one more than was asked for, where there are
  /// The last one that was looked at, where there may be more behind it.
  std::optional<store::JobCursor> looked_until = {};
};

/// Deliveries that are wanted. Blocks.
Result<Found> find_deliveries(const store::Reader& reader, const store::JobFilter& filter,
                              const Wanted& wanted, store::JobPage page, std::size_t first) {
  Found found;
  page.limit = wanted.any() ? first + 1 : kReadAtOnce;
  for (std::size_t looked = 0; looked < kLookedMax;) {
    const auto states = reader.jobs(filter, page);
    if (!states) return std::unexpected(states.error());
    for (const job::StatePtr& state : *states) {
      if (!wanted.takes(*state)) continue;
      found.states.push_back(state);
      if (found.states.size() > first) return found;
    }
    if (states->size() < page.limit) return found;
    looked += states->size();
    page.after = store::JobCursor{states->back()->created_at, states->back()->id};
  }
  found.looked_until = page.after;
  return found;
}

asio::awaitable<FieldResult<FieldValue>> deliveries(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const TenantId& tenant = context.principal->tenant;
  const auto manager = webhooks_for(*backend, context, auth::Action::kReadWebhooks);
  if (!manager) co_return std::unexpected(manager.error());
  const auto endpoint = endpoint_for(**manager, tenant, *text_argument(info, "endpoint"));
  if (!endpoint) co_return failed(endpoint.error());
  const Result<std::size_t> first = read_first(info.argument("first"));
  if (!first) co_return failed(first.error());
  store::JobFilter filter{.tenant = tenant, .kind = job::JobKind::kInternal};
  filter.types = {endpoint->job_type()};
  const auto since = time_argument(info, "since");
  if (!since) co_return failed(since.error());
  filter.created_from = *since;
  const Wanted wanted{.statuses = texts_of(info, "status"), .types = texts_of(info, "types")};
  store::JobPage place;
  if (const auto after = text_argument(info, "after")) {
    const auto cursor = backend->cursors.read_job_cursor(tenant, *after);
    if (!cursor) co_return failed(cursor.error());
    place.after = *cursor;
  }
  auto found = co_await backend->reads.run(
      [reader = backend->reader, filter, wanted, place, first = *first] {
        return find_deliveries(*reader, filter, wanted, place, first);
      });
  if (!found) co_return failed(found.error());
  DeliveryPage page;
  page.has_previous = place.after.has_value();
  page.has_next = found->states.size() > *first;
  if (page.has_next) found->states.resize(*first);
  if (found->looked_until) {
    page.has_next = true;
    page.end_cursor = backend->cursors.job_cursor(tenant, *found->looked_until);
  }
  for (job::StatePtr& state : found->states) {
    std::string cursor = backend->cursors.job_cursor(tenant, {state->created_at, state->id});
    page.edges.push_back({std::move(cursor), std::move(state)});
  }
  co_return ObjectRef{backend->object_type("WebhookDeliveryConnection"),
                      std::make_shared<const DeliveryPage>(std::move(page))};
}

std::optional<std::int64_t> number_in(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return value->get_int64();
}

/// What a handler wrote of the answer, into `attempt`.
void read_answer(std::string_view text, Attempt& attempt) {
  const auto value = json::parse(text);
  const auto* object = value ? value->if_object() : nullptr;
  if (object == nullptr) return;
  attempt.status = number_in(*object, "status");
  attempt.duration_ms = number_in(*object, "durationMs");
  const auto* body = object->if_contains("body");
  if (body != nullptr && body->is_string()) attempt.answer = std::string(body->get_string());
}

/// Puts the attempts of a delivery together from its events, which come in their order.
class Attempts {
 public:
  Attempts(const store::Reader& reader, const job::JobState& state)
      : reader_(reader), state_(state) {}

  /// Blocks at the end of a delivery.
  Result<void> take(const job::Event& event) {
    if (const auto* started = std::get_if<job::Started>(&event.data)) {
      begin(*started, event.time);
      return {};
    }
    if (!open_) return {};
    Attempt& attempt = attempts_.back();
    if (const auto* error = std::get_if<job::AttemptFailed>(&event.data)) {
      attempt.error_class = error->error.code;
      attempt.error = error->error.message;
      if (!error->error.details.empty()) read_answer(error->error.details, attempt);
    } else if (std::holds_alternative<job::Succeeded>(event.data)) {
      const auto result = reader_.payload(state_.id, store::PayloadKind::kResult);
      if (!result) return std::unexpected(result.error());
      if (*result) read_answer((*result)->bytes, attempt);
    } else if (!std::holds_alternative<job::Canceled>(event.data) &&
               !std::holds_alternative<job::Killed>(event.data)) {
      return {};
    }
    attempt.ended_at = event.time;
    open_ = false;
    return {};
  }

  std::deque<Attempt> done() && { return std::move(attempts_); }

 private:
  void begin(const job::Started& started, Timestamp at) {
    // What was put off or given back is no attempt of its own.
    if (attempts_.empty() || attempts_.back().number != started.attempt) {
      attempts_.push_back(
          {.number = started.attempt,
           .trigger = std::exchange(any_, true) ? "SCHEDULED" : trigger_of(state_)});
      if (attempts_.size() > kAttemptsMax) attempts_.pop_front();
    }
    attempts_.back().started_at = at;
    open_ = true;
  }

  const store::Reader& reader_;
  const job::JobState& state_;
  std::deque<Attempt> attempts_;
  bool any_ = false;   ///< there was one
  bool open_ = false;  ///< the last one has not ended
};

/// The newest attempts of a delivery, from its events. Blocks.
Result<std::deque<Attempt>> attempts_of(const store::Reader& reader, const job::JobState& state) {
  Attempts attempts(reader, state);
  for (Sequence after{0};;) {
    const auto events = reader.events_of(state.id, after, kEventsPage);
    if (!events) return std::unexpected(events.error());
    for (const job::Event& event : *events) {
      if (auto taken = attempts.take(event); !taken) return std::unexpected(taken.error());
    }
    if (events->size() < kEventsPage) return std::move(attempts).done();
    after = events->back().sequence;
  }
}

/// Makes the delivery of a delivery's event anew. Blocks.
Result<engine::EnqueueJob> again(const Backend& backend, const WebhookManager& manager,
                                 const job::JobState& old) {
  const auto event_name = event_of(old);
  if (!event_name) return fail(ErrorCode::kNotFound, "There is no such webhook delivery.");
  const std::string name = notification::endpoint_of(old.spec.type);
  const auto endpoint = endpoint_for(manager, old.spec.tenant, name);
  if (!endpoint) return std::unexpected(endpoint.error());
  const auto before = Sequence{to_number(event_name->sequence) - 1};
  const auto events = backend.reader->events_of(event_name->job, before, 1);
  if (!events) return std::unexpected(events.error());
  const auto job = backend.reader->job(event_name->job);
  if (!job) return std::unexpected(job.error());
  if (events->empty() || *job == nullptr || (*job)->spec.tenant != old.spec.tenant) {
    return fail(ErrorCode::kNotFound, "The event was deleted with its job.");
  }
  engine::EnqueueJob delivery =
      notification::make_webhook_delivery(*endpoint, events->front(), **job, manager.deliveries());
  delivery.spec.tags.emplace_back(notification::kManualTag);
  notification::take_out_of_order(delivery);
  delivery.spec.retry_of = old.id;
  delivery.correlation_id = (*job)->correlation_id;
  delivery.traceparent = (*job)->traceparent;
  // One that is under way is not doubled.
  delivery.unique = engine::Uniqueness{.on_conflict = engine::Uniqueness::OnConflict::kReject};
  return delivery;
}

asio::awaitable<FieldResult<FieldValue>> redeliver(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const auto manager = webhooks_for(*backend, context, auth::Action::kManageWebhooks);
  if (!manager) co_return std::unexpected(manager.error());
  const auto id = JobId::parse(*text_argument(info, "deliveryId"));
  const Error unknown{ErrorCode::kNotFound, "There is no such webhook delivery."};
  if (!id) co_return failed(unknown);
  auto delivery = co_await backend->reads.run(
      [backend, &context, &unknown, manager = *manager, id = *id]() -> Result<engine::EnqueueJob> {
        const auto old = backend->reader->job(id);
        if (!old) return std::unexpected(old.error());
        if (!*old || (*old)->spec.tenant != context.principal->tenant ||
            !(*old)->spec.type.view().starts_with("errand.webhook.")) {
          return std::unexpected(unknown);
        }
        return again(*backend, *manager, **old);
      });
  if (!delivery) co_return failed(delivery.error());
  delivery->id = JobId{Uuid::v7(backend->clock->now().wall, *backend->random)};
  delivery->actor = actor_of(*context.principal);
  auto reply = co_await backend->lane.execute_as<engine::JobReply>(*std::move(delivery));
  if (!reply && reply.error().code == ErrorCode::kConflict) {
    co_return failed({ErrorCode::kConflict, "A delivery of this event is under way."});
  }
  if (!reply) co_return failed(reply.error());
  co_return ObjectRef{backend->object_type("WebhookDelivery"), std::move(reply->state)};
}

/// Source of WebhookRecovery.
struct Recovery {
  std::optional<std::uint64_t> missing;
  bool has_more = false;
  std::string id;
};

asio::awaitable<FieldResult<FieldValue>> recover(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const TenantId& tenant = context.principal->tenant;
  const auto manager = webhooks_for(*backend, context, auth::Action::kManageWebhooks);
  if (!manager) co_return std::unexpected(manager.error());
  notification::WebhookCatchUp what{.endpoint = *text_argument(info, "endpoint")};
  const auto endpoint = endpoint_for(**manager, tenant, what.endpoint);
  if (!endpoint) co_return failed(endpoint.error());
  const auto since = time_argument(info, "since");
  if (!since) co_return failed(since.error());
  const auto until = time_argument(info, "until");
  if (!until) co_return failed(until.error());
  if (*until && **until <= **since) {
    co_return failed({ErrorCode::kBadUserInput, "\"until\" must lie after \"since\"."});
  }
  what.since_time = *since;
  what.before_time = *until;
  const bool dry_run = info.argument("dryRun")->get_bool();
  Recovery recovery;
  const auto planned = co_await backend->reads.run([&, manager = *manager]() -> Result<void> {
    const auto after = notification::position_before(*backend->reader, **since);
    if (!after) return std::unexpected(after.error());
    what.after = *after;
    const auto last = backend->reader->last_position();
    if (!last) return std::unexpected(last.error());
    what.until = *last;
    if (*until) {
      const auto end = notification::position_before(*backend->reader, **until);
      if (!end) return std::unexpected(end.error());
      what.until = *end;
    }
    if (!dry_run) return {};
    const auto count = notification::count_webhook_recovery(manager->registry(), *backend->reader,
                                                            manager->deliveries(), what, tenant);
    if (!count) return std::unexpected(count.error());
    recovery.missing = count->missing;
    recovery.has_more = count->has_more;
    return {};
  });
  if (!planned) co_return failed(planned.error());
  if (!dry_run) {
    auto job = notification::make_webhook_catch_up(notification::kRecoveryType, tenant, what,
                                                   (*manager)->deliveries().payload_key);
    job.spec.unique_key.clear();  // each is about a part of the log of its own
    job.id = JobId{Uuid::v7(backend->clock->now().wall, *backend->random)};
    job.actor = actor_of(*context.principal);
    job.correlation_id = job.id.str();
    recovery.id = job.id.str();
    const auto reply = co_await backend->lane.execute_as<engine::JobReply>(std::move(job));
    if (!reply) co_return failed(reply.error());
  }
  co_return ObjectRef{backend->object_type("WebhookRecovery"),
                      std::make_shared<const Recovery>(std::move(recovery))};
}

asio::awaitable<FieldResult<FieldValue>> try_out(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const auto manager = webhooks_for(*backend, context, auth::Action::kManageWebhooks);
  if (!manager) co_return std::unexpected(manager.error());
  auto result = co_await (*manager)->test(
      {.tenant = context.principal->tenant, .subject = context.principal->subject},
      *text_argument(info, "id"), *text_argument(info, "type"));
  if (!result) co_return failed(result.error());
  co_return ObjectRef{backend->object_type("WebhookTestResult"),
                      std::make_shared<const notification::WebhookTest>(*std::move(result))};
}

FieldValue number_value(const std::optional<std::int64_t>& number) {
  return number ? FieldValue(*number) : FieldValue();
}

void add_delivery(const BackendPtr& backend, ResolverMap& map) {
  using S = job::JobState;
  const contract::Names& names = backend->contract->names();
  TypedResolvers<S>(*backend, map, names.type("WebhookDelivery"))
      .add("id", [](const S& s, auto&) { return FieldValue(s.id.str()); })
      .add("endpoint",
           [](const S& s, auto&) { return FieldValue(notification::endpoint_of(s.spec.type)); })
      .add("eventId", [](const S& s, auto&) { return text_value(s.spec.unique_key); })
      .add("eventType", [](const S& s, auto&) { return FieldValue(std::string(event_type_of(s))); })
      .add("jobId",
           [](const S& s, auto&) {
             const auto event = event_of(s);
             return event ? FieldValue(event->job.str()) : FieldValue();
           })
      .add("status", [](const S& s, auto&) { return FieldValue::text_view(status_of(s)); })
      .add("trigger", [](const S& s, auto&) { return FieldValue::text_view(trigger_of(s)); })
      .add("createdAt", [](const S& s, auto&) { return time_value(s.created_at); })
      .add("nextAttemptAt", [](const S& s, auto&) { return time_value(s.due_at); })
      .add("finishedAt", [](const S& s, auto&) { return time_value(s.finished_at); })
      .add_awaitable(
          "attempts",
          [backend](const ResolveInfo& info) -> asio::awaitable<FieldResult<FieldValue>> {
            const S& state = info.source_as<S>();
            auto attempts = co_await backend->reads.run(
                [reader = backend->reader, &state] { return attempts_of(*reader, state); });
            if (!attempts) co_return failed(attempts.error());
            FieldValue::List list;
            for (Attempt& each : *attempts) {
              list.emplace_back(ObjectRef{backend->object_type("WebhookDeliveryAttempt"),
                                          std::make_shared<const Attempt>(std::move(each))});
            }
            co_return FieldValue(std::move(list));
          });

  using A = Attempt;
  TypedResolvers<A>(*backend, map, names.type("WebhookDeliveryAttempt"))
      .add("number", [](const A& a, auto&) { return FieldValue(a.number); })
      .add("trigger", [](const A& a, auto&) { return FieldValue::text_view(a.trigger); })
      .add("startedAt", [](const A& a, auto&) { return time_value(a.started_at); })
      .add("endedAt", [](const A& a, auto&) { return time_value(a.ended_at); })
      .add("durationMs", [](const A& a, auto&) { return number_value(a.duration_ms); })
      .add("statusCode", [](const A& a, auto&) { return number_value(a.status); })
      .add("answer", [](const A& a, auto&) { return text_or_null(a.answer); })
      .add("errorClass", [](const A& a, auto&) { return text_or_null(a.error_class); })
      .add("error", [](const A& a, auto&) { return text_or_null(a.error); });

  add_connection_resolvers<DeliveryPage>(
      backend, map, "WebhookDelivery", [backend](const job::StatePtr& state) {
        return FieldValue(ObjectRef{backend->object_type("WebhookDelivery"), state});
      });
}

}  // namespace

void add_webhook_delivery_resolvers(const BackendPtr& backend, ResolverMap& map) {
  const graphql::type::ObjectType* query = backend->schema().query_type();
  const graphql::type::ObjectType* mutation = backend->schema().mutation_type();
  add_root_field(backend, map, query, "webhookDeliveries", deliveries);
  add_root_field(backend, map, mutation, "redeliverWebhook", redeliver);
  add_root_field(backend, map, mutation, "recoverWebhookDeliveries", recover);
  add_root_field(backend, map, mutation, "testWebhookEndpoint", try_out);
  add_delivery(backend, map);
  const contract::Names& names = backend->contract->names();
  TypedResolvers<Recovery>(*backend, map, names.type("WebhookRecovery"))
      .add("missing", [](const Recovery& r,
                         auto&) { return r.missing ? FieldValue(*r.missing) : FieldValue(); })
      .add("hasMore", [](const Recovery& r, auto&) { return FieldValue(r.has_more); })
      .add("recoveryId", [](const Recovery& r, auto&) { return text_or_null(r.id); });
  using T = notification::WebhookTest;
  TypedResolvers<T>(*backend, map, names.type("WebhookTestResult"))
      .add("delivered", [](const T& t, auto&) { return FieldValue(t.delivered); })
      .add("eventId", [](const T& t, auto&) { return text_value(t.event_id); })
      .add("statusCode",
           [](const T& t, auto&) { return t.status == 0 ? FieldValue() : FieldValue(t.status); })
      .add("durationMs",
           [](const T& t, auto&) {
             return FieldValue(static_cast<std::int64_t>(t.duration.count()));
           })
      .add("answer", [](const T& t, auto&) { return text_or_null(t.answer); })
      .add("errorClass", [](const T& t, auto&) { return text_or_null(t.error_class); })
      .add("error", [](const T& t, auto&) { return text_or_null(t.error); });
}

}  // namespace errand::api
