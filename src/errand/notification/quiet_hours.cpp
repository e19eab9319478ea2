#include <algorithm>
#include <chrono>
#include <exception>
#include <vector>

#include <date/tz.h>

#include "errand/notification/preference.h"

namespace errand::notification {
namespace {

using LocalMinutes = date::local_time<std::chrono::minutes>;

/// Null for a zone that this machine does not know.
const date::time_zone* find_zone(const std::string& name) {
  // The library throws for unknown names, and where the machine has no database.
  try {
    return date::locate_zone(name);
  } catch (const std::exception&) {
    return nullptr;
  }
}

/// When a local time comes: the first time where it comes twice, and the moment of the change where
/// it is skipped.
Timestamp to_time(const date::time_zone& zone, LocalMinutes local) {
  const auto info = zone.get_info(local);
  using std::chrono::time_point_cast;
  if (info.result == date::local_info::nonexistent) {
    return time_point_cast<Milliseconds>(info.first.end);
  }
  return time_point_cast<Milliseconds>(zone.to_sys(local, date::choose::earliest));
}

struct Span {
  Timestamp from;
  Timestamp until;
};

/// What the windows cover from the day before `now` to a week after it.
std::vector<Span> spans_around(const QuietHours& quiet, const date::time_zone& zone,
                               Timestamp now) {
  constexpr int kDaysBefore = 1;
  constexpr int kDaysAfter = 9;
  const auto today = date::floor<date::days>(zone.to_local(now));
  std::vector<Span> spans;
  for (int day = -kDaysBefore; day <= kDaysAfter; ++day) {
    const auto date = today + date::days(day);
    const unsigned weekday = date::weekday(date).iso_encoding() - 1;
    for (const QuietWindow& window : quiet.windows) {
      if ((window.weekdays >> weekday & 1U) == 0) continue;
      const LocalMinutes begin = date;
      const bool over_midnight = window.until <= window.from;
      const auto end_minutes =
          std::chrono::minutes(window.until) + std::chrono::hours(over_midnight ? 24 : 0);
      spans.push_back({.from = to_time(zone, begin + std::chrono::minutes(window.from)),
                       .until = to_time(zone, begin + end_minutes)});
    }
  }
  std::ranges::sort(spans, {}, &Span::from);
  return spans;
}

}  // namespace

bool is_time_zone(std::string_view zone) {
  return !zone.empty() && find_zone(std::string(zone)) != nullptr;
}

std::optional<Timestamp> quiet_until(const QuietHours& quiet, Timestamp now) {
  const date::time_zone* zone = find_zone(quiet.zone);
  // It was checked when it was set; a machine without the zone does not hold messages for ever.
  if (zone == nullptr) return std::nullopt;
  Timestamp end = now;
  for (const Span& span : spans_around(quiet, *zone, now)) {
    if (span.from > end) break;
    end = std::max(end, span.until);
  }
  if (end == now) return std::nullopt;
  return end;
}

}  // namespace errand::notification
