#pragma once

#include <span>
#include <string_view>

/// The part of the served schema that is the same for every user: the status schema of DESIGN.md,
/// section 3. Names are those without a prefix; rewrite_schema() puts it in.
namespace errand::contract {

/// Types, interfaces, enums and inputs: Job, JobOptions and what they need.
std::string_view standard_types_sdl() noexcept;

/// Our custom scalars, each of which stands in a served schema that refers to it.
struct StandardScalar {
  std::string_view name;
  std::string_view sdl;
};
std::span<const StandardScalar> standard_scalars() noexcept;

/// Fields of the interface Job, which every job type repeats.
std::string_view job_fields_sdl() noexcept;

/// Fields that are added to the root types.
std::string_view query_fields_sdl() noexcept;
std::string_view mutation_fields_sdl() noexcept;
std::string_view subscription_fields_sdl() noexcept;

/// The directives of the GraphQL Cost Directives specification, with which the served schema and
/// the user's tell what fields cost. They stand in every served schema.
std::string_view cost_directives_sdl() noexcept;

/// Our other directives and what their arguments need; these types stand in no served schema.
std::string_view directives_sdl() noexcept;

}  // namespace errand::contract
