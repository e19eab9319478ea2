#pragma once

#include "errand/api/backend.h"
#include "errand/graphql/execution/resolver_map.h"

namespace errand::api {

/// Makes a deferred fragment on a job that asks for its `result`, `error` or `finishedAt` wait
/// until the job has ended, so that a mutation answers at once and delivers the result in the same
/// response:
///
///     mutation { exportReport(...) { id status ... @defer { status result { url } error { code } }
///     } }
///
/// All fields of the fragment then show the job as it ended. The wait is bounded by
/// ApiOptions::deferred_wait_max, after which they show it as it is by then, ends with the client's
/// stream, and counts among ApiOptions::waiting_max.
void add_deferred_jobs(const BackendPtr& backend, graphql::execution::ResolverMap& map);

}  // namespace errand::api
