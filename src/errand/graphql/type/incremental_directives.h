#pragma once

#include <string_view>

namespace errand::graphql::type {

/// SDL of @defer and @stream (graphql-spec #1110), which are not among the specified directives of
/// the September 2025 edition. A schema that is to have them is built with this as one more source;
/// execution and validation know them by their names.
std::string_view incremental_directives_sdl() noexcept;

}  // namespace errand::graphql::type
