#pragma once

#include "errand/api/backend.h"
#include "errand/graphql/execution/resolver_map.h"

namespace errand::api {

/// Adds the resolvers of the mutations that start jobs.
///
/// Each authorizes, reads the options, checks the constraints and the idempotency key, in this
/// order (DESIGN 4), then hands the job to the lane and answers with its typed handle once it is
/// durable. `options.validateOnly` stops before the lane and answers null; `options.waitFor` holds
/// the answer until the job has ended or the time is over.
void add_submit_resolvers(const BackendPtr& backend, graphql::execution::ResolverMap& map);

}  // namespace errand::api
