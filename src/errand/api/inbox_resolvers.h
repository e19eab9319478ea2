#pragma once

#include "errand/api/backend.h"
#include "errand/graphql/execution/resolver_map.h"

namespace errand::api {

/// The viewer's inbox: reading, marking, and items as they come.
void add_inbox_resolvers(const BackendPtr& backend, graphql::execution::ResolverMap& map);

}  // namespace errand::api
