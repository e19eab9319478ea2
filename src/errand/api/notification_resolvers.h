#pragma once

#include "errand/api/backend.h"
#include "errand/graphql/execution/resolver_map.h"

namespace errand::api {

/// What users want to hear and how they are reached, and what people were told of jobs.
void add_notification_resolvers(const BackendPtr& backend, graphql::execution::ResolverMap& map);

}  // namespace errand::api
