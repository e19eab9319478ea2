#pragma once

#include <string>
#include <string_view>

#include "errand/base/clock.h"
#include "errand/base/result.h"

namespace errand {

/// RFC 3339 in UTC with milliseconds: "2026-11-23T20:15:00.250Z".
std::string format_timestamp(Timestamp time);

/// Whether format_timestamp() writes `text` for some time of the years 0001 to 9999.
bool is_formatted_timestamp(std::string_view text) noexcept;

/// Reads an RFC 3339 date-time, with any offset; fractions finer than a millisecond are cut off.
/// Years 0001 to 9999. Leap seconds (":60") count as the next minute's start.
/// @return kInvalidArgument saying what was expected.
Result<Timestamp> parse_timestamp(std::string_view text);

/// Reads a duration such as "500ms", "15m", "1h30m" or "7d": whole numbers with the units d, h, m,
/// s, ms, each at most once and in that order. "0s" is allowed; at most 3,650 days.
/// @return kInvalidArgument saying what was expected.
Result<Milliseconds> parse_duration(std::string_view text);

/// The shortest text that parse_duration() reads back: "1h30m"; "0s" for zero. Never negative.
std::string format_duration(Milliseconds duration);

}  // namespace errand
