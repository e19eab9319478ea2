#pragma once

#include "errand/graphql/execution/field_error.h"
#include "errand/graphql/execution/field_value.h"
#include "errand/graphql/type/schema.h"
#include "errand/json/writer.h"

namespace errand::graphql::execution {

/// Result coercion of a scalar or enum (spec, 6.4.3 and 3.5): writes `value`, which is not null, as
/// the JSON that `leaf` asks for. Writes nothing where it fails.
FieldResult<void> serialize_leaf(json::Writer& writer, const type::NamedType& leaf,
                                 const FieldValue& value);

}  // namespace errand::graphql::execution
