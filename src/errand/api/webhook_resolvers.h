#pragma once

#include "errand/api/backend.h"
#include "errand/graphql/execution/resolver_map.h"

namespace errand::api {

/// `webhookEndpoints`, `webhookEndpoint` and the mutations that manage endpoints.
void add_webhook_resolvers(const BackendPtr& backend, graphql::execution::ResolverMap& map);

}  // namespace errand::api
