#include "errand/api/event_resolvers.h"

#include <optional>
#include <string_view>
#include <utility>

#include "errand/api/connection.h"
#include "errand/api/event_stream.h"
#include "errand/api/job_access.h"
#include "errand/api/past_job.h"
#include "errand/api/typed_resolvers.h"
#include "errand/base/time_text.h"
#include "errand/contract/cloud_event.h"
#include "errand/job/json.h"
#include "errand/json/parse.h"

namespace errand::api {

namespace asio = boost::asio;
using graphql::execution::FieldError;
using graphql::execution::FieldResult;
using graphql::execution::FieldValue;
using graphql::execution::ObjectRef;
using graphql::execution::ResolveInfo;
using graphql::execution::ResolverMap;

namespace {

using EventPage = Page<EventView>;

/// The data of an event as clients see it. What only the core needs stays inside: marks of reports
/// and fencing tokens.
FieldValue public_data(const job::Event& event) {
  auto parsed = json::parse(job::event_data_to_json(event.data), {.bytes_max = 8 << 20});
  if (!parsed || !parsed->is_object()) return FieldValue::json(boost::json::object());
  parsed->get_object().erase("report");
  parsed->get_object().erase("token");
  return FieldValue::json(std::move(*parsed));
}

/// `Job.events`: a page of the job's own log.
asio::awaitable<FieldResult<FieldValue>> events_of(BackendPtr backend, const ResolveInfo& info) {
  const auto& state = info.source_as<job::JobState>();
  const TenantId& tenant = state.spec.tenant;
  const Result<std::size_t> first = read_first(info.argument("first"));
  if (!first) co_return std::unexpected(FieldError(first.error()));
  EventFilter filter;
  if (const boost::json::value* types = info.argument("types"); types && types->is_array()) {
    for (const boost::json::value& type : types->get_array()) {
      filter.types.emplace_back(type.get_string());
    }
  }
  // Of a past state: what had happened by then.
  std::optional<Sequence> last;
  if (is_past(info.source)) last = state.last_sequence;
  LogPosition after{};
  if (const auto cursor = text_argument(info, "after")) {
    const Result<LogPosition> position = backend->cursors.read_event_cursor(tenant, *cursor);
    if (!position) co_return std::unexpected(FieldError(position.error()));
    after = *position;
  }

  auto read = co_await backend->reads.run([reader = backend->reader, id = state.id, tenant, filter,
                                           after, last, limit = *first]() -> Result<EventPage> {
    EventPage page;
    Sequence sequence{};
    constexpr std::size_t kRead = 200;
    while (true) {
      auto events = reader->events_of(id, sequence, kRead);
      if (!events) return std::unexpected(std::move(events.error()));
      for (job::Event& event : *events) {
        if (last && event.sequence > *last) return page;
        sequence = event.sequence;
        if (!filter.matches(event)) continue;
        if (event.position <= after) {
          page.has_previous = true;
          continue;
        }
        if (page.edges.size() == limit) {
          page.has_next = true;
          return page;
        }
        page.edges.push_back(
            {{}, std::make_shared<const EventView>(EventView{tenant, std::move(event)})});
      }
      if (events->size() < kRead) return page;
    }
  });
  if (!read) co_return std::unexpected(FieldError(std::move(read.error())));
  for (EventPage::Edge& edge : read->edges) {
    edge.cursor = backend->cursors.event_cursor(tenant, edge.node->event.position);
  }
  co_return ObjectRef{backend->object_type("JobEventConnection"),
                      std::make_shared<const EventPage>(std::move(*read))};
}

}  // namespace

void add_event_resolvers(const BackendPtr& backend, ResolverMap& map) {
  const contract::Names& names = backend->contract->names();
  TypedResolvers<job::JobState>(*backend, map, names.type("Job"))
      .add_awaitable("events",
                     [backend](const ResolveInfo& info) { return events_of(backend, info); });

  TypedResolvers<EventView>(*backend, map, names.type("JobEvent"))
      .add("id", [](const EventView& e, auto&) { return FieldValue(contract::event_id(e.event)); })
      .add("cursor",
           [backend](const EventView& e, auto&) {
             return FieldValue(backend->cursors.event_cursor(e.tenant, e.event.position));
           })
      .add("jobId", [](const EventView& e, auto&) { return FieldValue(e.event.job.str()); })
      .add("sequence",
           [](const EventView& e, auto&) { return FieldValue(to_number(e.event.sequence)); })
      .add("type", [](const EventView& e,
                      auto&) { return FieldValue::text_view(job::event_name(e.event.data)); })
      .add("time",
           [](const EventView& e, auto&) { return FieldValue(format_timestamp(e.event.time)); })
      .add("actor",
           [backend](const EventView& e, const ResolveInfo& info) {
             return FieldValue(
                 ObjectRef{backend->object_type("JobActor"),
                           std::shared_ptr<const void>(*info.source.owner, &e.event.actor)});
           })
      .add("correlationId",
           [](const EventView& e, auto&) {
             return FieldValue::text_view(e.event.cause.correlation_id);
           })
      .add("traceparent",
           [](const EventView& e, auto&) {
             return e.event.cause.traceparent.empty()
                        ? FieldValue()
                        : FieldValue::text_view(e.event.cause.traceparent);
           })
      .add("data", [](const EventView& e, auto&) { return public_data(e.event); });

  TypedResolvers<job::Actor>(*backend, map, names.type("JobActor"))
      .add("kind",
           [](const job::Actor& a, auto&) { return FieldValue::text_view(job::to_string(a.kind)); })
      .add("subject",
           [](const job::Actor& a, auto&) { return FieldValue::text_view(a.subject.view()); });

  add_connection_resolvers<EventPage>(backend, map, "JobEvent",
                                      [backend](const std::shared_ptr<const EventView>& event) {
                                        return backend->event_value(event);
                                      });
}

}  // namespace errand::api
