#pragma once

#include <vector>

#include "errand/contract/job_type.h"
#include "errand/contract/schema_errors.h"
#include "errand/graphql/type/schema.h"

namespace errand::contract {

/// Reads @job, @auth, @notify and @schedule of a field that has @job, with all their rules. Adds
/// what is wrong to `errors`, each with the place of the value and what to write instead; the
/// result is then of no use. Leaves constraints, sensitive paths and snapshot to others.
JobType read_job_type(const graphql::type::Schema& schema,
                      const graphql::type::FieldDefinition& field, SchemaErrors& errors);

/// Checks that the types of a queue agree on its limits: one that declares it speaks for all.
void check_queue_limits(const std::vector<JobType>& types, SchemaErrors& errors);

}  // namespace errand::contract
