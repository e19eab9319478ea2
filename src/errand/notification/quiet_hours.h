#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/result.h"

namespace errand::notification {

/// When a user wants to be left alone, in the local time of an IANA zone. A plain value.
///
/// Computed with the zone database at the time of sending. A local time that a zone skips moves to
/// the end of the gap; one that comes twice counts the first time.
struct QuietHours {
  /// Every week from `from` on one of `days` until `to`, on the next day where that is not later:
  /// 22:00 to 07:00. Equal ones: the whole day.
  struct Window {
    std::uint8_t days = 0x7f;  ///< bit 0: Monday; not 0
    std::uint16_t from = 0;    ///< minutes after midnight, < 1,440
    std::uint16_t to = 0;      ///< the same

    friend bool operator==(const Window&, const Window&) = default;
  };

  std::string zone;  ///< "Europe/Vienna"; empty: UTC
  std::vector<Window> windows;

  /// Until when it is quiet at `now`; nullopt: it is not. Windows that touch count as one; nobody
  /// is left alone for more than eight days.
  [[nodiscard]] std::optional<Timestamp> quiet_until(Timestamp now) const;

  friend bool operator==(const QuietHours&, const QuietHours&) = default;
};

/// Whether the zone database has `name`.
[[nodiscard]] bool is_time_zone(std::string_view name);

/// `time` as people of `zone` write it: "2026-12-01 14:05 CET". UTC for an unknown zone.
std::string local_time_text(Timestamp time, std::string_view zone);

}  // namespace errand::notification
