#include "errand/outbound/retry_after.h"

#include <gtest/gtest.h>

#include "errand/base/time_text.h"

namespace errand::outbound {
namespace {

using namespace std::chrono_literals;

const Timestamp kNow = parse_timestamp("2026-11-30T12:00:00.500Z").value();

TEST(RetryAfter, ReadsSeconds) {
  EXPECT_EQ(parse_retry_after("0", kNow), 0s);
  EXPECT_EQ(parse_retry_after("120", kNow), 120s);
  EXPECT_EQ(parse_retry_after(" 007\t", kNow), 7s);
}

TEST(RetryAfter, ReadsADateInEachOfItsForms) {
  EXPECT_EQ(parse_retry_after("Mon, 30 Nov 2026 12:01:00 GMT", kNow), 59'500ms);
  EXPECT_EQ(parse_retry_after("Monday, 30-Nov-26 12:01:00 GMT", kNow), 59'500ms);
  EXPECT_EQ(parse_retry_after("Mon Nov 30 12:01:00 2026", kNow), 59'500ms);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994", kNow),
            parse_timestamp("1994-11-06T08:49:37Z").value());
}

TEST(RetryAfter, TakesTheCenturyThatIsNear) {
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", kNow),
            parse_timestamp("1994-11-06T08:49:37Z").value());
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-76 08:49:37 GMT", kNow),
            parse_timestamp("2076-11-06T08:49:37Z").value());
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-77 08:49:37 GMT", kNow),
            parse_timestamp("1977-11-06T08:49:37Z").value());
}

TEST(RetryAfter, IsNeverNegativeAndNeverMoreThanADay) {
  EXPECT_EQ(parse_retry_after("86401", kNow), 24h);
  EXPECT_EQ(parse_retry_after("99999999999999999999999999", kNow), 24h);
  EXPECT_EQ(parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", kNow), 24h);
  EXPECT_EQ(parse_retry_after("Thu, 01 Jan 1970 00:00:00 GMT", kNow), 0s);
}

TEST(RetryAfter, IgnoresAnythingElse) {
  for (const char* text :
       {"", " ", "-1", "+1", "1.5", "1s", "1 2", "soon", "Mon, 30 Nov 2026 12:01:00",
        "Mon, 30 Nov 2026 12:01:00 UTC", "Mon, 31 Nov 2026 12:01:00 GMT",
        "Mon, 30 Nov 2026 24:01:00 GMT", "Mon, 30 Nov 2026 12:60:00 GMT",
        "Mon, 30 Nov 2026 12:01:00 GMT ,", "Mon, 3 Nov 2026 12:01:00 GMT",
        "mon, 30 nov 2026 12:01:00 gmt", "2026-11-30T12:01:00Z"}) {
    EXPECT_EQ(parse_retry_after(text, kNow), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace errand::outbound
