#pragma once

#include <string_view>

#include "errand/graphql/execution/resolver_map.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/graphql/type/schema.h"

namespace errand::graphql::comparison {

/// Resolvers that answer every field of `schema` from the JSON text behind the root value: a field
/// is the member of its name, a missing one null, and `__typename` names the concrete type. Three
/// objects, as a field's value or inside its lists, are no data:
///   {"$args": true}                    the map of the field's coerced arguments
///   {"$arg": "name"}                   one of them, null when it is absent
///   {"$error": "m", "extensions": {}}  an execution error in that place
/// A root field of the subscription type streams the items of the list that is its value. An item
/// is the root value of its event, {"<field>": …}; one without such a member is itself the value.
execution::ResolverMap data_resolvers(const type::Schema& schema);

/// How to build a schema as graphql-js does: custom scalars pass any JSON unchanged, also those
/// that Errand knows better, and only its checks are made.
type::BuildOptions build_options();

}  // namespace errand::graphql::comparison
