#include "errand/notification/preference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/base/time_text.h"

namespace errand::notification {
namespace {

using std::chrono_literals::operator""min;
using std::chrono_literals::operator""h;
using testing::HasSubstr;

Timestamp at(std::string_view text) { return *parse_timestamp(text); }

PreferenceRule rule(std::string category, std::optional<ChannelKind> channel,
                    std::optional<bool> enabled,
                    std::optional<Milliseconds> digest = std::nullopt) {
  return {
      .category = std::move(category), .channel = channel, .enabled = enabled, .digest = digest};
}

QuietHours nights(std::string zone = "Europe/Vienna") {
  return {.zone = std::move(zone),
          .windows = {{.weekdays = 0x7F, .from = 22 * 60, .until = 7 * 60}}};
}

Decision decide_mail(const Preferences& preferences, const CategoryDefault& defaults = {},
                     bool mandatory = false, ChannelKind channel = ChannelKind::kMail) {
  return decide({.channel = channel, .category = "billing", .mandatory = mandatory}, preferences,
                defaults, at("2026-01-14T12:00:00Z"));
}

TEST(Decide, GoesByTheMostSpecificRule) {
  Preferences wants;
  EXPECT_EQ(decide_mail(wants).reason, DecisionReason::kCategoryDefault);
  wants.rules.push_back(rule("billing", std::nullopt, false));
  EXPECT_EQ(decide_mail(wants),
            (Decision{.verdict = Verdict::kSuppress, .reason = DecisionReason::kUserCategory}));
  wants.rules.push_back(rule("", ChannelKind::kMail, true));
  EXPECT_EQ(decide_mail(wants),
            (Decision{.verdict = Verdict::kSend, .reason = DecisionReason::kUserChannel}));
  wants.rules.push_back(rule("billing", ChannelKind::kMail, false));
  EXPECT_EQ(decide_mail(wants), (Decision{.verdict = Verdict::kSuppress,
                                          .reason = DecisionReason::kUserCategoryChannel}));
}

TEST(Decide, TakesNoRuleOfAnotherCategoryOrChannel) {
  const Preferences wants{.rules = {rule("other", ChannelKind::kMail, false),
                                    rule("billing", ChannelKind::kSlack, false),
                                    rule("", ChannelKind::kInbox, false)}};
  EXPECT_EQ(decide_mail(wants).verdict, Verdict::kSend);
}

TEST(Decide, LetsARuleThatSaysNothingInherit) {
  const Preferences wants{.rules = {rule("billing", ChannelKind::kMail, std::nullopt, 1h),
                                    rule("", ChannelKind::kMail, false)}};
  EXPECT_EQ(decide_mail(wants).reason, DecisionReason::kUserChannel);
}

TEST(Decide, LetsMandatoryMessagesPassEverything) {
  const Preferences wants{
      .rules = {rule("billing", ChannelKind::kMail, false, 1h)},
      .quiet = QuietHours{.zone = "UTC", .windows = {{.weekdays = 0x7F, .until = 1440}}}};
  EXPECT_EQ(decide_mail(wants, {}, true),
            (Decision{.verdict = Verdict::kSend, .reason = DecisionReason::kMandatory}));
}

TEST(Decide, TakesTheCategorysDefaultWhereNobodySetAnything) {
  CategoryDefault defaults;
  defaults.enabled[0] = false;
  EXPECT_EQ(decide_mail({}, defaults),
            (Decision{.verdict = Verdict::kSuppress, .reason = DecisionReason::kCategoryDefault}));
  defaults.enabled[0] = true;
  defaults.digest[0] = 2h;
  EXPECT_EQ(decide_mail({}, defaults), (Decision{.verdict = Verdict::kDigest,
                                                 .reason = DecisionReason::kDigestWindow,
                                                 .window = 2h}));
  const Preferences wants{.rules = {rule("", ChannelKind::kMail, std::nullopt, 0h)}};
  EXPECT_EQ(decide_mail(wants, defaults).verdict, Verdict::kSend);
}

TEST(Decide, HoldsInQuietHoursBeforeItGathersForADigest) {
  Preferences wants{.rules = {rule("", ChannelKind::kMail, true, 1h)}, .quiet = nights()};
  const DecisionInput mail{.channel = ChannelKind::kMail, .category = "billing"};
  EXPECT_EQ(decide(mail, wants, {}, at("2026-01-14T23:00:00Z")),
            (Decision{.verdict = Verdict::kHold,
                      .reason = DecisionReason::kQuietHours,
                      .until = at("2026-01-15T06:00:00Z")}));
  EXPECT_EQ(decide(mail, wants, {}, at("2026-01-15T06:00:00Z")).verdict, Verdict::kDigest);
  const DecisionInput inbox{.channel = ChannelKind::kInbox, .category = "billing"};
  EXPECT_EQ(decide(inbox, wants, {}, at("2026-01-14T23:00:00Z")).verdict, Verdict::kSend);
}

TEST(Decide, NeverPutsADigestIntoADigest) {
  const Preferences wants{.rules = {rule("", ChannelKind::kMail, true, 1h)}};
  EXPECT_EQ(decide({.channel = ChannelKind::kMail, .category = "billing", .is_digest = true}, wants,
                   {}, at("2026-01-14T12:00:00Z"))
                .verdict,
            Verdict::kSend);
}

TEST(QuietHours, EndAtTheLocalTimeAlsoPastMidnight) {
  EXPECT_EQ(quiet_until(nights(), at("2026-01-14T20:59:59Z")), std::nullopt);
  EXPECT_EQ(quiet_until(nights(), at("2026-01-14T21:00:00Z")), at("2026-01-15T06:00:00Z"));
  EXPECT_EQ(quiet_until(nights(), at("2026-01-15T05:59:59.999Z")), at("2026-01-15T06:00:00Z"));
  EXPECT_EQ(quiet_until(nights(), at("2026-01-15T06:00:00Z")), std::nullopt);
}

TEST(QuietHours, BeginOnTheirWeekdaysAlone) {
  // Fridays only, into Saturday. The 16th is a Friday.
  const QuietHours quiet{.zone = "UTC",
                         .windows = {{.weekdays = 1U << 4, .from = 1320, .until = 60}}};
  EXPECT_EQ(quiet_until(quiet, at("2026-01-15T22:30:00Z")), std::nullopt);
  EXPECT_EQ(quiet_until(quiet, at("2026-01-17T00:30:00Z")), at("2026-01-17T01:00:00Z"));
}

TEST(QuietHours, CountAsOneWhereTheyTouch) {
  const QuietHours quiet{.zone = "UTC",
                         .windows = {{.weekdays = 1U << 4, .from = 1200, .until = 1440},
                                     {.weekdays = 1U << 5, .from = 0, .until = 1440},
                                     {.weekdays = 1U << 6, .from = 0, .until = 600}}};
  EXPECT_EQ(quiet_until(quiet, at("2026-01-16T21:00:00Z")), at("2026-01-18T10:00:00Z"));
}

TEST(QuietHours, EndAtTheChangeWhereTheirEndIsSkipped) {
  // In Vienna 02:00 to 03:00 is skipped on 29 March 2026: the clocks change at 01:00 UTC.
  const QuietHours quiet{.zone = "Europe/Vienna",
                         .windows = {{.weekdays = 0x7F, .from = 0, .until = 150}}};
  EXPECT_EQ(quiet_until(quiet, at("2026-03-29T00:30:00Z")), at("2026-03-29T01:00:00Z"));
  const QuietHours within{.zone = "Europe/Vienna",
                          .windows = {{.weekdays = 0x7F, .from = 130, .until = 170}}};
  EXPECT_EQ(quiet_until(within, at("2026-03-29T00:59:59Z")), std::nullopt);
  EXPECT_EQ(quiet_until(within, at("2026-03-29T01:00:00Z")), std::nullopt);
}

TEST(QuietHours, CountOnceWhereLocalTimesComeTwice) {
  // In Vienna 02:00 to 03:00 comes twice on 25 October 2026: from 00:00 and from 01:00 UTC.
  const QuietHours quiet{.zone = "Europe/Vienna",
                         .windows = {{.weekdays = 0x7F, .from = 60, .until = 150}}};
  EXPECT_EQ(quiet_until(quiet, at("2026-10-25T00:15:00Z")), at("2026-10-25T00:30:00Z"));
  EXPECT_EQ(quiet_until(quiet, at("2026-10-25T01:15:00Z")), std::nullopt);
}

TEST(Preferences, AreReadBackAsTheyWereWritten) {
  const Preferences wants{
      .rules = {rule("billing", ChannelKind::kMail, false, 1h), rule("", ChannelKind::kSlack, true),
                rule("ops", std::nullopt, std::nullopt, 0h)},
      .quiet = nights()};
  const auto read = parse_preferences(wants.to_json());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, wants);
}

TEST(Preferences, RefuseWhatCannotHold) {
  const auto why = [](std::string_view text) {
    const auto read = parse_preferences(text);
    return read ? std::string("taken") : read.error().message;
  };
  EXPECT_THAT(why("{"), HasSubstr("no JSON"));
  EXPECT_THAT(why(R"({"rule": []})"), HasSubstr("rule is no member"));
  EXPECT_THAT(why(R"({"rules": [{"enabled": true}]})"), HasSubstr("names a category, a channel"));
  EXPECT_THAT(why(R"({"rules": [{"channel": "FAX"}]})"), HasSubstr("MAIL, WEB_PUSH"));
  EXPECT_THAT(why(R"({"rules": [{"category": "a b", "enabled": true}]})"), HasSubstr("1 to 64"));
  EXPECT_THAT(why(R"({"rules": [{"category": "a", "digestMs": 5}]})"), HasSubstr("one minute"));
  EXPECT_THAT(why(R"({"rules": [{"category": "a"}, {"category": "a"}]})"), HasSubstr("two of"));
  EXPECT_THAT(why(R"({"quiet": {"zone": "Mars/Olympus", "windows": []}})"),
              HasSubstr("Europe/Vienna"));
  EXPECT_THAT(why(R"({"quiet": {"zone": "UTC", "windows": [{"days": ["MON"], "from": "25:00",
                      "until": "07:00"}]}})"),
              HasSubstr("a window is"));
  EXPECT_THAT(why(R"({"quiet": {"zone": "UTC", "windows": [{"days": ["MON", "TUE", "WED", "THU",
                      "FRI", "SAT", "SUN"], "from": "00:00", "until": "24:00"}]}})"),
              HasSubstr("leave no time of the week"));
}

}  // namespace
}  // namespace errand::notification
