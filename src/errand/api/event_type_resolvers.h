#pragma once

#include "errand/api/backend.h"
#include "errand/graphql/execution/resolver_map.h"

namespace errand::api {

/// Adds the resolvers of what each type of event has beside the interface JobEvent (source:
/// EventView that holds an event of that kind).
void add_event_type_resolvers(const BackendPtr& backend, graphql::execution::ResolverMap& map);

}  // namespace errand::api
