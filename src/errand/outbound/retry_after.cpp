#include "errand/outbound/retry_after.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>

namespace errand::outbound {
namespace {

constexpr std::array<std::string_view, 7> kDays{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
constexpr std::array<std::string_view, 7> kLongDays{"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                    "Friday", "Saturday", "Sunday"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes a text apart from the left; once something did not fit, all else fails too.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  Reader& word(std::string_view expected) {
    if (ok_ && rest_.starts_with(expected)) {
      rest_.remove_prefix(expected.size());
    } else {
      ok_ = false;
    }
    return *this;
  }

  template <std::size_t N>
  Reader& one_of(const std::array<std::string_view, N>& words, int& index) {
    for (std::size_t i = 0; i < N; ++i) {
      if (rest_.starts_with(words[i])) {
        index = static_cast<int>(i);
        return word(words[i]);
      }
    }
    ok_ = false;
    return *this;
  }

  /// Exactly so many digits.
  Reader& number(std::size_t digits, int& value) {
    if (!ok_ || rest_.size() < digits || !std::ranges::all_of(rest_.substr(0, digits), is_digit)) {
      ok_ = false;
      return *this;
    }
    value = std::stoi(std::string(rest_.substr(0, digits)));
    rest_.remove_prefix(digits);
    return *this;
  }

  Reader& time(int& hour, int& minute, int& second) {
    return number(2, hour).word(":").number(2, minute).word(":").number(2, second);
  }

  [[nodiscard]] bool next_is(char c) const { return rest_.starts_with(c); }
  [[nodiscard]] bool done() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

struct Parts {
  int weekday = 0;
  int year = 0;
  int month = 0;  ///< from 0
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

std::optional<Timestamp> to_time(const Parts& p) {
  const std::chrono::year_month_day date{std::chrono::year(p.year),
                                         std::chrono::month(static_cast<unsigned>(p.month + 1)),
                                         std::chrono::day(static_cast<unsigned>(p.day))};
  // 60 is a leap second.
  if (!date.ok() || p.hour > 23 || p.minute > 59 || p.second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(p.hour) + std::chrono::minutes(p.minute) +
         std::chrono::seconds(p.second);
}

int full_year(int two_digits, Timestamp now) {
  const std::chrono::year_month_day today(std::chrono::floor<std::chrono::days>(now));
  const int this_year = static_cast<int>(today.year());
  const int year = this_year - this_year % 100 + two_digits;
  if (year > this_year + 50) return year - 100;
  return year <= this_year - 50 ? year + 100 : year;
}

}  // namespace

std::optional<Timestamp> parse_http_date(std::string_view text, Timestamp now) {
  Parts p;
  // Sun, 06 Nov 1994 08:49:37 GMT
  Reader imf(text);
  imf.one_of(kDays, p.weekday).word(", ").number(2, p.day).word(" ").one_of(kMonths, p.month);
  imf.word(" ").number(4, p.year).word(" ").time(p.hour, p.minute, p.second).word(" GMT");
  if (imf.done()) return to_time(p);

  // Sunday, 06-Nov-94 08:49:37 GMT
  Reader rfc850(text);
  rfc850.one_of(kLongDays, p.weekday).word(", ").number(2, p.day).word("-");
  rfc850.one_of(kMonths, p.month).word("-").number(2, p.year).word(" ");
  rfc850.time(p.hour, p.minute, p.second).word(" GMT");
  if (rfc850.done()) {
    p.year = full_year(p.year, now);
    return to_time(p);
  }

  // Sun Nov  6 08:49:37 1994
  Reader asctime(text);
  asctime.one_of(kDays, p.weekday).word(" ").one_of(kMonths, p.month).word(" ");
  if (asctime.next_is(' ')) {
    asctime.word(" ").number(1, p.day);
  } else {
    asctime.number(2, p.day);
  }
  asctime.word(" ").time(p.hour, p.minute, p.second).word(" ").number(4, p.year);
  if (asctime.done()) return to_time(p);
  return std::nullopt;
}

std::optional<Milliseconds> parse_retry_after(std::string_view value, Timestamp now) {
  while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
  while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
  if (value.empty()) return std::nullopt;
  if (std::ranges::all_of(value, is_digit)) {
    std::int64_t seconds = 0;
    const std::int64_t most = std::chrono::floor<std::chrono::seconds>(kRetryAfterMax).count();
    for (const char c : value) seconds = std::min(seconds * 10 + (c - '0'), most);
    return std::chrono::seconds(seconds);
  }
  const auto date = parse_http_date(value, now);
  if (!date) return std::nullopt;
  return std::clamp(*date - now, Milliseconds::zero(), kRetryAfterMax);
}

}  // namespace errand::outbound
