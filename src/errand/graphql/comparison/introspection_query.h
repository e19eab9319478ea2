#pragma once

#include <string_view>

namespace errand::graphql::comparison {

/// The query that reads a whole schema (specification, section 4): what graphql-js'
/// introspectionFromSchema() asks for.
std::string_view introspection_query() noexcept;

}  // namespace errand::graphql::comparison
