#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "errand/graphql/language/document.h"
#include "errand/graphql/language/graphql_error.h"

namespace errand::graphql::type {

/// Whether `name` is that of a built-in scalar or an introspection type, which every schema has.
bool is_standard_type(std::string_view name) noexcept;

/// Checks type system documents by the rules of section 5 that apply to them: what is unique, known
/// and complete before any type is built. One walk over all `documents`, which are one schema.
/// @param specified      the document that defines the specified directives
/// @param as_graphql_js  leave out what graphql-js does not check (see BuildOptions)
/// @return all errors, worded, placed and ordered as by graphql-js' validateSDL()
std::vector<language::GraphQLError> check_sdl(std::span<const language::Document> documents,
                                              const language::Document& specified,
                                              bool as_graphql_js);

}  // namespace errand::graphql::type
