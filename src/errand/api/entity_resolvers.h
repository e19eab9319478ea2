#pragma once

#include "errand/api/backend.h"
#include "errand/graphql/execution/resolver_map.h"

namespace errand::api {

/// Adds `Query._service` and `Query._entities` of a subgraph (Apollo Federation 2). Does nothing
/// where the contract is none.
void add_entity_resolvers(const BackendPtr& backend, graphql::execution::ResolverMap& map);

}  // namespace errand::api
