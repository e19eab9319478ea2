#pragma once

#include <span>

#include "errand/contract/contract.h"
#include "errand/contract/job_type.h"
#include "errand/contract/names.h"
#include "errand/contract/schema_errors.h"
#include "errand/graphql/type/schema.h"

namespace errand::contract {

/// Checks the rules of DESIGN.md, section 3, that concern a schema as a whole: where our directives
/// may stand, that every root field has something that answers it, that nothing has a name of ours,
/// that result types take no arguments.
void check_schema_rules(const graphql::type::Schema& schema, std::span<const JobType> job_types,
                        const Names& names, const ContractOptions& options, SchemaErrors& errors);

}  // namespace errand::contract
