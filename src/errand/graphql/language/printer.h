#pragma once

#include <string>
#include <string_view>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/language/document.h"

namespace errand::graphql::language {

/// Prints `node` and all below it, formatted as by graphql-js 17. Parsing the text again gives an
/// equal tree. Comments are not kept. Pure.
std::string print(const Node& node);

/// Prints all definitions, an empty line between each.
std::string print(const Document& document);

/// `value` as a GraphQL string literal in double quotes.
std::string print_string(std::string_view value);

/// `value` as a block string, laid out as by graphql-js. Give it only values for which
/// is_printable_as_block_string() holds, else it reads back differently.
std::string print_block_string(std::string_view value);

/// Whether `value`, printed as a block string, reads back as itself.
bool is_printable_as_block_string(std::string_view value) noexcept;

}  // namespace errand::graphql::language
