#pragma once

#include <cstddef>
#include <vector>

#include "errand/graphql/language/document.h"
#include "errand/graphql/language/graphql_error.h"
#include "errand/graphql/type/schema.h"

/// Validation of executable documents (specification, section 5): one rule to a file, named as in
/// graphql-js, all of them run in one walk over the document.
namespace errand::graphql::validation {

struct ValidationOptions {
  /// Most errors; then one more says so and validation stops, as in graphql-js.
  std::size_t max_errors = 100;
  /// Add "Did you mean ...?". Off where the schema is not to be guessed at.
  bool suggestions = true;
};

/// Validates `document` against `schema` by all rules of the specification.
///
/// Errors are worded, placed and ordered as by graphql-js 17 and carry
/// ErrorCode::kGraphqlValidationFailed; none means valid. Time and memory are bounded for hostile
/// documents too: work that grows faster than the document draws on budgets, and one that is used
/// up ends in the error "Validation aborted." Pure; safe to call from many threads.
std::vector<language::GraphQLError> validate(const type::Schema& schema,
                                             const language::Document& document,
                                             const ValidationOptions& options = {});

}  // namespace errand::graphql::validation
