#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

namespace errand_worker::internal {

/// `text` with each byte that is no UTF-8 (RFC 3629) replaced by U+FFFD, and cut to
/// `characters_max` code points.
std::string clean_text(std::string_view text, std::size_t characters_max);

/// Number of code points of `text`; each byte that is no UTF-8 counts as one.
std::size_t count_characters(std::string_view text);

/// Why `value` cannot be sent as JSON: a number that is not finite, a string that is no UTF-8, or
/// more than `levels_max` levels of nesting. Empty when it can.
std::optional<std::string> json_fault(const boost::json::value& value, int levels_max);

/// Whether `code` is one that the protocol takes: A-Z, then A-Z, 0-9 and _; <= 64 characters.
bool is_error_code(std::string_view code);

}  // namespace errand_worker::internal
