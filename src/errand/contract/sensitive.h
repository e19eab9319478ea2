#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "errand/graphql/type/definitions.h"

namespace errand::contract {

/// Stands where a sensitive value was.
inline constexpr std::string_view kRedacted = "[redacted]";

/// Coordinates of the values with @sensitive that the arguments of `field` may hold: "pay(pin:)"
/// for an argument, "Card.number" for an input field. What lies below a sensitive value is not
/// listed.
std::vector<std::string> sensitive_coordinates(const graphql::type::FieldDefinition& field);

/// `arguments` of `field` with each sensitive value that is not null replaced by kRedacted, at any
/// depth. Members that the schema does not know are replaced too: nobody can tell what they are.
boost::json::object redact_arguments(const graphql::type::FieldDefinition& field,
                                     const boost::json::object& arguments);

}  // namespace errand::contract
