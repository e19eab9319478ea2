#pragma once

#include <span>
#include <string>
#include <string_view>

#include "errand/contract/job_type.h"
#include "errand/contract/names.h"
#include "errand/contract/schema_errors.h"
#include "errand/graphql/federation/linkage.h"
#include "errand/graphql/type/schema.h"

/// What a contract adds to the schema of a subgraph (Apollo Federation 2). Jobs are its entities.
namespace errand::contract {

/// Name of the source that holds what every subgraph has, in user and served schemas.
inline constexpr std::string_view kFederationSourceName = "Errand's federation";

/// ` @key(fields: "id")`, by the name that the schema has for it.
std::string job_key(const graphql::federation::Linkage& linkage);
/// The same for the interface Job; empty where the linked version knows no entity interfaces.
std::string job_interface_key(const graphql::federation::Linkage& linkage);
/// ` @shareable`
std::string shareable(const graphql::federation::Linkage& linkage);

/// SDL of the definitions that a user's schema may need, without those that it or we have.
std::string federation_definitions_sdl(const graphql::federation::Linkage& linkage,
                                       std::span<const graphql::language::Document> documents);

/// The @link of a schema that has none; empty for others.
std::string federation_link_sdl(const graphql::federation::Linkage& linkage,
                                const graphql::type::Schema& user_schema);

/// SDL of what stands in the served schema and in no subgraph SDL: definitions of the directives
/// that `user_schema` applies and we add, `_service`, and `_entities` where there are jobs.
std::string federation_machinery_sdl(const graphql::federation::Linkage& linkage,
                                     const graphql::type::Schema& user_schema,
                                     std::span<const JobType> job_types);

/// Rules for a user's schema that is a subgraph: federation's own that show in one subgraph, and
/// ours, as only jobs can be fetched by a key.
void check_federation_rules(const graphql::type::Schema& user_schema,
                            const graphql::federation::Linkage& linkage, SchemaErrors& errors);

}  // namespace errand::contract
