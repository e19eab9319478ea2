#pragma once

#include "errand/api/backend.h"
#include "errand/graphql/execution/resolver_map.h"

namespace errand::api {

/// Adds the resolvers of the mutations that act on what is there: cancelJob, killJob, retryJob,
/// forgetJob, pauseQueue, resumeQueue.
void add_command_resolvers(const BackendPtr& backend, graphql::execution::ResolverMap& map);

}  // namespace errand::api
