#include "errand/api/job_access.h"

#include <utility>

#include "errand/job/internal_type.h"

namespace errand::api {

namespace execution = graphql::execution;

execution::FieldError api_error(Error error) {
  int status = 0;
  switch (error.code) {
    case ErrorCode::kIdempotencyKeyReused:
      status = 422;
      break;
    case ErrorCode::kIdempotencyKeyRequired:
    case ErrorCode::kIdempotencyKeyInvalid:
      status = 400;
      break;
    default:
      break;
  }
  const auto retry_after = error.retry_after;
  execution::FieldError result(std::move(error));
  if (retry_after) {
    result.extensions["errand"] = {{"retryAfter", retry_after->count()}};
  }
  if (status != 0) result.extensions["http"] = {{"status", status}};
  return result;
}

Result<void> authorize(const Backend& backend, const Context& context, auth::Action action) {
  return backend.policy.check(*context.principal, action);
}

bool may_see(const Backend& backend, const Context& context, const job::JobState* state) {
  return state != nullptr && !job::is_internal(state->spec.type) &&
         backend.policy.may(*context.principal, auth::Action::kReadJob,
                            {.tenant = &state->spec.tenant}) == auth::Decision::kAllowed;
}

job::Actor actor_of(const auth::Principal& principal) {
  const bool is_operator = principal.kind == auth::PrincipalKind::kOperator;
  return {is_operator ? job::ActorKind::kOperator : job::ActorKind::kClient, principal.subject};
}

boost::asio::awaitable<Result<job::StatePtr>> find_job(BackendPtr backend, const Context& context,
                                                       std::string_view id) {
  // The scope first, so that its lack says nothing about the job.
  Result<void> allowed = authorize(*backend, context, auth::Action::kReadJob);
  if (!allowed) co_return std::unexpected(std::move(allowed.error()));
  const std::optional<JobId> job_id = JobId::parse(id);
  if (!job_id) co_return job::StatePtr();
  Result<job::StatePtr> state = co_await backend->reads.run(
      [reader = backend->reader, key = *job_id] { return reader->job(key); });
  if (!state) co_return state;
  if (!may_see(*backend, context, state->get())) co_return job::StatePtr();
  co_return state;
}

std::optional<std::string> text_argument(const execution::ResolveInfo& info,
                                         std::string_view name) {
  const boost::json::value* value = info.argument(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

}  // namespace errand::api
