#pragma once

#include <functional>
#include <set>
#include <string_view>

#include "errand/graphql/federation/linkage.h"
#include "errand/graphql/type/schema.h"

namespace errand::graphql::federation {

/// Calls `function` for every directive that `schema` applies: to itself, its types, fields,
/// arguments, values and directive definitions.
void for_each_applied(const type::Schema& schema,
                      const std::function<void(const type::AppliedDirective&)>& function);

/// Own names of federation's directives that `schema` applies.
std::set<std::string_view> applied_directives(const type::Schema& schema, const Linkage& linkage);

/// Checks what one subgraph by itself shows to be wrong, so that it is told with its place before
/// composition: field sets of @key, @requires and @provides, @composeDirective's directive, and
/// @interfaceObject without a key. `schema` was built with the definitions of `linkage`.
void check_federation(const type::Schema& schema, const Linkage& linkage, const Report& report);

}  // namespace errand::graphql::federation
