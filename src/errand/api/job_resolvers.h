#pragma once

#include "errand/api/backend.h"
#include "errand/graphql/execution/resolver_map.h"

namespace errand::api {

/// Adds the resolvers of `Job`, of the typed jobs' `result` and of the objects below a job. Their
/// source object is a job::JobState.
void add_job_resolvers(const BackendPtr& backend, graphql::execution::ResolverMap& map);

}  // namespace errand::api
