#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace errand::graphql::type {

/// Those of `options` that `input` may be a slip of, the nearest first, as graphql-js'
/// suggestionList gives them (Damerau-Levenshtein distance of at most 40 % of the length, plus
/// one).
std::vector<std::string> suggestion_list(std::string_view input,
                                         std::span<const std::string_view> options);

/// ` Did you mean "a", "b", or "c"?` with at most five of `suggestions`; empty where there are
/// none.
std::string did_you_mean(std::span<const std::string> suggestions);
/// ` Did you mean the enum value "a" or "b"?`
std::string did_you_mean(std::string_view what, std::span<const std::string> suggestions);

}  // namespace errand::graphql::type
