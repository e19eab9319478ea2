#include "errand/notification/preferences.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/base/time_text.h"

namespace errand::notification {
namespace {

using std::chrono_literals::operator""min;
using std::chrono_literals::operator""h;
using testing::HasSubstr;

Timestamp at(std::string_view text) { return *parse_timestamp(text); }

Preferences::Choice choice(std::string category, std::optional<NotifyChannel> channel,
                           std::optional<bool> enabled,
                           std::optional<Milliseconds> digest = std::nullopt) {
  return {
      .category = std::move(category), .channel = channel, .enabled = enabled, .digest = digest};
}

QuietHours nights(std::string zone = "Europe/Vienna") {
  return {.zone = std::move(zone), .windows = {{.days = 0x7f, .from = 22 * 60, .to = 7 * 60}}};
}

Decision decide_mail(const Preferences& preferences, const Categories& categories = {},
                     bool mandatory = false) {
  return decide(preferences, categories,
                {.category = "billing", .channel = NotifyChannel::kEmail, .mandatory = mandatory},
                at("2026-01-14T12:00:00Z"));
}

Decision suppressed(WhyNot reason) { return {.kind = Decision::Kind::kSuppress, .reason = reason}; }

TEST(Decide, GoesByTheMostSpecificChoice) {
  Preferences wants;
  EXPECT_EQ(decide_mail(wants), Decision());
  wants.choices.push_back(choice("", std::nullopt, false));
  EXPECT_EQ(decide_mail(wants), suppressed(WhyNot::kAllOff));
  wants.choices.push_back(choice("billing", std::nullopt, true));
  EXPECT_EQ(decide_mail(wants), Decision());
  wants.choices.push_back(choice("", NotifyChannel::kEmail, false));
  EXPECT_EQ(decide_mail(wants), suppressed(WhyNot::kChannelOff));
  wants.choices.push_back(choice("billing", NotifyChannel::kEmail, true));
  EXPECT_EQ(decide_mail(wants), Decision());
  wants.choices.back().enabled = false;
  EXPECT_EQ(decide_mail(wants), suppressed(WhyNot::kOptedOut));
  wants.choices = {choice("billing", std::nullopt, false)};
  EXPECT_EQ(decide_mail(wants), suppressed(WhyNot::kCategoryOff));
}

TEST(Decide, TakesNoChoiceOfAnotherCategoryOrChannel) {
  const Preferences wants{.choices = {choice("other", NotifyChannel::kEmail, false),
                                      choice("billing", NotifyChannel::kChat, false),
                                      choice("", NotifyChannel::kInApp, false)}};
  EXPECT_EQ(decide_mail(wants), Decision());
}

TEST(Decide, LetsAChoiceThatSaysNothingInherit) {
  const Preferences wants{.choices = {choice("billing", NotifyChannel::kEmail, std::nullopt, 1h),
                                      choice("", NotifyChannel::kEmail, false)}};
  EXPECT_EQ(decide_mail(wants), suppressed(WhyNot::kChannelOff));
}

TEST(Decide, LetsMandatoryMessagesPassEverything) {
  const Preferences wants{.choices = {choice("billing", NotifyChannel::kEmail, false, 1h)},
                          .quiet = {.windows = {{.days = 0x7f}}}};
  EXPECT_EQ(decide_mail(wants, {}, true), Decision());
}

TEST(Decide, TakesTheCategorysDefaultWhereNobodyChose) {
  Categories categories{{"billing", {.off = {NotifyChannel::kEmail}}}};
  EXPECT_EQ(decide_mail({}, categories), suppressed(WhyNot::kOffByDefault));
  EXPECT_EQ(decide_mail({.choices = {choice("", NotifyChannel::kEmail, true)}}, categories),
            Decision());
  categories["billing"] = {.digest = 2h};
  EXPECT_EQ(decide_mail({}, categories), (Decision{.kind = Decision::Kind::kGather,
                                                   .reason = WhyNot::kDigest,
                                                   .until = at("2026-01-14T14:00:00Z")}));
  const Preferences at_once{
      .choices = {choice("", NotifyChannel::kEmail, std::nullopt, Milliseconds::zero())}};
  EXPECT_EQ(decide_mail(at_once, categories), Decision());
}

TEST(Decide, HoldsInQuietHoursBeforeItGathers) {
  const Preferences wants{.choices = {choice("", NotifyChannel::kEmail, true, 1h)},
                          .quiet = nights()};
  const auto over = [&](NotifyChannel channel, std::string_view time) {
    return decide(wants, {}, {.category = "billing", .channel = channel}, at(time));
  };
  EXPECT_EQ(over(NotifyChannel::kEmail, "2026-01-14T23:00:00Z"),
            (Decision{.kind = Decision::Kind::kHold,
                      .reason = WhyNot::kQuietHours,
                      .until = at("2026-01-15T06:00:00Z")}));
  EXPECT_EQ(over(NotifyChannel::kEmail, "2026-01-15T06:00:00Z").kind, Decision::Kind::kGather);
  EXPECT_EQ(over(NotifyChannel::kInApp, "2026-01-14T23:00:00Z"), Decision());
}

TEST(QuietHours, EndAtTheLocalTimeAlsoPastMidnight) {
  EXPECT_EQ(nights().quiet_until(at("2026-01-14T20:59:59Z")), std::nullopt);
  EXPECT_EQ(nights().quiet_until(at("2026-01-14T21:00:00Z")), at("2026-01-15T06:00:00Z"));
  EXPECT_EQ(nights().quiet_until(at("2026-01-15T05:59:59.999Z")), at("2026-01-15T06:00:00Z"));
  EXPECT_EQ(nights().quiet_until(at("2026-01-15T06:00:00Z")), std::nullopt);
}

TEST(QuietHours, BeginOnTheirWeekdaysAlone) {
  // Fridays only, into Saturday. The 16th is a Friday.
  const QuietHours quiet{.zone = "UTC", .windows = {{.days = 1U << 4, .from = 1320, .to = 60}}};
  EXPECT_EQ(quiet.quiet_until(at("2026-01-15T22:30:00Z")), std::nullopt);
  EXPECT_EQ(quiet.quiet_until(at("2026-01-17T00:30:00Z")), at("2026-01-17T01:00:00Z"));
}

TEST(QuietHours, CountAsOneWhereTheyTouch) {
  const QuietHours quiet{.zone = "UTC",
                         .windows = {{.days = 1U << 4, .from = 1200, .to = 0},
                                     {.days = 1U << 5, .from = 0, .to = 0},
                                     {.days = 1U << 6, .from = 0, .to = 600}}};
  EXPECT_EQ(quiet.quiet_until(at("2026-01-16T21:00:00Z")), at("2026-01-18T10:00:00Z"));
}

TEST(QuietHours, EndAtTheChangeWhereTheirEndIsSkipped) {
  // In Vienna 02:00 to 03:00 is skipped on 29 March 2026: the clocks change at 01:00 UTC.
  const QuietHours quiet{.zone = "Europe/Vienna",
                         .windows = {{.days = 0x7F, .from = 0, .to = 150}}};
  EXPECT_EQ(quiet.quiet_until(at("2026-03-29T00:30:00Z")), at("2026-03-29T01:00:00Z"));
  const QuietHours within{.zone = "Europe/Vienna",
                          .windows = {{.days = 0x7F, .from = 130, .to = 170}}};
  EXPECT_EQ(within.quiet_until(at("2026-03-29T00:59:59Z")), std::nullopt);
  EXPECT_EQ(within.quiet_until(at("2026-03-29T01:00:00Z")), std::nullopt);
}

TEST(QuietHours, CountOnceWhereLocalTimesComeTwice) {
  // In Vienna 02:00 to 03:00 comes twice on 25 October 2026: from 00:00 and from 01:00 UTC.
  const QuietHours quiet{.zone = "Europe/Vienna",
                         .windows = {{.days = 0x7F, .from = 60, .to = 150}}};
  EXPECT_EQ(quiet.quiet_until(at("2026-10-25T00:15:00Z")), at("2026-10-25T00:30:00Z"));
  EXPECT_EQ(quiet.quiet_until(at("2026-10-25T01:15:00Z")), std::nullopt);
}

TEST(Preferences, AreReadBackAsTheyWereWritten) {
  const Preferences wants{.choices = {choice("billing", NotifyChannel::kEmail, false, 1h),
                                      choice("", NotifyChannel::kChat, true),
                                      choice("ops", std::nullopt, std::nullopt, 0h)},
                          .quiet = nights()};
  EXPECT_EQ(parse_preferences(wants.to_json()), wants);
  EXPECT_EQ(parse_preferences("{"), std::nullopt);
  EXPECT_EQ(parse_preferences(R"({"choices": [{"channel": "FAX"}]})"), std::nullopt);
}

TEST(Preferences, AreRefusedWithWhatToWriteInstead) {
  const auto why = [](const Preferences& wants) {
    const auto checked = check_preferences(wants);
    return checked ? std::string("taken") : checked.error().message;
  };
  EXPECT_EQ(why({.choices = {choice("ops", std::nullopt, true)}, .quiet = nights()}), "taken");
  EXPECT_THAT(why({.choices = {choice("a b", std::nullopt, true)}}), HasSubstr("1 to 64"));
  EXPECT_THAT(why({.choices = {choice("a", std::nullopt, true, Milliseconds(5))}}),
              HasSubstr("1m to 7d"));
  EXPECT_THAT(why({.choices = {choice("a", std::nullopt, true), choice("a", std::nullopt, false)}}),
              HasSubstr("two choices"));
  EXPECT_THAT(why({.quiet = nights("Mars/Olympus")}), HasSubstr("Europe/Vienna"));
  EXPECT_THAT(why({.quiet = {.zone = "UTC", .windows = {{.days = 0}}}}), HasSubstr("MONDAY"));
}

TEST(CheckPreferences, RefusesQuietHoursThatLeaveNoTime) {
  const auto with = [](std::vector<QuietHours::Window> windows) {
    return check_preferences({.choices = {}, .quiet = {.zone = "UTC", .windows = windows}});
  };
  EXPECT_FALSE(with({{.days = 0x7f, .from = 0, .to = 0}}));
  EXPECT_FALSE(
      with({{.days = 0x7f, .from = 600, .to = 60}, {.days = 0x7f, .from = 30, .to = 700}}));
  EXPECT_TRUE(with({{.days = 0x7f, .from = 1, .to = 0}}));
  EXPECT_TRUE(with({{.days = 0x7e, .from = 0, .to = 0}}));
}

}  // namespace
}  // namespace errand::notification
