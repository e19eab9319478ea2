#pragma once

#include <optional>
#include <string_view>

#include "errand/base/clock.h"

namespace errand::outbound {

/// No target makes us wait longer.
inline constexpr Milliseconds kRetryAfterMax = std::chrono::hours(24);

/// How long a Retry-After header (RFC 9110, 10.2.3) asks to wait: seconds, or an HTTP date in any
/// of its three forms (5.6.7). A point in the past is zero, more than kRetryAfterMax is that.
/// @param now  the wall clock, for dates
/// @return nullopt for anything else, which is to be ignored
std::optional<Milliseconds> parse_retry_after(std::string_view value, Timestamp now);

/// Reads an HTTP date (RFC 9110, 5.6.7): IMF-fixdate, or the obsolete forms of RFC 850 and asctime.
/// The day of the week is not compared with the date. nullopt for anything else.
/// @param now  says the century of RFC 850's years: not more than 50 years ahead
std::optional<Timestamp> parse_http_date(std::string_view text, Timestamp now);

}  // namespace errand::outbound
