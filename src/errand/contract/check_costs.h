#pragma once

#include "errand/contract/schema_errors.h"
#include "errand/graphql/type/schema.h"

namespace errand::contract {

/// Checks the arguments of `@cost` and `@listSize` beyond their types: weights are numbers, slicing
/// arguments exist and count, sized fields exist and are lists.
void check_costs(const graphql::type::Schema& schema, SchemaErrors& errors);

}  // namespace errand::contract
