#include "errand/graphql/type/incremental_directives.h"

namespace errand::graphql::type {

std::string_view incremental_directives_sdl() noexcept {
  return R"graphql("""Delivers this fragment after the initial result, unless `if` is false."""
directive @defer(
  """Deferred when true."""
  if: Boolean! = true
  """Tells this fragment from others; unique in the document."""
  label: String
) on FRAGMENT_SPREAD | INLINE_FRAGMENT

"""Delivers the items of this list one after the other, unless `if` is false."""
directive @stream(
  """How many items the initial result has."""
  initialCount: Int! = 0
  """Streamed when true."""
  if: Boolean! = true
  """Tells this list from others; unique in the document."""
  label: String
) on FIELD
)graphql";
}

}  // namespace errand::graphql::type
