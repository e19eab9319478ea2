#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "errand/contract/job_type.h"
#include "errand/contract/names.h"
#include "errand/graphql/federation/linkage.h"
#include "errand/graphql/type/schema.h"

namespace errand::contract {

/// Name of the source that holds our directives, in a user schema.
inline constexpr std::string_view kDirectivesSourceName = "Errand's directives";
/// Name of the source that holds our scalars that the user has not declared.
inline constexpr std::string_view kScalarsSourceName = "Errand's scalars";

/// Whether `definition` of a user schema comes from us.
bool is_ours(const graphql::type::Described& definition);

/// SDL of the served schema: the user's types with the job mutations rewritten and our directives
/// left out, an object type for each job type, the status schema. The same SDL for the same input.
/// @param linkage  of a subgraph, whose jobs become entities; nullptr for others
std::string rewrite_schema(const graphql::type::Schema& user_schema,
                           std::span<const JobType> job_types, const Names& names,
                           const graphql::federation::Linkage* linkage = nullptr);

/// Names, without prefix, of the types of the status schema (scalars left out), and of the fields
/// that are added to the root types.
std::span<const std::string> standard_type_names();
std::span<const std::string> standard_root_fields(graphql::language::OperationType operation);

/// SDL of all our directives, and their names: a user's schema declares none of them.
std::string all_directives_sdl();
std::span<const std::string> our_directive_names();

}  // namespace errand::contract
