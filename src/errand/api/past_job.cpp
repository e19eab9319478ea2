#include "errand/api/past_job.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "errand/api/job_access.h"
#include "errand/base/time_text.h"
#include "errand/job/evolve.h"

namespace errand::api {

namespace asio = boost::asio;
using graphql::execution::FieldResult;
using graphql::execution::FieldValue;
using graphql::execution::ResolveInfo;

namespace {

/// Events read at once.
constexpr std::size_t kPage = 500;

/// Deletes a past state, and marks it thereby: neither the state of the core nor the present ones
/// carry anything for it.
struct PastDeleter {
  void operator()(const job::JobState* state) const { delete state; }
};

job::StatePtr past(job::JobState state) {
  return {new job::JobState(std::move(state)), PastDeleter()};
}

bool is_over(const Context& context) {
  return context.stop.stop_requested() || (context.deadline && context.clock != nullptr &&
                                           context.clock->now().monotonic >= *context.deadline);
}

/// The events of job `id` up to `time`, folded; nullopt where there is none, or they are being
/// deleted. The context is the request's, which outlives the coroutine.
asio::awaitable<Result<std::optional<job::JobState>>> fold_until(BackendPtr backend, JobId id,
                                                                 Timestamp time,
                                                                 const Context& context) {
  job::JobState state;
  while (true) {
    if (is_over(context)) {
      co_return fail(ErrorCode::kDeadlineExceeded, "The request's time is over.");
    }
    auto events =
        co_await backend->reads.run([reader = backend->reader, id, after = state.last_sequence] {
          return reader->events_of(id, after, kPage);
        });
    if (!events) co_return std::unexpected(std::move(events.error()));
    if (!events->empty() &&
        to_number(events->front().sequence) != to_number(state.last_sequence) + 1) {
      co_return std::nullopt;
    }
    bool done = events->size() < kPage;
    for (const job::Event& event : *events) {
      done = done || event.time > time;
      if (event.time > time) break;
      if (to_number(state.last_sequence) == backend->options.history_events_max) {
        co_return fail(ErrorCode::kLimitExceeded,
                       "time: the job has more than " +
                           std::to_string(backend->options.history_events_max) +
                           " events up to then.");
      }
      const Result<void> applied = job::apply_stored(state, event);
      if (!applied) co_return std::unexpected(applied.error());
    }
    if (!done) continue;
    if (to_number(state.last_sequence) == 0) co_return std::nullopt;
    co_return std::move(state);
  }
}

}  // namespace

bool is_past(const graphql::execution::SourceObject& source) {
  return source.owner != nullptr && std::get_deleter<PastDeleter>(*source.owner) != nullptr;
}

asio::awaitable<FieldResult<FieldValue>> job_at(BackendPtr backend, const ResolveInfo& info) {
  const Result<Timestamp> time = parse_timestamp(*text_argument(info, "time"));
  if (!time) {
    co_return std::unexpected(
        api_error({ErrorCode::kBadUserInput, "time: " + time.error().message}));
  }
  if (*time > backend->clock->now().wall) {
    co_return std::unexpected(api_error({ErrorCode::kBadUserInput, "time: lies in the future."}));
  }
  auto state =
      co_await fold_until(backend, info.source_as<job::JobState>().id, *time, context_of(info));
  if (!state) co_return std::unexpected(api_error(std::move(state.error())));
  if (!*state) co_return FieldValue();
  co_return backend->job_value(past(std::move(**state)));
}

}  // namespace errand::api
