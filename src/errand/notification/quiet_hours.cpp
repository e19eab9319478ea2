#include "errand/notification/quiet_hours.h"

#include <chrono>
#include <stdexcept>

#include <date/tz.h>

namespace errand::notification {
namespace {

using std::chrono::minutes;

constexpr int kHoldDaysMax = 8;
constexpr minutes kDay{1'440};

/// nullptr for an unknown one.
const date::time_zone* zone_of(std::string_view name) {
  try {
    return date::locate_zone(name.empty() ? "UTC" : std::string(name));
  } catch (const std::runtime_error&) {
    return nullptr;
  }
}

std::chrono::system_clock::time_point to_system(Timestamp time) {
  return std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(time.time_since_epoch()));
}

Timestamp to_timestamp(const date::time_zone& zone, date::local_time<minutes> local) {
  // The earlier of two; of a gap both are its end.
  const auto system = zone.to_sys(local, date::choose::earliest);
  return Timestamp(std::chrono::duration_cast<Milliseconds>(system.time_since_epoch()));
}

/// The end of a window in which `now` lies; nullopt for none.
std::optional<Timestamp> end_of_window(const QuietHours& hours, const date::time_zone& zone,
                                       Timestamp now) {
  const auto local = zone.to_local(to_system(now));
  const auto today = date::floor<date::days>(local);
  std::optional<Timestamp> end;
  for (const QuietHours::Window& window : hours.windows) {
    const bool over_midnight = window.to <= window.from;
    // One that began yesterday may still go on.
    for (const date::days back : {date::days(0), date::days(1)}) {
      const auto day = today - back;
      const unsigned weekday = date::weekday(day).iso_encoding() - 1;
      if ((window.days & (1U << weekday)) == 0) continue;
      const Timestamp from = to_timestamp(
          zone, date::local_time<minutes>(day.time_since_epoch() + minutes(window.from)));
      const Timestamp to =
          to_timestamp(zone, date::local_time<minutes>(day.time_since_epoch() + minutes(window.to) +
                                                       (over_midnight ? kDay : minutes(0))));
      if (from <= now && now < to && (!end || to > *end)) end = to;
    }
  }
  return end;
}

}  // namespace

bool is_time_zone(std::string_view name) { return !name.empty() && zone_of(name) != nullptr; }

std::optional<Timestamp> QuietHours::quiet_until(Timestamp now) const {
  const date::time_zone* place = zone_of(zone);
  if (place == nullptr || windows.empty()) return std::nullopt;
  std::optional<Timestamp> until;
  const Timestamp latest = now + std::chrono::hours(24 * kHoldDaysMax);
  for (auto end = end_of_window(*this, *place, now); end && end > until;
       end = end_of_window(*this, *place, *end)) {
    until = end;
    if (*until >= latest) return latest;
  }
  return until;
}

std::string local_time_text(Timestamp time, std::string_view zone) {
  const date::time_zone* place = zone_of(zone);
  if (place == nullptr) place = zone_of("UTC");
  const auto seconds = date::floor<std::chrono::seconds>(to_system(time));
  return date::format("%Y-%m-%d %H:%M %Z", date::make_zoned(place, seconds));
}

}  // namespace errand::notification
