#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "errand/graphql/language/graphql_error.h"

namespace errand::graphql::execution {

using language::PathSegment;

/// A response path as a chain towards the root, held on the stack while fields are completed, so
/// that a path costs nothing until an error needs it. A link must not outlive its parent, nor the
/// text of its key.
struct ResponsePath {
  const ResponsePath* parent = nullptr;
  std::string_view key;   ///< response name; no data where `index` counts
  std::size_t index = 0;  ///< list index, where `key` has no data

  [[nodiscard]] bool is_index() const noexcept { return key.data() == nullptr; }

  /// The path from the root to here.
  [[nodiscard]] std::vector<PathSegment> segments() const;

  /// The links from the root to here, each the parent of the next, apart from the stack. Moving the
  /// vector keeps them valid.
  [[nodiscard]] std::vector<ResponsePath> copy() const;
};

/// A path for people: "jobs.edges[3].node".
std::string to_text(const ResponsePath& path);

}  // namespace errand::graphql::execution
