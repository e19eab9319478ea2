#pragma once

#include <cstdint>
#include <vector>

#include "errand/graphql/execution/executable_document.h"
#include "errand/graphql/request/limits.h"

namespace errand::graphql::request {

/// Holds a parsed document, not validated yet, against those `limits` that need no schema: each
/// operation with its fragments put in place. Counts what stands below `__schema` and `__type` by
/// its own depth limit alone, so that the standard introspection query passes. Linear in the
/// document: each fragment is measured once, however often it is spread; cycles count nothing
/// (validation refuses them).
/// @return an error with its own ErrorCode for each operation and limit that it exceeds;
///         kMaxRecursionLimit alone, where fragments nest too deeply to be followed.
std::vector<language::GraphQLError> check_limits(const execution::ExecutableDocument& document,
                                                 const Limits& limits);

/// The nesting that a document may have: Limits::recursion_max within the parser's own bound.
std::uint32_t recursion_bound(const Limits& limits);

}  // namespace errand::graphql::request
