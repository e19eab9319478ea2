#pragma once

#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "errand/api/backend.h"
#include "errand/api/context.h"
#include "errand/base/result.h"
#include "errand/graphql/execution/field_error.h"
#include "errand/graphql/execution/resolver.h"

namespace errand::api {

/// What a client is told of a job that is not there, or not its own (I13).
inline constexpr std::string_view kNoSuchJob = "There is no such job.";

/// The context of the request that `info` belongs to.
inline Context& context_of(const graphql::execution::ResolveInfo& info) {
  return info.context_as<Context>();
}

/// An error as resolvers give it; adds `extensions.http.status` where the code has one.
graphql::execution::FieldError api_error(Error error);

/// Asks the policy for `action` on anything of the principal's own tenant.
Result<void> authorize(const Backend& backend, const Context& context, auth::Action action);

/// Whether `state` is a job that the viewer may see; nullptr is none, and internal ones nobody
/// sees.
bool may_see(const Backend& backend, const Context& context, const job::JobState* state);

/// Who acts, as the events of a command say it.
job::Actor actor_of(const auth::Principal& principal);

/// The job, if it is there and the viewer may see it. Takes references because the caller awaits it
/// in place.
/// @return nullptr for a job that is missing or another tenant's; kForbidden without the scope,
///         whether or not there is such a job.
boost::asio::awaitable<Result<job::StatePtr>> find_job(BackendPtr backend, const Context& context,
                                                       std::string_view id);

/// The argument `name` as text; nullopt where it is absent or null.
std::optional<std::string> text_argument(const graphql::execution::ResolveInfo& info,
                                         std::string_view name);

}  // namespace errand::api
