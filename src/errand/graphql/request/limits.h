#pragma once

#include <cstddef>
#include <cstdint>

namespace errand::graphql::request {

/// What happens to a request beyond a limit. The bounds of parsing (bytes, tokens, recursion),
/// which keep memory and stack in bounds, are enforced in either mode.
enum class LimitsMode : std::uint8_t {
  kEnforce,  ///< it is refused
  kWarn,     ///< it runs, and Service::Options::on_warning is told; for trying limits out
};

/// Bounds on one request. Beyond one, the request is refused before it is executed, with the
/// limit's own `extensions.code`. 0 switches a limit off.
struct Limits {
  LimitsMode mode = LimitsMode::kEnforce;
  std::size_t query_bytes_max = 100 * 1024;  ///< MAX_QUERY_BYTES_LIMIT
  std::size_t tokens_max = 5'000;            ///< MAX_TOKENS_LIMIT
  /// MAX_RECURSION_LIMIT: nesting that the parser follows; 0 and more than its own bound
  /// (language::ParseOptions::kMaxDepthMax) stand for that bound.
  std::size_t recursion_max = 200;
  std::size_t depth_max = 12;                 ///< MAX_DEPTH_LIMIT: fields below each other
  std::size_t introspection_depth_max = 20;   ///< the same below __schema and __type
  std::size_t height_max = 500;               ///< MAX_HEIGHT_LIMIT: fields in all
  std::size_t aliases_max = 30;               ///< MAX_ALIASES_LIMIT; those of __typename are free
  std::size_t root_fields_max = 20;           ///< MAX_ROOT_FIELDS_LIMIT
  std::size_t mutation_root_fields_max = 10;  ///< MAX_ROOT_FIELDS_LIMIT, of a mutation
  std::size_t directives_max = 50;            ///< MAX_DIRECTIVES_LIMIT
  std::size_t cost_max = 5'000;               ///< MAX_COST_LIMIT; see CostModel
  std::size_t list_size_max = 100;  ///< MAX_LIST_SIZE_LIMIT: items that a slicing argument asks for
  std::size_t assumed_list_size = 10;      ///< items of a list of objects without @listSize
  std::size_t concurrent_fields_max = 32;  ///< awaitable fields of a query under way at once
  bool introspection = true;               ///< INTROSPECTION_DISABLED where false, in either mode
  bool suggestions = true;  ///< "Did you mean"; off in any case where introspection is off
};

}  // namespace errand::graphql::request
