#include "errand/app/commit_observer.h"

#include <chrono>
#include <string_view>
#include <variant>

#include "errand/job/event.h"
#include "errand/job/status.h"
#include "errand/telemetry/metric_names.h"
#include "errand/telemetry/trace_context.h"

namespace errand::app {

namespace {

double seconds(Timestamp from, Timestamp to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

void CommitObserver::operator()(const std::vector<store::JobWrite>& writes) const {
  const bool logs = log_.enabled(telemetry::LogLevel::kDebug);
  for (const auto& write : writes) {
    for (const auto& event : write.events) {
      if (logs) log(*write.after, event);
      count(*write.after, event);
    }
  }
}

void CommitObserver::log(const job::JobState& state, const job::Event& event) const {
  const auto trace = telemetry::TraceContext::parse(event.cause.traceparent);
  log_.debug("job event", {{"event", job::event_name(event.data)},
                           {"job_id", event.job},
                           {"job_type", state.spec.type.view()},
                           {"tenant", state.spec.tenant.view()},
                           {"sequence", event.sequence},
                           {"attempt", state.attempt},
                           {"correlation_id", event.cause.correlation_id},
                           {"trace_id", trace ? trace->trace_id_text() : std::string()}});
}

void CommitObserver::count(const job::JobState& state, const job::Event& event) const {
  const std::string_view type = state.spec.type.view();
  const std::string_view queue = state.spec.queue.view();
  const auto attempt_ended = [&](std::string_view outcome, std::string_view error_type) {
    metrics_.counter(telemetry::kJobAttempts, {type, queue, outcome, error_type}).add();
  };
  if (std::holds_alternative<job::Enqueued>(event.data)) {
    metrics_.counter(telemetry::kJobsEnqueued, {type, queue}).add();
  } else if (std::holds_alternative<job::Started>(event.data)) {
    if (state.ready_since) {
      metrics_.histogram(telemetry::kJobQueueWait, {type, queue})
          .observe(seconds(*state.ready_since, event.time));
    }
  } else if (const auto* failed = std::get_if<job::AttemptFailed>(&event.data)) {
    attempt_ended("failed", job::to_string(failed->kind));
    if (failed->kind == job::FailureKind::kLeaseLost)
      metrics_.counter(telemetry::kLeasesLost).add();
  } else if (std::holds_alternative<job::Succeeded>(event.data)) {
    attempt_ended("succeeded", "");
  }
  // The last event of a write that ends the job: its snapshot is the end.
  if (state.terminal() && state.finished_at && event.sequence == state.last_sequence) {
    metrics_.counter(telemetry::kJobsEnded, {type, queue, job::to_string(state.status)}).add();
    metrics_.histogram(telemetry::kJobDuration, {type, queue})
        .observe(seconds(state.created_at, *state.finished_at));
  }
}

}  // namespace errand::app
