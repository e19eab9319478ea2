#pragma once

#include <cstddef>

namespace errand::graphql::request {

/// Bounds on one document. Beyond one, the request is refused before it is executed, with the
/// limit's own `extensions.code`. 0 switches a limit off.
struct Limits {
  std::size_t query_bytes_max = 100 * 1024;  ///< MAX_QUERY_BYTES_LIMIT
  std::size_t tokens_max = 5'000;            ///< MAX_TOKENS_LIMIT
  std::size_t recursion_max = 200;  ///< MAX_RECURSION_LIMIT: nesting that the parser follows
  std::size_t depth_max = 12;       ///< MAX_DEPTH_LIMIT: fields below each other
  std::size_t introspection_depth_max = 20;   ///< the same below __schema and __type
  std::size_t height_max = 500;               ///< MAX_HEIGHT_LIMIT: fields in all
  std::size_t aliases_max = 30;               ///< MAX_ALIASES_LIMIT
  std::size_t root_fields_max = 20;           ///< MAX_ROOT_FIELDS_LIMIT
  std::size_t mutation_root_fields_max = 10;  ///< MAX_ROOT_FIELDS_LIMIT, of a mutation
  std::size_t directives_max = 50;            ///< MAX_DIRECTIVES_LIMIT
  std::size_t concurrent_fields_max = 32;     ///< awaitable fields of a query under way at once
  bool introspection = true;                  ///< INTROSPECTION_DISABLED where false
};

}  // namespace errand::graphql::request
