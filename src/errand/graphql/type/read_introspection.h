#pragma once

#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "errand/base/result.h"

/// Reading the schema of another server over introspection (specification, 4): first a probe, which
/// tells what its introspection knows (isOneOf and includeDeprecated of arguments are younger than
/// many servers), then the query made from that. Pure; responses may be anything.
namespace errand::graphql::type {

/// The query that tells what the server's introspection knows.
std::string_view introspection_probe() noexcept;

/// The query for the whole schema.
/// @param probed  `data` of the response to introspection_probe(); where it says nothing, the query
///                keeps to what all servers know
std::string introspection_query(const boost::json::value& probed);

/// The schema as SDL, without built-in scalars, specified directives and introspection types.
/// Applied directives do not show in introspection but for @deprecated, @specifiedBy and @oneOf.
/// @param introspected  `data` of the response to introspection_query()
/// @return kSchemaInvalid saying what the response lacks; whether the SDL makes a valid schema is
///         for build_schema() to say
Result<std::string> sdl_from_introspection(const boost::json::value& introspected);

}  // namespace errand::graphql::type
