#include "errand/api/query_resolvers.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "errand/api/connection.h"
#include "errand/api/field_values.h"
#include "errand/api/job_access.h"
#include "errand/api/typed_resolvers.h"
#include "errand/api/wait_for_job.h"
#include "errand/base/time_text.h"
#include "errand/job/internal_type.h"

namespace errand::api {

namespace asio = boost::asio;
using graphql::execution::FieldError;
using graphql::execution::FieldResult;
using graphql::execution::FieldValue;
using graphql::execution::ObjectRef;
using graphql::execution::ResolveInfo;
using graphql::execution::ResolverMap;

namespace {

using JobPageView = Page<job::JobState>;

std::string string_of(const boost::json::value& value) { return std::string(value.get_string()); }

/// The long poll that the arguments `waitFor` and `until` of `job` ask for; nullopt: none.
Result<std::optional<JobWait>> read_wait(const Backend& backend, const ResolveInfo& info) {
  JobWait wait;
  if (const boost::json::value* until = info.argument("until"); until && until->is_array()) {
    for (const boost::json::value& status : until->get_array()) {
      wait.statuses.push_back(*job::parse_job_status(string_of(status)));
    }
    if (wait.statuses.empty()) {
      return fail(ErrorCode::kBadUserInput, "until: name a status, or leave it out.");
    }
  }
  const auto wait_for = text_argument(info, "waitFor");
  if (!wait_for) return std::nullopt;
  const Result<Milliseconds> length = parse_duration(*wait_for);
  if (!length) return fail(ErrorCode::kBadUserInput, "waitFor: " + length.error().message);
  if (*length <= Milliseconds::zero()) return std::nullopt;
  wait.until = backend.clock->now().monotonic + std::min(*length, backend.options.wait_for_max);
  return wait;
}

asio::awaitable<FieldResult<FieldValue>> job_by_id(BackendPtr backend, const ResolveInfo& info) {
  const std::string id = *text_argument(info, "id");
  Result<std::optional<JobWait>> wait = read_wait(*backend, info);
  if (!wait) co_return std::unexpected(api_error(std::move(wait.error())));
  const std::optional<JobId> job_id = JobId::parse(id);
  // Subscribed before the read, so that no change falls in between.
  std::unique_ptr<JobWatch> watch;
  if (*wait && job_id) {
    watch = std::make_unique<JobWatch>(
        co_await asio::this_coro::executor, backend->bus,
        runtime::Interest{.tenant = context_of(info).principal->tenant, .job = job_id});
  }
  auto state = co_await find_job(backend, context_of(info), id);
  if (!state) co_return std::unexpected(api_error(std::move(state.error())));
  if (watch != nullptr && !backend->job_value(*state).is_null()) {
    const HeldTime held(*backend, context_of(info));
    *state = co_await wait_for_job(backend, std::move(watch), std::move(*state), std::move(**wait));
  }
  co_return backend->job_value(std::move(*state));
}

asio::awaitable<FieldResult<FieldValue>> node_by_id(BackendPtr backend, const ResolveInfo& info) {
  auto state = co_await find_job(backend, context_of(info), *text_argument(info, "id"));
  if (!state) co_return std::unexpected(api_error(std::move(state.error())));
  co_return backend->job_value(std::move(*state));
}

asio::awaitable<FieldResult<FieldValue>> jobs(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const TenantId& tenant = context.principal->tenant;
  const Result<void> allowed = authorize(*backend, context, auth::Action::kReadJob);
  if (!allowed) co_return std::unexpected(api_error(allowed.error()));
  Result<store::JobFilter> filter = read_job_filter(tenant, info.argument("filter"));
  if (!filter) co_return std::unexpected(api_error(filter.error()));
  const Result<std::size_t> first = read_first(info.argument("first"));
  if (!first) co_return std::unexpected(api_error(first.error()));
  store::JobPage page;
  page.limit = *first + 1;
  if (text_argument(info, "orderBy") == "OLDEST_FIRST") page.order = store::JobOrder::kOldestFirst;
  if (const auto after = text_argument(info, "after")) {
    Result<store::JobCursor> cursor = backend->cursors.read_job_cursor(tenant, *after);
    if (!cursor) co_return std::unexpected(api_error(cursor.error()));
    page.after = *cursor;
  }

  auto states = co_await backend->reads.run([reader = backend->reader, filter = std::move(*filter),
                                             page] { return reader->jobs(filter, page); });
  if (!states) co_return std::unexpected(api_error(std::move(states.error())));
  JobPageView view;
  view.has_previous = page.after.has_value();
  view.has_next = states->size() > *first;
  if (view.has_next) states->resize(*first);
  for (job::StatePtr& state : *states) {
    // Of a type that the schema no longer has: nothing could show it.
    if (backend->contract->job_type(state->spec.type.view()) == nullptr) continue;
    std::string cursor =
        backend->cursors.job_cursor(tenant, {.created_at = state->created_at, .id = state->id});
    view.edges.push_back({std::move(cursor), std::move(state)});
  }
  co_return ObjectRef{backend->object_type("JobConnection"),
                      std::make_shared<const JobPageView>(std::move(view))};
}

asio::awaitable<FieldResult<FieldValue>> queues(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const Result<void> allowed = authorize(*backend, context, auth::Action::kReadQueues);
  if (!allowed) co_return std::unexpected(api_error(allowed.error()));
  auto reply = co_await backend->lane.execute_as<engine::QueueList>(
      engine::ListQueues{.tenant = context.principal->tenant});
  if (!reply) co_return std::unexpected(api_error(std::move(reply.error())));
  FieldValue::List list;
  for (engine::QueueList::Queue& queue : reply->queues) {
    list.emplace_back(
        ObjectRef{backend->object_type("QueueInfo"),
                  std::make_shared<const engine::QueueList::Queue>(std::move(queue))});
  }
  co_return FieldValue(std::move(list));
}

asio::awaitable<FieldResult<FieldValue>> workers(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const Result<void> allowed = authorize(*backend, context, auth::Action::kReadWorkers);
  if (!allowed) co_return std::unexpected(api_error(allowed.error()));
  auto reply = co_await backend->lane.execute_as<engine::WorkerList>(engine::ListWorkers{});
  if (!reply) co_return std::unexpected(api_error(std::move(reply.error())));
  FieldValue::List list;
  for (engine::WorkerList::Worker& worker : reply->workers) {
    // A worker of another tenant is nobody's business; one for all tenants serves this one too.
    if (worker.tenant && *worker.tenant != context.principal->tenant) continue;
    // What the server does for itself is not listed.
    if (std::erase_if(worker.types, [](const auto& type) { return job::is_internal(type); }) > 0 &&
        worker.types.empty()) {
      continue;
    }
    list.emplace_back(
        ObjectRef{backend->object_type("WorkerInfo"),
                  std::make_shared<const engine::WorkerList::Worker>(std::move(worker))});
  }
  co_return FieldValue(std::move(list));
}

void add_job_connection(const BackendPtr& backend, ResolverMap& map) {
  add_connection_resolvers<JobPageView>(backend, map, "Job", [backend](const job::StatePtr& state) {
    return backend->job_value(state);
  });
}

void add_queue_and_worker(const BackendPtr& backend, ResolverMap& map) {
  const contract::Names& names = backend->contract->names();
  using Queue = engine::QueueList::Queue;
  TypedResolvers<Queue>(*backend, map, names.type("QueueInfo"))
      .add("name", [](const Queue& q, auto&) { return FieldValue::text_view(q.queue.view()); })
      .add("paused", [](const Queue& q, auto&) { return FieldValue(q.paused); })
      .add("pending", [](const Queue& q, auto&) { return FieldValue(q.pending); })
      .add("waiting", [](const Queue& q, auto&) { return FieldValue(q.waiting); })
      .add("running", [](const Queue& q, auto&) { return FieldValue(q.running); })
      .add("workers", [](const Queue& q, auto&) { return FieldValue(q.workers); })
      .add("slotsWanted", [](const Queue& q, auto&) { return FieldValue(q.slots_wanted); });

  using Worker = engine::WorkerList::Worker;
  const auto texts = [](const auto& items) {
    FieldValue::List list;
    for (const auto& item : items) list.push_back(FieldValue::text_view(item.view()));
    return FieldValue(std::move(list));
  };
  TypedResolvers<Worker>(*backend, map, names.type("WorkerInfo"))
      .add("id", [](const Worker& w, auto&) { return FieldValue::text_view(w.id.view()); })
      .add("subject",
           [](const Worker& w, auto&) { return FieldValue::text_view(w.subject.view()); })
      .add("queues", [texts](const Worker& w, auto&) { return texts(w.queues); })
      .add("types", [texts](const Worker& w, auto&) { return texts(w.types); })
      .add("build", [](const Worker& w, auto&) { return FieldValue::text_view(w.build); })
      .add("name", [](const Worker& w, auto&) { return FieldValue::text_view(w.name); })
      .add("sdk", [](const Worker& w, auto&) { return FieldValue::text_view(w.sdk); })
      .add("way", [](const Worker& w, auto&) { return FieldValue::text_view(to_string(w.way)); })
      .add("labels",
           [](const Worker& w, auto&) {
             boost::json::object labels;
             for (const auto& [name, value] : w.labels) labels.emplace(name, value);
             return FieldValue::json(std::move(labels));
           })
      .add("selectors",
           [](const Worker& w, auto&) {
             boost::json::object selectors;
             for (const auto& [name, values] : w.selectors) {
               selectors.emplace(name, boost::json::array(values.begin(), values.end()));
             }
             return FieldValue::json(std::move(selectors));
           })
      .add("slots", [](const Worker& w, auto&) { return FieldValue(w.slots); })
      .add("running", [](const Worker& w, auto&) { return FieldValue(w.running); })
      .add("draining", [](const Worker& w, auto&) { return FieldValue(w.draining); })
      .add("connectedAt", [](const Worker& w, auto&) { return time_value(w.connected_at); })
      .add("lastSeenAt", [](const Worker& w, auto&) { return time_value(w.last_seen_at); });
}

}  // namespace

Result<store::JobFilter> read_job_filter(const TenantId& tenant, const boost::json::value* json) {
  store::JobFilter filter;
  filter.tenant = tenant;
  if (json == nullptr || json->is_null()) return filter;
  const boost::json::object& members = json->get_object();
  // Coerced by the schema, so that only null and absence are left to tell.
  const auto member = [&](const char* name) -> const boost::json::value* {
    const boost::json::value* value = members.if_contains(name);
    return value == nullptr || value->is_null() ? nullptr : value;
  };
  const auto each = [&](const char* name, auto add) {
    const boost::json::value* list = member(name);
    if (list == nullptr) return;
    for (const boost::json::value& item : list->get_array()) add(string_of(item));
  };
  each("status", [&](const std::string& status) {
    filter.statuses.push_back(*job::parse_job_status(status));
  });
  each("type", [&](std::string type) { filter.types.emplace_back(std::move(type)); });
  each("queue", [&](std::string queue) { filter.queues.emplace_back(std::move(queue)); });
  each("tags", [&](std::string tag) { filter.tags.push_back(std::move(tag)); });
  if (const boost::json::value* labels = member("labels")) {
    const boost::json::object* object = labels->if_object();
    if (object == nullptr) {
      return fail(ErrorCode::kBadUserInput, "filter.labels: must be an object of strings.");
    }
    for (const auto& label : *object) {
      if (!label.value().is_string()) {
        return fail(ErrorCode::kBadUserInput, "filter.labels: every label is a string.");
      }
      filter.labels.emplace_back(std::string(label.key()), string_of(label.value()));
    }
  }
  if (const boost::json::value* id = member("correlationId")) {
    filter.correlation_id = string_of(*id);
  }
  for (const auto& [name, to] : {std::pair{"createdFrom", &filter.created_from},
                                 std::pair{"createdBefore", &filter.created_before}}) {
    const boost::json::value* value = member(name);
    if (value == nullptr) continue;
    const Result<Timestamp> time = parse_timestamp(string_of(*value));
    if (!time) {
      return fail(ErrorCode::kBadUserInput,
                  "filter." + std::string(name) + ": " + time.error().message);
    }
    *to = *time;
  }
  return filter;
}

void add_query_resolvers(const BackendPtr& backend, ResolverMap& map) {
  const auto add = [&](std::string_view field, auto function) {
    add_root_field(backend, map, backend->schema().query_type(), field, function);
  };
  add("job", job_by_id);
  add("jobs", jobs);
  // Jobs are the nodes so far.
  add("node", node_by_id);
  add("queues", queues);
  add("workers", workers);
  add_job_connection(backend, map);
  add_queue_and_worker(backend, map);
  add_page_info_resolvers(backend, map);
}

}  // namespace errand::api
