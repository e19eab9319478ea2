#pragma once

#include "errand/api/backend.h"
#include "errand/graphql/execution/resolver_map.h"

namespace errand::api {

/// Adds the resolvers of the interface JobEvent (source: EventView), of `Job.events`, and of the
/// connections of events.
void add_event_resolvers(const BackendPtr& backend, graphql::execution::ResolverMap& map);

}  // namespace errand::api
