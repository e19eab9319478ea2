#pragma once

#include "errand/api/backend.h"
#include "errand/graphql/execution/resolver_map.h"

namespace errand::api {

/// Adds the resolvers of what is done about jobs that failed: deadLetters, requeueDeadLetters,
/// discardDeadLetters, failureReport, and of the objects that they give.
///
/// The commands take ids or a filter. Jobs go to the lane in pages, within the request's deadline:
/// what did not get its turn is told by `hasMore`. A job that cannot be changed is listed with its
/// reason and keeps none of the others back.
void add_dead_letter_resolvers(const BackendPtr& backend, graphql::execution::ResolverMap& map);

}  // namespace errand::api
