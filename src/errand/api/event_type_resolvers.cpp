#include "errand/api/event_type_resolvers.h"

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include <boost/json/object.hpp>

#include "errand/api/event_stream.h"
#include "errand/api/field_values.h"
#include "errand/api/progress_view.h"
#include "errand/api/typed_resolvers.h"
#include "errand/contract/event_types.h"

namespace errand::api {

using graphql::execution::FieldValue;
using graphql::execution::ObjectRef;
using graphql::execution::ResolveInfo;
using graphql::execution::ResolverMap;

namespace {

/// Adds the fields of one kind of event, whose data are a `Data`.
template <class Data>
class EventFields {
 public:
  EventFields(const BackendPtr& backend, ResolverMap& map, std::string type)
      : backend_(backend), resolvers_(*backend, map, std::move(type)) {}

  /// `function(const Data&)` gives a FieldValue.
  template <class F>
  EventFields& add(std::string_view field, F function) {
    resolvers_.add(field, [function = std::move(function)](const EventView& view, auto&) {
      return FieldValue(function(std::get<Data>(view.event.data)));
    });
    return *this;
  }

  EventFields& add_error() {
    resolvers_.add("error", [backend = backend_](const EventView& view, const ResolveInfo& info) {
      return part_value(info, backend->object_type("JobError"),
                        std::get<Data>(view.event.data).error);
    });
    return *this;
  }

  EventFields& add_progress() {
    resolvers_.add(
        "progress", [backend = backend_](const EventView& view, const ResolveInfo& info) {
          ProgressView progress{.progress = &std::get<Data>(view.event.data).progress,
                                .at = view.event.time,
                                .owner = *info.source.owner};
          return FieldValue(ObjectRef{backend->object_type("JobProgress"),
                                      std::make_shared<const ProgressView>(std::move(progress))});
        });
    return *this;
  }

 private:
  BackendPtr backend_;
  TypedResolvers<EventView> resolvers_;
};

// One for each alternative of job::EventData: without its own a new event does not compile.

void add_fields(EventFields<job::Enqueued> fields) {
  using job::Enqueued;
  fields.add("jobType", [](const Enqueued& e) { return text_value(e.spec.type.str()); })
      .add("queue", [](const Enqueued& e) { return text_value(e.spec.queue.str()); })
      .add("priority", [](const Enqueued& e) { return e.spec.priority; })
      .add("tags",
           [](const Enqueued& e) {
             FieldValue::List tags;
             for (const std::string& tag : e.spec.tags) tags.push_back(text_value(tag));
             return tags;
           })
      .add("labels",
           [](const Enqueued& e) {
             boost::json::object labels;
             for (const auto& [name, value] : e.spec.labels) labels.emplace(name, value);
             return FieldValue::json(std::move(labels));
           })
      .add("maxAttempts", [](const Enqueued& e) { return e.spec.retry.max_attempts; })
      .add("scheduledFor", [](const Enqueued& e) { return time_value(e.spec.scheduled_for); })
      .add("deadline", [](const Enqueued& e) { return time_value(e.spec.deadline); })
      .add("inputBytes", [](const Enqueued& e) { return e.spec.input.size_bytes; })
      .add("retryOf", [](const Enqueued& e) {
        return e.spec.retry_of ? FieldValue(e.spec.retry_of->str()) : FieldValue();
      });
}

void add_fields(const EventFields<job::Ready>&) {}

void add_fields(EventFields<job::Started> fields) {
  using job::Started;
  fields.add("attempt", [](const Started& e) { return e.attempt; })
      .add("worker", [](const Started& e) { return text_value(e.worker.str()); })
      .add("workerBuild", [](const Started& e) { return text_or_null(e.worker_build); });
}

void add_fields(EventFields<job::Progressed> fields) { fields.add_progress(); }

void add_fields(EventFields<job::StepCompleted> fields) {
  using job::StepCompleted;
  fields.add("step", [](const StepCompleted& e) { return text_value(e.step); })
      .add("resultBytes", [](const StepCompleted& e) { return e.result.size_bytes; });
}

void add_fields(EventFields<job::Waiting> fields) {
  fields.add("reason", [](const job::Waiting& e) { return text_or_null(e.reason); });
}

void add_fields(EventFields<job::Signaled> fields) {
  fields.add("signal", [](const job::Signaled& e) { return text_value(e.signal); });
}

void add_fields(EventFields<job::Released> fields) {
  fields.add("reason", [](const job::Released& e) { return text_or_null(e.reason); });
}

void add_fields(EventFields<job::Snoozed> fields) {
  fields.add("until", [](const job::Snoozed& e) { return time_value(e.until); })
      .add("reason", [](const job::Snoozed& e) { return text_or_null(e.reason); });
}

void add_fields(EventFields<job::AttemptFailed> fields) {
  fields
      .add(
          "kind",
          [](const job::AttemptFailed& e) { return FieldValue::text_view(job::to_string(e.kind)); })
      .add_error();
}

void add_fields(EventFields<job::RetryScheduled> fields) {
  fields.add("at", [](const job::RetryScheduled& e) { return time_value(e.at); });
}

void add_fields(EventFields<job::CancelRequested> fields) {
  using job::CancelRequested;
  fields
      .add("cancelReason",
           [](const CancelRequested& e) { return FieldValue::text_view(job::to_string(e.reason)); })
      .add("message", [](const CancelRequested& e) { return text_or_null(e.message); })
      .add("graceUntil", [](const CancelRequested& e) { return time_value(e.grace_until); });
}

void add_fields(EventFields<job::Canceled> fields) { fields.add_error(); }

void add_fields(EventFields<job::Killed> fields) { fields.add_error(); }

void add_fields(EventFields<job::Succeeded> fields) {
  fields.add("resultBytes", [](const job::Succeeded& e) { return e.result.size_bytes; });
}

void add_fields(EventFields<job::Failed> fields) { fields.add_error(); }

void add_fields(EventFields<job::Expired> fields) {
  fields
      .add("expiryReason",
           [](const job::Expired& e) { return FieldValue::text_view(job::to_string(e.reason)); })
      .add_error();
}

void add_fields(EventFields<job::CompensationStarted> fields) {
  fields
      .add("outcome",
           [](const job::CompensationStarted& e) {
             return FieldValue::text_view(job::to_string(e.outcome));
           })
      .add_error();
}

void add_fields(EventFields<job::Compensated> fields) {
  fields.add("step", [](const job::Compensated& e) { return text_value(e.step); });
}

void add_fields(EventFields<job::CompensationFailed> fields) {
  fields.add("step", [](const job::CompensationFailed& e) { return text_value(e.step); })
      .add_error();
}

void add_fields(EventFields<job::DeadLettered> fields) {
  fields.add("fingerprint", [](const job::DeadLettered& e) { return text_value(e.fingerprint); });
}

void add_fields(const EventFields<job::Discarded>&) {}

void add_fields(EventFields<job::Requeued> fields) {
  using job::Requeued;
  fields.add("run", [](const Requeued& e) { return e.run; })
      .add("deadline", [](const Requeued& e) { return time_value(e.deadline); })
      .add("inputChanged", [](const Requeued& e) { return e.input.has_value(); });
}

}  // namespace

void add_event_type_resolvers(const BackendPtr& backend, ResolverMap& map) {
  const contract::Names& names = backend->contract->names();
  const auto add = [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
    (add_fields(EventFields<std::variant_alternative_t<kIndex, job::EventData>>(
         backend, map, names.type(contract::event_types()[kIndex].name))),
     ...);
  };
  add(std::make_index_sequence<job::kEventNameCount>());
}

}  // namespace errand::api
