#pragma once

#include <expected>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "errand/graphql/language/graphql_error.h"
#include "errand/graphql/language/parser.h"
#include "errand/graphql/language/source.h"
#include "errand/graphql/type/schema.h"

namespace errand::graphql::type {

/// Gives the coercion of the custom scalar `name`.
struct ScalarBinding {
  std::string_view name;
  ScalarCoercion coercion;
};

struct BuildOptions {
  /// Coercions of custom scalars by name, which outrank those of custom_scalars.h (DateTime,
  /// Duration, JSON, UUID). A scalar that neither knows passes any JSON through.
  std::span<const ScalarBinding> scalars;
  /// A schema without a query type is an error (specification, 3.3.1). Off where the caller adds
  /// one later.
  bool require_query = true;
  /// Bounds on each file.
  language::ParseOptions parse;
  /// Leave out the checks that graphql-js does not make: the values of applied directives'
  /// arguments (5.6.1), directives that apply themselves (3.13), extensions of unknown directives,
  /// and operations in a type system document.
  bool as_graphql_js = false;
};

/// Builds a schema from SDL in one or more files: definitions and extensions in any order and any
/// file. Adds the built-in scalars, the specified directives (@skip, @include, @deprecated,
/// @specifiedBy, @oneOf; definitions of the same name take their place) and the introspection
/// types.
///
/// Checks all the rules of the specification for type systems (3.3 to 3.13) and those of section 5
/// that apply to SDL.
/// @return all errors found, each with file, line and column, worded as by graphql-js; a syntax
/// error
///         ends the reading of its file only.
std::expected<std::shared_ptr<const Schema>, std::vector<language::GraphQLError>> build_schema(
    std::span<const language::Source> sources, const BuildOptions& options = {});

}  // namespace errand::graphql::type
