#pragma once

#include "errand/api/backend.h"
#include "errand/graphql/execution/resolver_map.h"

namespace errand::api {

/// Adds the resolvers of our query fields (job, jobs, node, queues, workers) and of the connections
/// and objects that they give. Every read asks the policy (I13).
void add_query_resolvers(const BackendPtr& backend, graphql::execution::ResolverMap& map);

/// Reads the argument `filter: JobFilter`, bound to the viewer's tenant.
/// @return kBadUserInput naming what is wrong.
Result<store::JobFilter> read_job_filter(const TenantId& tenant, const boost::json::value* filter);

}  // namespace errand::api
