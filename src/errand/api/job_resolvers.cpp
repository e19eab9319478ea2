#include "errand/api/job_resolvers.h"

#include <string>
#include <utility>

#include "errand/api/event_stream.h"
#include "errand/api/field_values.h"
#include "errand/api/job_access.h"
#include "errand/api/job_advice.h"
#include "errand/api/past_job.h"
#include "errand/api/progress_view.h"
#include "errand/api/typed_resolvers.h"
#include "errand/job/estimate.h"
#include "errand/job/transition_table.h"
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

/// The terminal error, as the schema shows it.
const job::JobError* error_of(const job::JobState& state) {
  return state.error ? &*state.error : nullptr;
}

FieldValue actions(const BackendPtr& backend, const ResolveInfo& info, const job::JobState& state) {
  const auth::Principal& viewer = *info.context_as<Context>().principal;
  const auto may = [&](auth::Action action) {
    return backend->policy.may(viewer, action, {.tenant = &state.spec.tenant}) ==
           auth::Decision::kAllowed;
  };
  const auto moves = [&](job::CommandKind command) {
    return job::transition(state.status, command).kind == job::Transition::Kind::kMove;
  };
  FieldValue::List list;
  if (is_past(info.source)) return list;
  if (moves(job::CommandKind::kRequestCancel) && may(auth::Action::kCancelJob)) {
    list.push_back(FieldValue::text_view("CANCEL"));
  }
  if (moves(job::CommandKind::kKill) && may(auth::Action::kKillJob)) {
    list.push_back(FieldValue::text_view("KILL"));
  }
  if (moves(job::CommandKind::kRetryRun) && may(auth::Action::kRetryJob)) {
    list.push_back(FieldValue::text_view("RETRY"));
  }
  if (state.dead_letter && may(auth::Action::kRetryJob)) {
    list.push_back(FieldValue::text_view("REQUEUE"));
    list.push_back(FieldValue::text_view("DISCARD"));
  }
  if (state.terminal() && may(auth::Action::kForgetJob)) {
    list.push_back(FieldValue::text_view("FORGET"));
  }
  return list;
}

std::optional<job::Estimate> estimate_of(const Backend& backend, const job::JobState& state) {
  if (state.status != job::JobStatus::kRunning) return std::nullopt;
  const auto history = backend.lane.estimates().find(state.spec.tenant, state.spec.type);
  return job::estimate(state, history.get(), backend.clock->now().wall);
}

asio::awaitable<FieldResult<FieldValue>> why_waiting(BackendPtr backend, const ResolveInfo& info) {
  const auto& state = info.source_as<job::JobState>();
  if (state.terminal() || job::has_lease(state.status) || is_past(info.source)) {
    co_return FieldValue();
  }
  auto reply = co_await backend->lane.execute_as<engine::Explanation>(
      engine::ExplainJob{.id = state.id, .tenant = state.spec.tenant});
  if (!reply) {
    // Pruned or gone on since: nothing holds it.
    if (reply.error().code == ErrorCode::kNotFound) co_return FieldValue();
    co_return std::unexpected(FieldError(std::move(reply.error())));
  }
  if (reply->kind == engine::WaitKind::kNone) co_return FieldValue();
  co_return ObjectRef{backend->object_type("WaitReason"),
                      std::make_shared<const engine::Explanation>(std::move(*reply))};
}

/// The result's JSON, checked against its type before it was stored.
asio::awaitable<FieldResult<FieldValue>> result_of(BackendPtr backend, const ResolveInfo& info) {
  const auto& state = info.source_as<job::JobState>();
  if (!state.result) co_return FieldValue();
  using Json = std::shared_ptr<const boost::json::value>;
  Result<Json> json =
      co_await backend->reads.run([reader = backend->reader, id = state.id,
                                   limit = backend->options.result_bytes_max]() -> Result<Json> {
        auto payload = reader->payload(id, store::PayloadKind::kResult);
        if (!payload) return std::unexpected(std::move(payload.error()));
        if (!*payload) return Json();
        auto parsed = json::parse((*payload)->bytes, {.bytes_max = limit, .depth_max = 128});
        if (!parsed) return fail(ErrorCode::kStoreCorrupt, "A stored result cannot be read.");
        return std::make_shared<const boost::json::value>(std::move(*parsed));
      });
  if (!json) co_return std::unexpected(FieldError(std::move(json.error())));
  // Erased, by retention or forgetJob.
  if (*json == nullptr) co_return FieldValue();
  const boost::json::value* value = json->get();
  co_return FieldValue::shared_json(value, std::move(*json));
}

void add_progress(const BackendPtr& backend, ResolverMap& map) {
  using View = ProgressView;
  TypedResolvers<View>(*backend, map, backend->contract->names().type("JobProgress"))
      .add("completed", [](const View& v, auto&) { return FieldValue(v.progress->completed); })
      .add("total",
           [](const View& v, auto&) {
             return v.progress->total > 0 ? FieldValue(v.progress->total) : FieldValue();
           })
      .add("fraction",
           [](const View& v, auto&) { return FieldValue::maybe(job::fraction(*v.progress)); })
      .add("stage", [](const View& v, auto&) { return text_or_null(v.progress->stage); })
      .add("message", [](const View& v, auto&) { return text_or_null(v.progress->message); })
      .add("updatedAt", [](const View& v, auto&) { return time_value(v.at); });
}

void add_error(const BackendPtr& backend, ResolverMap& map) {
  TypedResolvers<job::JobError>(*backend, map, backend->contract->names().type("JobError"))
      .add("code", [](const job::JobError& e, auto&) { return text_value(e.code); })
      .add("message", [](const job::JobError& e, auto&) { return text_value(e.message); })
      .add("details",
           [](const job::JobError& e, auto&) {
             if (e.details.empty()) return FieldValue();
             auto parsed = json::parse(e.details);
             return parsed ? FieldValue::json(std::move(*parsed)) : FieldValue();
           })
      .add("retryable", [](const job::JobError& e, auto&) { return FieldValue(e.retryable); })
      .add("remediation", [](const job::JobError& e, auto&) { return text_or_null(e.remediation); })
      .add("attempt", [](const job::JobError& e, auto&) {
        return e.attempt == 0 ? FieldValue() : FieldValue(e.attempt);
      });
}

void add_wait_reason(const BackendPtr& backend, ResolverMap& map) {
  using engine::Explanation;
  TypedResolvers<Explanation>(*backend, map, backend->contract->names().type("WaitReason"))
      .add("kind", [](const Explanation& e,
                      auto&) { return FieldValue::text_view(engine::to_string(e.kind)); })
      .add("message", [](const Explanation& e, auto&) { return FieldValue(wait_message(e)); })
      .add("until", [](const Explanation& e, auto&) { return time_value(e.until); })
      .add("place",
           [](const Explanation& e, auto&) {
             const bool in_line = e.kind == engine::WaitKind::kPlaceInLine ||
                                  e.kind == engine::WaitKind::kNoWorker ||
                                  e.kind == engine::WaitKind::kConcurrencyLimit ||
                                  e.kind == engine::WaitKind::kRateLimit ||
                                  e.kind == engine::WaitKind::kQueuePaused;
             return in_line ? FieldValue(e.place) : FieldValue();
           })
      .add("workers", [](const Explanation& e, auto&) { return FieldValue(e.workers); })
      .add("limit", [](const Explanation& e, auto&) {
        return e.limit.empty() ? FieldValue() : FieldValue(e.limit);
      });
}

void add_estimate(const BackendPtr& backend, ResolverMap& map) {
  using job::Estimate;
  TypedResolvers<Estimate>(*backend, map, backend->contract->names().type("JobEstimate"))
      .add("completionAt", [](const Estimate& e, auto&) { return time_value(e.completion); })
      .add("earliest", [](const Estimate& e, auto&) { return time_value(e.earliest); })
      .add("latest", [](const Estimate& e, auto&) { return time_value(e.latest); })
      .add("basis",
           [](const Estimate& e, auto&) { return FieldValue::text_view(job::to_string(e.basis)); });
}

void add_job(const BackendPtr& backend, ResolverMap& map) {
  using job::JobState;
  const auto now = [backend] { return backend->clock->now().wall; };
  TypedResolvers<JobState> fields(*backend, map, backend->contract->names().type("Job"));
  fields.add("id", [](const JobState& s, auto&) { return FieldValue(s.id.str()); })
      .add("type", [](const JobState& s, auto&) { return text_value(s.spec.type.str()); })
      .add("status",
           [](const JobState& s, auto&) { return FieldValue::text_view(job::to_string(s.status)); })
      .add("queue", [](const JobState& s, auto&) { return text_value(s.spec.queue.str()); })
      .add("priority", [](const JobState& s, auto&) { return FieldValue(s.spec.priority); })
      .add("tags",
           [](const JobState& s, auto&) {
             FieldValue::List list;
             for (const std::string& tag : s.spec.tags) list.push_back(text_value(tag));
             return FieldValue(std::move(list));
           })
      .add("correlationId", [](const JobState& s, auto&) { return text_value(s.correlation_id); })
      .add("progress",
           [backend](const JobState& s, const ResolveInfo& info) {
             if (!s.progress) return FieldValue();
             ProgressView view{.progress = &*s.progress,
                               .at = s.progress_at ? s.progress_at : s.started_at,
                               .owner = *info.source.owner};
             return FieldValue(ObjectRef{backend->object_type("JobProgress"),
                                         std::make_shared<const ProgressView>(std::move(view))});
           })
      .add("plan", [](const JobState&, auto&) { return FieldValue(FieldValue::List()); })
      .add("estimate",
           [backend](const JobState& s, const ResolveInfo& info) {
             if (is_past(info.source)) return FieldValue();
             const auto estimate = estimate_of(*backend, s);
             if (!estimate) return FieldValue();
             return FieldValue(ObjectRef{backend->object_type("JobEstimate"),
                                         std::make_shared<const job::Estimate>(*estimate)});
           })
      .add("estimatedCompletion",
           [backend](const JobState& s, const ResolveInfo& info) {
             if (is_past(info.source)) return FieldValue();
             const auto estimate = estimate_of(*backend, s);
             return estimate ? time_value(estimate->completion) : FieldValue();
           })
      .add("nextSteps",
           [](const JobState& s, const ResolveInfo& info) {
             FieldValue::List list;
             if (is_past(info.source)) return FieldValue(std::move(list));
             for (std::string& step : next_steps(s)) list.emplace_back(std::move(step));
             return FieldValue(std::move(list));
           })
      .add("pollAfter",
           [now](const JobState& s, const ResolveInfo& info) {
             if (is_past(info.source)) return FieldValue();
             const std::optional<Milliseconds> wait = poll_after(s, now());
             return wait ? FieldValue(wait->count()) : FieldValue();
           })
      .add("run", [](const JobState& s, auto&) { return FieldValue(s.run); })
      .add("attempt", [](const JobState& s, auto&) { return FieldValue(s.attempt); })
      .add("maxAttempts",
           [](const JobState& s, auto&) { return FieldValue(s.spec.retry.max_attempts); })
      .add("createdAt", [](const JobState& s, auto&) { return time_value(s.created_at); })
      .add("scheduledFor",
           [](const JobState& s, auto&) {
             return time_value(s.due_at ? s.due_at : s.spec.scheduled_for);
           })
      .add("startedAt", [](const JobState& s, auto&) { return time_value(s.started_at); })
      .add("finishedAt", [](const JobState& s, auto&) { return time_value(s.finished_at); })
      .add("deadline", [](const JobState& s, auto&) { return time_value(s.spec.deadline); })
      .add("expiresAt", [](const JobState& s, auto&) { return time_value(s.expires_at); })
      .add("error",
           [backend](const JobState& s, const ResolveInfo& info) {
             const job::JobError* error = error_of(s);
             return error == nullptr ? FieldValue()
                                     : part_value(info, backend->object_type("JobError"), *error);
           })
      .add("deadLetter", [](const JobState& s, auto&) { return FieldValue(s.dead_letter); })
      .add("errorFingerprint",
           [](const JobState& s, auto&) { return text_or_null(s.error_fingerprint); })
      .add("actions", [backend](const JobState& s, const ResolveInfo& info) {
        return actions(backend, info, s);
      });
  fields
      .add_awaitable("whyWaiting",
                     [backend](const ResolveInfo& info) { return why_waiting(backend, info); })
      .add_awaitable("at", [backend](const ResolveInfo& info) { return job_at(backend, info); });
}

}  // namespace

void add_job_resolvers(const BackendPtr& backend, ResolverMap& map) {
  add_job(backend, map);
  add_progress(backend, map);
  add_error(backend, map);
  add_wait_reason(backend, map);
  add_estimate(backend, map);
  for (const std::string_view type : backend->typed_job_names()) {
    map.add_awaitable(type, "result",
                      [backend](const ResolveInfo& info) { return result_of(backend, info); });
  }
}

}  // namespace errand::api
