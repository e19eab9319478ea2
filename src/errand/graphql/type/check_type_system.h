#pragma once

#include <span>
#include <vector>

#include "errand/graphql/language/graphql_error.h"
#include "errand/graphql/type/schema.h"

namespace errand::graphql::type {

struct TypeSystemOptions {
  bool require_query = true;
  /// Where the root types are named, by OperationType; unknown where they have their default names.
  std::span<const Place> root_places;
};

/// Checks a linked schema against the "Type Validation" rules of the specification, section 3.
/// @return all errors, in the order of declaration, worded as by graphql-js.
std::vector<language::GraphQLError> check_type_system(const Schema& schema,
                                                      const TypeSystemOptions& options);

/// The part about input objects: those that no finite value fits, and defaults that need themselves
/// (3.10).
std::vector<language::GraphQLError> check_input_cycles(const Schema& schema);

}  // namespace errand::graphql::type
