#pragma once

#include <cstdint>

namespace errand::graphql::execution {

/// How the increments of `@defer` and `@stream` are written; a client asks for one of them.
enum class IncrementalFormat : std::uint8_t {
  kNone,      ///< the client takes one response: both directives have no effect
  kDraft,     ///< `incrementalSpec=v0.2`: pending, incremental, completed (graphql-spec #1110)
  k20220824,  ///< `deferSpec=20220824`: incremental with path and label
};

}  // namespace errand::graphql::execution
