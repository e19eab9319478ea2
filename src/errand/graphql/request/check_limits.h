#pragma once

#include <optional>

#include "errand/graphql/execution/executable_document.h"
#include "errand/graphql/request/limits.h"

namespace errand::graphql::request {

/// Holds a parsed document, not validated yet, against `limits`: each operation with its fragments
/// put in place. Counts what stands below `__schema` and `__type` by its own depth limit alone, so
/// that the standard introspection query passes. Linear in the document: each fragment is measured
/// once, however often it is spread; cycles count nothing (validation refuses them).
/// @return the first limit that is exceeded, with its own ErrorCode.
std::optional<language::GraphQLError> check_limits(const execution::ExecutableDocument& document,
                                                   const Limits& limits);

}  // namespace errand::graphql::request
