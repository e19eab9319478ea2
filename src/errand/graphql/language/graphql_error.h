#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "errand/base/error.h"
#include "errand/graphql/language/ast.h"
#include "errand/graphql/language/source.h"

namespace errand::graphql::language {

/// One step of a response path: a response name or an index of a list.
using PathSegment = std::variant<std::string, std::size_t>;

/// An error as the response format knows it (specification, 7.1.2), of any phase: parsing,
/// validation, building a schema or execution.
struct GraphQLError {
  std::string message;
  std::vector<Location> locations;  ///< empty where the error belongs to no place
  std::string source_name;          ///< file of `locations`; empty where there are none
  std::vector<PathSegment> path;    ///< of the response position; only execution errors
  std::optional<ErrorCode> code;    ///< becomes extensions.code
  std::string extensions_json;      ///< further extensions as a JSON object text, or empty

  friend bool operator==(const GraphQLError&, const GraphQLError&) = default;
};

/// An error at the starts of `nodes`, which all come from `source`.
GraphQLError error_at(const Source& source, std::span<const Node* const> nodes, std::string message,
                      std::optional<ErrorCode> code = std::nullopt);
GraphQLError error_at(const Source& source, std::initializer_list<const Node*> nodes,
                      std::string message, std::optional<ErrorCode> code = std::nullopt);
GraphQLError error_at(const Source& source, const Node& node, std::string message,
                      std::optional<ErrorCode> code = std::nullopt);

/// `file:line:column: message`, one such line for the first place; further places of the error
/// follow as `file:line:column: also here`. Without a place just the message.
std::string to_string(const GraphQLError& error);

}  // namespace errand::graphql::language
