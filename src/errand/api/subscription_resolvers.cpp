#include "errand/api/subscription_resolvers.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "errand/api/event_stream.h"
#include "errand/api/job_access.h"
#include "errand/api/job_state_stream.h"
#include "errand/api/query_resolvers.h"

namespace errand::api {

namespace asio = boost::asio;
using graphql::execution::FieldError;
using graphql::execution::FieldResult;
using graphql::execution::FieldValue;
using graphql::execution::ResolveInfo;
using graphql::execution::ResolverMap;
using graphql::execution::SourceEvent;
using graphql::execution::SourceStream;

namespace {

using Stream = FieldResult<std::unique_ptr<SourceStream>>;

/// Says null once: there is no such job, or it is not the viewer's.
class NullStream final : public SourceStream {
 public:
  asio::awaitable<FieldResult<std::optional<SourceEvent>>> next() override {
    if (std::exchange(ended_, true)) co_return std::nullopt;
    co_return SourceEvent{};
  }
  void close() override { ended_ = true; }

 private:
  bool ended_ = false;
};

asio::awaitable<Stream> job_stream(BackendPtr backend, const ResolveInfo& info) {
  const std::string id = *text_argument(info, "id");
  const std::optional<JobId> job_id = JobId::parse(id);
  // Subscribed before the read, so that no change falls in between.
  std::unique_ptr<JobWatch> watch;
  if (job_id) {
    watch = std::make_unique<JobWatch>(
        co_await asio::this_coro::executor, backend->bus,
        runtime::Interest{.tenant = context_of(info).principal->tenant, .job = job_id});
  }
  auto state = co_await find_job(backend, context_of(info), id);
  if (!state) co_return std::unexpected(api_error(std::move(state.error())));
  if (*state == nullptr || backend->job_value(*state).is_null()) {
    co_return std::make_unique<NullStream>();
  }
  co_return std::make_unique<JobStateStream>(backend, std::move(watch), std::move(*state));
}

asio::awaitable<Stream> jobs_stream(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const Result<void> allowed = authorize(*backend, context, auth::Action::kReadJob);
  if (!allowed) co_return std::unexpected(api_error(allowed.error()));
  Result<store::JobFilter> filter =
      read_job_filter(context.principal->tenant, info.argument("filter"));
  if (!filter) co_return std::unexpected(api_error(std::move(filter.error())));
  auto watch = std::make_unique<JobWatch>(
      co_await asio::this_coro::executor, backend->bus,
      runtime::Interest{.tenant = context.principal->tenant, .job = std::nullopt});
  co_return std::make_unique<JobsStateStream>(backend, std::move(watch), std::move(*filter));
}

asio::awaitable<Stream> event_stream(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const TenantId& tenant = context.principal->tenant;
  const Result<void> allowed = authorize(*backend, context, auth::Action::kReadJob);
  if (!allowed) co_return std::unexpected(api_error(allowed.error()));
  EventFilter filter;
  Result<store::JobFilter> jobs = read_job_filter(tenant, info.argument("filter"));
  if (!jobs) co_return std::unexpected(api_error(std::move(jobs.error())));
  if (const boost::json::value* given = info.argument("filter"); given && !given->is_null()) {
    filter.jobs = std::move(*jobs);
  }
  const std::optional<std::string> id = text_argument(info, "id");
  if (id) {
    filter.job = JobId::parse(*id);
    if (!filter.job) {
      co_return std::unexpected(api_error({ErrorCode::kNotFound, std::string(kNoSuchJob)}));
    }
  }

  auto watch = std::make_unique<JobWatch>(
      co_await asio::this_coro::executor, backend->bus,
      runtime::Interest{.tenant = tenant, .job = filter.job, .snapshots = false});
  bool missing = false;
  if (id) {
    auto state = co_await find_job(backend, context, *id);
    if (!state) co_return std::unexpected(api_error(std::move(state.error())));
    missing = *state == nullptr;
  }
  std::string cursor = context.last_event_id;
  if (cursor.empty()) cursor = text_argument(info, "after").value_or("");
  if (missing && cursor.empty()) {
    co_return std::unexpected(api_error({ErrorCode::kNotFound, std::string(kNoSuchJob)}));
  }
  struct Bounds {
    LogPosition pruned{};
    LogPosition last{};
  };
  const Result<Bounds> bounds =
      co_await backend->reads.run([reader = backend->reader, tenant]() -> Result<Bounds> {
        const auto last_position = reader->last_position();
        if (!last_position) return std::unexpected(last_position.error());
        const auto pruned = reader->pruned_position(tenant);
        if (!pruned) return std::unexpected(pruned.error());
        return Bounds{*pruned, *last_position};
      });
  if (!bounds) co_return std::unexpected(api_error(bounds.error()));
  const LogPosition last = bounds->last;

  // Left out: from the job's first event; of the whole log, from now on.
  LogPosition after = id ? LogPosition{} : std::max(last, bounds->pruned);
  if (!cursor.empty()) {
    const Result<LogPosition> position = backend->cursors.read_event_cursor(tenant, cursor);
    if (!position) co_return std::unexpected(api_error(position.error()));
    if (*position > last) {
      co_return std::unexpected(
          api_error({ErrorCode::kCursorInvalid,
                     "The cursor lies beyond the end of the log: was the database put back?"}));
    }
    after = *position;
    // Of a job that is there, all events are. A missing one may have been deleted since: its id
    // does not tell, so that the answer says nothing about other tenants' jobs (I13).
    if ((missing || !id) && after < bounds->pruned) {
      co_return std::unexpected(cursor_expired(*backend, tenant, last));
    }
    if (missing) {
      co_return std::unexpected(api_error({ErrorCode::kNotFound, std::string(kNoSuchJob)}));
    }
  }
  co_return std::make_unique<EventStream>(backend, std::move(watch), tenant, std::move(filter),
                                          after);
}

}  // namespace

void add_subscription_resolvers(const BackendPtr& backend, ResolverMap& map) {
  const contract::Names& names = backend->contract->names();
  const std::string root(backend->schema().subscription_type()->name);
  const auto add = [&](std::string_view field, auto function) {
    map.add_stream(root, names.field(field), [backend, function](const ResolveInfo& info) {
      return function(backend, info);
    });
  };
  add("job", job_stream);
  add("jobs", jobs_stream);
  add("jobEvents", event_stream);
}

}  // namespace errand::api
