#pragma once

#include <span>

#include "errand/graphql/language/graphql_error.h"
#include "errand/json/writer.h"

namespace errand::graphql::execution {

/// Writes one error as the response format wants it (spec, 7.1.2): message, then locations, path
/// and extensions where there are any.
void write_error(json::Writer& writer, const language::GraphQLError& error);

/// Writes a response path as a list.
void write_path(json::Writer& writer, std::span<const language::PathSegment> path);

/// Writes a list of errors.
void write_errors(json::Writer& writer, std::span<const language::GraphQLError> errors);

}  // namespace errand::graphql::execution
