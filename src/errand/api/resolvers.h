#pragma once

#include <memory>

#include "errand/api/backend.h"
#include "errand/api/context.h"
#include "errand/base/result.h"
#include "errand/graphql/execution/resolver_map.h"

namespace errand::api {

/// Joins the served schema and the engine: resolvers for everything that Errand itself serves. The
/// requests that use them carry an api::Context.
/// @param extra  resolvers of the user's own root fields, if any (C++ or an upstream)
/// @return kInvalidArgument when a resolver does not fit the schema.
Result<graphql::execution::Resolvers> make_resolvers(std::shared_ptr<const Backend> backend,
                                                     graphql::execution::ResolverMap extra = {});

}  // namespace errand::api
