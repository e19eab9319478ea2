#pragma once

#include <vector>

#include <boost/json/object.hpp>

#include "errand/contract/job_type.h"
#include "errand/graphql/type/definitions.h"

namespace errand::contract {

/// Stands where a sensitive value was.
inline constexpr std::string_view kRedacted = "[redacted]";

/// Paths of the values with @sensitive in the arguments of `field`. What lies below a sensitive
/// value is not listed; an input type that comes again below itself is not followed twice.
std::vector<InputPath> sensitive_paths(const graphql::type::FieldDefinition& field);

/// `arguments` of `field` with each sensitive value that is not null replaced by kRedacted, at any
/// depth. Members that the schema does not know are replaced too: nobody can tell what they are.
boost::json::object redact_arguments(const graphql::type::FieldDefinition& field,
                                     const boost::json::object& arguments);

}  // namespace errand::contract
