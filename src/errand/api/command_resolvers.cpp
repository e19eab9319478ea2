#include "errand/api/command_resolvers.h"

#include <algorithm>
#include <string>
#include <utility>

#include "errand/api/job_access.h"
#include "errand/api/typed_resolvers.h"

namespace errand::api {

namespace asio = boost::asio;
using graphql::execution::FieldError;
using graphql::execution::FieldResult;
using graphql::execution::FieldValue;
using graphql::execution::ObjectRef;
using graphql::execution::ResolveInfo;
using graphql::execution::ResolverMap;

namespace {

FieldError no_such_job() { return api_error({ErrorCode::kNotFound, std::string(kNoSuchJob)}); }

/// Sends `command` to the job that the argument `id` names.
asio::awaitable<FieldResult<FieldValue>> command_job(BackendPtr backend, const ResolveInfo& info,
                                                     auth::Action action, job::Command command) {
  const Context& context = context_of(info);
  const Result<void> allowed = authorize(*backend, context, action);
  if (!allowed) co_return std::unexpected(api_error(allowed.error()));
  const std::optional<JobId> id = JobId::parse(*text_argument(info, "id"));
  if (!id) co_return std::unexpected(no_such_job());
  // The engine compares the tenant: another one's job is told like a missing one (I13).
  auto reply = co_await backend->lane.execute_as<engine::JobReply>(
      engine::CommandJob{.id = *id,
                         .command = std::move(command),
                         .actor = actor_of(*context.principal),
                         .traceparent = context.traceparent,
                         .tenant = context.principal->tenant,
                         .result = {},
                         .worker = {}});
  if (!reply) {
    if (reply.error().code == ErrorCode::kNotFound) co_return std::unexpected(no_such_job());
    co_return std::unexpected(api_error(std::move(reply.error())));
  }
  co_return backend->job_value(std::move(reply->state));
}

/// The argument `reason`, within the bounds of the job core.
Result<std::string> reason_of(const ResolveInfo& info) {
  std::string reason = text_argument(info, "reason").value_or("");
  if (reason.size() > job::kReasonBytesMax) {
    return fail(ErrorCode::kBadUserInput, "\"reason\" may have 1024 bytes at most.");
  }
  return reason;
}

asio::awaitable<FieldResult<FieldValue>> cancel_job(BackendPtr backend, const ResolveInfo& info) {
  Result<std::string> reason = reason_of(info);
  if (!reason) co_return std::unexpected(api_error(std::move(reason.error())));
  co_return co_await command_job(backend, info, auth::Action::kCancelJob,
                                 job::RequestCancel{std::move(*reason)});
}

asio::awaitable<FieldResult<FieldValue>> kill_job(BackendPtr backend, const ResolveInfo& info) {
  Result<std::string> reason = reason_of(info);
  if (!reason) co_return std::unexpected(api_error(std::move(reason.error())));
  co_return co_await command_job(backend, info, auth::Action::kKillJob,
                                 job::Kill{std::move(*reason)});
}

asio::awaitable<FieldResult<FieldValue>> retry_job(BackendPtr backend, const ResolveInfo& info) {
  co_return co_await command_job(backend, info, auth::Action::kRetryJob, job::RetryRun{});
}

asio::awaitable<FieldResult<FieldValue>> forget_job(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const Result<void> allowed = authorize(*backend, context, auth::Action::kForgetJob);
  if (!allowed) co_return std::unexpected(api_error(allowed.error()));
  const std::optional<JobId> id = JobId::parse(*text_argument(info, "id"));
  if (!id) co_return std::unexpected(no_such_job());
  auto done = co_await backend->lane.execute_as<engine::Done>(
      engine::ForgetJob{.id = *id, .tenant = context.principal->tenant});
  if (!done) {
    if (done.error().code == ErrorCode::kNotFound) co_return std::unexpected(no_such_job());
    if (done.error().code == ErrorCode::kJobNotEnded) {
      co_return std::unexpected(api_error(
          {ErrorCode::kJobNotEnded,
           "The job has not ended. Cancel it first with cancelJob, and forget it when it has "
           "ended."}));
    }
    co_return std::unexpected(api_error(std::move(done.error())));
  }
  co_return FieldValue(id->str());
}

asio::awaitable<FieldResult<FieldValue>> pause_queue(BackendPtr backend, const ResolveInfo& info,
                                                     bool paused) {
  const Context& context = context_of(info);
  const Result<void> allowed = authorize(*backend, context, auth::Action::kManageQueues);
  if (!allowed) co_return std::unexpected(api_error(allowed.error()));
  const QueueName queue(*text_argument(info, "queue"));
  const TenantId& tenant = context.principal->tenant;
  if (!context.principal->has_queue(queue)) {
    co_return std::unexpected(api_error({ErrorCode::kForbidden, "The queue is not one of yours."}));
  }
  const bool declared =
      std::ranges::any_of(backend->contract->job_types(),
                          [&](const contract::JobType& type) { return type.queue == queue; });
  auto list =
      co_await backend->lane.execute_as<engine::QueueList>(engine::ListQueues{.tenant = tenant});
  if (!list) co_return std::unexpected(api_error(std::move(list.error())));
  const auto named = [&](const engine::QueueList::Queue& item) { return item.queue == queue; };
  if (!declared && std::ranges::none_of(list->queues, named)) {
    co_return std::unexpected(
        api_error({ErrorCode::kQueueUnknown, "There is no queue of this name."}));
  }
  auto done = co_await backend->lane.execute_as<engine::Done>(engine::PauseQueue{
      .queue = queue, .tenant = tenant, .paused = paused, .by = context.principal->subject});
  if (!done) co_return std::unexpected(api_error(std::move(done.error())));

  list = co_await backend->lane.execute_as<engine::QueueList>(engine::ListQueues{.tenant = tenant});
  if (!list) co_return std::unexpected(api_error(std::move(list.error())));
  engine::QueueList::Queue shown{.queue = queue, .paused = paused};
  const auto found = std::ranges::find_if(list->queues, named);
  if (found != list->queues.end()) shown = std::move(*found);
  co_return ObjectRef{backend->object_type("QueueInfo"),
                      std::make_shared<const engine::QueueList::Queue>(std::move(shown))};
}

asio::awaitable<FieldResult<FieldValue>> drain_worker(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const Result<void> allowed = authorize(*backend, context, auth::Action::kManageWorkers);
  if (!allowed) co_return std::unexpected(api_error(allowed.error()));
  const WorkerId id(*text_argument(info, "id"));
  auto done = co_await backend->lane.execute_as<engine::Done>(
      engine::DrainWorker{.worker = id, .tenant = context.principal->tenant, .tell = true});
  if (!done) co_return std::unexpected(api_error(std::move(done.error())));
  auto list = co_await backend->lane.execute_as<engine::WorkerList>(engine::ListWorkers{});
  if (!list) co_return std::unexpected(api_error(std::move(list.error())));
  const auto found = std::ranges::find(list->workers, id, &engine::WorkerList::Worker::id);
  if (found == list->workers.end()) co_return FieldValue();  // it has left already
  co_return ObjectRef{backend->object_type("WorkerInfo"),
                      std::make_shared<const engine::WorkerList::Worker>(std::move(*found))};
}

}  // namespace

void add_command_resolvers(const BackendPtr& backend, ResolverMap& map) {
  const auto add = [&](std::string_view field, auto function) {
    add_root_field(backend, map, backend->schema().mutation_type(), field, function);
  };
  add("cancelJob", cancel_job);
  add("killJob", kill_job);
  add("retryJob", retry_job);
  add("forgetJob", forget_job);
  add("pauseQueue", [](BackendPtr to, const ResolveInfo& info) {
    return pause_queue(std::move(to), info, true);
  });
  add("drainWorker", drain_worker);
  add("resumeQueue", [](BackendPtr to, const ResolveInfo& info) {
    return pause_queue(std::move(to), info, false);
  });
}

}  // namespace errand::api
