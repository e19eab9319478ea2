#pragma once

#include "errand/contract/job_type.h"
#include "errand/contract/schema_errors.h"
#include "errand/graphql/type/schema.h"

namespace errand::contract {

/// Refuses what this version reads and checks but does not honour yet, so that nobody relies on it.
/// The one list of such things: what becomes real is deleted from its table.
void refuse_unsupported_features(const graphql::type::Schema& schema, SchemaErrors& errors);

}  // namespace errand::contract
