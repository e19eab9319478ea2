#pragma once

#include <expected>
#include <string>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "errand/api/backend.h"
#include "errand/graphql/execution/field_error.h"
#include "errand/job/payload.h"

namespace errand::api {

/// Constraint violations as one error: the first in its message, all of them in its extensions.
/// Holds places and rules, never the values.
graphql::execution::FieldError constraint_error(
    const std::vector<contract::ConstraintViolation>& violations);

/// A job's arguments as they are stored and as its worker gets them.
struct JobInput {
  std::string text;  ///< JSON
  job::PayloadRef ref;
  std::string limit_key;   ///< JobSpec::limit_key
  std::string unique_key;  ///< JobSpec::unique_key
};

/// Renders coerced arguments. @return kPayloadTooLarge beyond the bound of the server.
std::expected<JobInput, graphql::execution::FieldError> make_job_input(
    const Backend& backend, const contract::JobType& type, const boost::json::object& arguments);

/// Takes arguments that come as one JSON value in place of a mutation's own, and checks them like
/// those: their types, with defaults filled in, their constraints, their size.
/// @return kBadUserInput, kConstraintViolation or kPayloadTooLarge, naming the place.
std::expected<JobInput, graphql::execution::FieldError> check_edited_input(
    const Backend& backend, const contract::JobType& type, const boost::json::value& edited);

}  // namespace errand::api
