#pragma once

#include <span>
#include <vector>

#include "errand/graphql/federation/linkage.h"
#include "errand/graphql/language/document.h"
#include "errand/graphql/language/source.h"

namespace errand::graphql::federation {

/// Subgraphs may extend types that only other subgraphs define: `extend type Query { ... }`.
/// @return for each type that `documents` extend and do not define an empty definition to build the
///         schema with, in a source whose name and place are those of the first extension. With
///         @extends where that has a key: its fields may then be @external, as in federation 1.
std::vector<language::Source> missing_definitions(std::span<const language::Document> documents,
                                                  const Linkage& linkage);

}  // namespace errand::graphql::federation
