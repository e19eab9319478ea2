#pragma once

#include "errand/graphql/execution/resolver_map.h"
#include "errand/graphql/type/schema.h"

namespace errand::graphql::execution {

/// Adds the resolvers of the introspection types and of `__schema` and `__type` (spec, section 4)
/// to `map`. Lists come in the order of declaration, types in that of Schema::types_by_reference().
void add_introspection_resolvers(const type::Schema& schema, ResolverMap& map);

}  // namespace errand::graphql::execution
