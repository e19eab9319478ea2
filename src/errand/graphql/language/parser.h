#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/language/document.h"
#include "errand/graphql/language/graphql_error.h"
#include "errand/graphql/language/source.h"

namespace errand::graphql::language {

struct ParseOptions {
  /// Most tokens (comments not counted); more is an error, as in graphql-js.
  std::size_t max_tokens = std::numeric_limits<std::size_t>::max();
  /// Deepest nesting of selection sets, values and type references together. Bounds the stack of
  /// the parser and of every walk over the tree; at most kMaxDepthMax.
  std::uint32_t max_depth = 200;
  /// Accept `{}` as a selection set, as graphql-js 17 does by default. The specification of
  /// September 2025 does not.
  bool allow_empty_selection_sets = false;

  static constexpr std::uint32_t kMaxDepthMax = 1'000;
};

/// Parses a document: executable definitions and type system definitions in any mix (specification,
/// 2.3). The text must be UTF-8; where it is not, the error says "Invalid character". Errors are
/// worded as by graphql-js 17 ("Syntax Error: ...") and carry ErrorCode::kGraphqlParseFailed;
/// parsing stops at the first. Pure; time and memory are linear in the source.
std::expected<Document, GraphQLError> parse(Source source, const ParseOptions& options = {});

/// Parses a value; with `constant` variables are refused.
std::expected<SyntaxTree<Value>, GraphQLError> parse_value(Source source, bool constant = false,
                                                           const ParseOptions& options = {});

/// Parses a type reference such as `[Job!]`.
std::expected<SyntaxTree<TypeReference>, GraphQLError> parse_type(Source source,
                                                                  const ParseOptions& options = {});

/// Parses a schema coordinate such as `Query.job(id:)` (specification, 2.14): no blanks allowed.
std::expected<SyntaxTree<SchemaCoordinate>, GraphQLError> parse_schema_coordinate(Source source);

}  // namespace errand::graphql::language
