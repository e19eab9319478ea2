#pragma once

#include <string>
#include <string_view>

/// JSON texts may hold escaped halves of a surrogate pair, which other implementations hand to
/// their lexer as they are. UTF-8 has no form for them; here they become the three bytes that they
/// would have (WTF-8), which our lexer refuses by their number.
namespace errand::graphql::comparison {

/// `json` with each escape of a surrogate that has no other half as bytes.
std::string unescape_lone_surrogates(std::string_view json);

/// The reverse: `json` with such bytes as escapes.
std::string escape_lone_surrogates(std::string json);

}  // namespace errand::graphql::comparison
