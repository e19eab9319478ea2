#include "errand/base/time_text.h"

#include <array>
#include <cstdint>
#include <optional>

#include <fmt/format.h>

#include "errand/base/assert.h"

namespace errand {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};

constexpr std::array<Unit, 5> kUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::int64_t kLongestMs = 3'650LL * 86'400'000;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// Reads exactly `digits` digits at the front of `text` and removes them.
std::optional<int> take_number(std::string_view& text, std::size_t digits) noexcept {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (!is_digit(text[i])) return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

/// Writes the last `digits` digits of `value` (>= 0) to `at`.
void put_number(char* at, std::size_t digits, std::int64_t value) noexcept {
  for (; digits > 0; value /= 10) at[--digits] = static_cast<char>('0' + value % 10);
}

bool take(std::string_view& text, std::string_view accepted) noexcept {
  if (text.empty() || accepted.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<Timestamp> read_timestamp(std::string_view text) noexcept {
  using namespace std::chrono;
  const auto y = take_number(text, 4);
  if (!y || !take(text, "-")) return std::nullopt;
  const auto mo = take_number(text, 2);
  if (!mo || !take(text, "-")) return std::nullopt;
  const auto d = take_number(text, 2);
  if (!d || !take(text, "Tt ")) return std::nullopt;
  const auto h = take_number(text, 2);
  if (!h || !take(text, ":")) return std::nullopt;
  const auto mi = take_number(text, 2);
  if (!mi || !take(text, ":")) return std::nullopt;
  const auto s = take_number(text, 2);
  if (!s) return std::nullopt;
  int ms = 0;
  if (take(text, ".")) {
    if (text.empty() || !is_digit(text.front())) return std::nullopt;
    for (int scale = 100; !text.empty() && is_digit(text.front()); scale /= 10) {
      ms += (text.front() - '0') * scale;
      text.remove_prefix(1);
    }
  }
  minutes offset{0};
  if (!take(text, "Zz")) {
    const bool negative = !text.empty() && text.front() == '-';
    if (!take(text, "+-")) return std::nullopt;
    const auto oh = take_number(text, 2);
    if (!oh || !take(text, ":")) return std::nullopt;
    const auto om = take_number(text, 2);
    if (!om || *oh > 23 || *om > 59) return std::nullopt;
    offset = hours{*oh} + minutes{*om};
    if (negative) offset = -offset;
  }
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*mo)},
                            day{static_cast<unsigned>(*d)}};
  if (!text.empty() || *y < 1 || !date.ok() || *h > 23 || *mi > 59 || *s > 60) return std::nullopt;
  return sys_days{date} + hours{*h} + minutes{*mi} + seconds{*s} + milliseconds{ms} - offset;
}

}  // namespace

std::string format_timestamp(Timestamp time) {
  using namespace std::chrono;
  const auto days = floor<std::chrono::days>(time);
  const year_month_day date{days};
  const hh_mm_ss clock{time - days};
  const int year = static_cast<int>(date.year());
  // Offsets and deadlines may lead out of the years that have four digits.
  if (year < 0 || year > 9'999) {
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", year,
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                       clock.subseconds().count());
  }
  // By hand: a response may hold many, and a format string is read anew for each.
  std::string text = "0000-00-00T00:00:00.000Z";
  put_number(&text[0], 4, year);
  put_number(&text[5], 2, static_cast<unsigned>(date.month()));
  put_number(&text[8], 2, static_cast<unsigned>(date.day()));
  put_number(&text[11], 2, clock.hours().count());
  put_number(&text[14], 2, clock.minutes().count());
  put_number(&text[17], 2, clock.seconds().count());
  put_number(&text[20], 3, clock.subseconds().count());
  return text;
}

bool is_formatted_timestamp(std::string_view text) noexcept {
  constexpr std::string_view kForm = "0000-00-00T00:00:00.000Z";
  if (text.size() != kForm.size()) return false;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    if (kForm[i] == '0' ? !is_digit(text[i]) : text[i] != kForm[i]) return false;
  }
  const auto number = [&](std::size_t at, std::size_t digits) {
    std::string_view rest = text.substr(at);
    return *take_number(rest, digits);
  };
  const std::chrono::year_month_day date{std::chrono::year{number(0, 4)},
                                         std::chrono::month{static_cast<unsigned>(number(5, 2))},
                                         std::chrono::day{static_cast<unsigned>(number(8, 2))}};
  return number(0, 4) >= 1 && date.ok() && number(11, 2) < 24 && number(14, 2) < 60 &&
         number(17, 2) < 60;
}

Result<Timestamp> parse_timestamp(std::string_view text) {
  if (const auto time = read_timestamp(text)) return *time;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("\"{}\" is not a date and time in the form of RFC 3339, such as "
                          "\"2026-11-23T20:15:00Z\"",
                          text.substr(0, 64)));
}

Result<Milliseconds> parse_duration(std::string_view text) {
  const auto invalid = [&] {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("\"{}\" is not a duration; write whole numbers with the units d, h, m, "
                            "s and ms, such as \"15m\", \"1h30m\" or \"500ms\", at most 3650d",
                            text.substr(0, 64)));
  };
  std::string_view rest = text;
  std::int64_t total = 0;
  std::size_t next_unit = 0;
  if (rest.empty()) return invalid();
  while (!rest.empty()) {
    std::int64_t count = 0;
    std::size_t digits = 0;
    for (; digits < rest.size() && is_digit(rest[digits]); ++digits) {
      count = count * 10 + (rest[digits] - '0');
      if (count > kLongestMs) return invalid();
    }
    if (digits == 0) return invalid();
    rest.remove_prefix(digits);
    std::size_t length = 0;
    while (length < rest.size() && !is_digit(rest[length])) ++length;
    const std::string_view name = rest.substr(0, length);
    rest.remove_prefix(length);
    while (next_unit < kUnits.size() && kUnits[next_unit].name != name) ++next_unit;
    if (next_unit == kUnits.size()) return invalid();
    // count and the unit are both bounded, so that the product stays below 2^63.
    if (count > kLongestMs / kUnits[next_unit].milliseconds) return invalid();
    total += count * kUnits[next_unit].milliseconds;
    ++next_unit;
  }
  if (total > kLongestMs) return invalid();
  return Milliseconds{total};
}

std::string format_duration(Milliseconds duration) {
  std::int64_t rest = duration.count();
  ERRAND_ASSERT(rest >= 0);
  if (rest == 0) return "0s";
  std::string text;
  for (const Unit& unit : kUnits) {
    if (const std::int64_t count = rest / unit.milliseconds; count != 0) {
      text += fmt::format("{}{}", count, unit.name);
      rest %= unit.milliseconds;
    }
  }
  return text;
}

}  // namespace errand
