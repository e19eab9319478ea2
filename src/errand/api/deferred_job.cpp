#include "errand/api/deferred_job.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "errand/api/past_job.h"
#include "errand/api/wait_for_job.h"
#include "errand/graphql/execution/planned_field.h"

namespace errand::api {
namespace {

namespace asio = boost::asio;
using graphql::execution::DeferralInfo;
using graphql::execution::FieldError;
using graphql::execution::FieldResult;
using graphql::execution::ObjectRef;

/// Whether the fields are about how the job ended. Others, such as `whyWaiting`, are about now.
bool ask_for_end(const graphql::execution::SelectionPlan& selection) {
  constexpr std::array<std::string_view, 3> kOfTheEnd = {"result", "error", "finishedAt"};
  return std::ranges::any_of(selection.fields, [&](const auto& field) {
    return std::ranges::find(kOfTheEnd, field.definition->name) != kOfTheEnd.end();
  });
}

asio::awaitable<FieldResult<ObjectRef>> await_end(BackendPtr backend, const DeferralInfo& info) {
  const auto& known = info.source_as<job::JobState>();
  if (known.terminal() || is_past(info.source) || !ask_for_end(info.selection)) {
    co_return ObjectRef();
  }
  // Subscribed before the state is read, so that no commit falls in between.
  auto watch =
      std::make_unique<JobWatch>(co_await asio::this_coro::executor, backend->bus,
                                 runtime::Interest{.tenant = known.spec.tenant, .job = known.id});
  Result<job::StatePtr> state = co_await backend->reads.run(
      [reader = backend->reader, id = known.id] { return reader->job(id); });
  if (!state) co_return std::unexpected(FieldError(std::move(state.error())));
  if (*state == nullptr) co_return ObjectRef();  // pruned
  const MonotonicTime until = backend->clock->now().monotonic + backend->options.deferred_wait_max;
  // A server that stops cuts the stream, rather than deliver a result that is not there.
  co_return ObjectRef{&info.type,
                      co_await wait_for_job(backend, std::move(watch), std::move(*state),
                                            {.until = until, .ends_with_drain = false})};
}

}  // namespace

void add_deferred_jobs(const BackendPtr& backend, graphql::execution::ResolverMap& map) {
  for (const std::string_view type : backend->typed_job_names()) {
    map.add_deferral(type,
                     [backend](const DeferralInfo& info) { return await_end(backend, info); });
  }
}

}  // namespace errand::api
