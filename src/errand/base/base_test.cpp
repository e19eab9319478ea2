#include <cstdlib>
#include <map>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <signal.h>

#include "errand/base/crash_point.h"
#include "errand/base/ids.h"
#include "errand/base/random.h"
#include "errand/base/time_text.h"
#include "errand/base/utf8.h"

namespace errand {
namespace {

using namespace std::chrono_literals;

TEST(Uuid, Version7CarriesTheTimeAndSortsByIt) {
  SeededRandom random(1);
  const auto early = Uuid::v7(std::chrono::system_clock::time_point{1'000ms}, random);
  const auto late = Uuid::v7(std::chrono::system_clock::time_point{2'000ms}, random);
  EXPECT_LT(early, late);
  EXPECT_EQ(early.str().substr(0, 15), "00000000-03e8-7");
  EXPECT_EQ(Uuid::parse(early.str()), early);
}

TEST(Uuid, RefusesWhatIsNotTheCanonicalForm) {
  EXPECT_FALSE(Uuid::parse(""));
  EXPECT_FALSE(Uuid::parse("0190163d-8694-739b-aea5-966c26f8ad9"));
  EXPECT_FALSE(Uuid::parse("0190163d-8694-739b-aea5-966c26f8ad9g"));
  EXPECT_FALSE(Uuid::parse("0190163d08694-739b-aea5-966c26f8ad90"));
}

TEST(TimeText, ReadsAndWritesDurations) {
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("7d"), 168h);
  EXPECT_EQ(format_duration(90min), "1h30m");
  EXPECT_EQ(format_duration(0ms), "0s");
  for (const char* bad :
       {"", "5", "m", "-5m", "5x", "30m1h", "1h1h", "1.5h", "9999999999999999999d"}) {
    EXPECT_FALSE(parse_duration(bad)) << bad;
  }
}

RC_GTEST_PROP(TimeText, ADurationSurvivesPrintingAndReading, ()) {
  const Milliseconds duration{*rc::gen::inRange<std::int64_t>(0, 3'650LL * 86'400'000)};
  RC_ASSERT(parse_duration(format_duration(duration)).value() == duration);
}

TEST(TimeText, ReadsRfc3339) {
  EXPECT_EQ(format_timestamp(*parse_timestamp("2026-02-28T23:59:59.1239+01:00")),
            "2026-02-28T22:59:59.123Z");
  for (const char* bad : {"", "2026-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00",
                          "2026-01-01 ", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx"}) {
    EXPECT_FALSE(parse_timestamp(bad)) << bad;
  }
}

RC_GTEST_PROP(TimeText, ATimestampSurvivesPrintingAndReading, ()) {
  const Timestamp time{Milliseconds{*rc::gen::inRange<std::int64_t>(0, 250'000'000'000'000)}};
  RC_ASSERT(parse_timestamp(format_timestamp(time)).value() == time);
  RC_ASSERT(is_formatted_timestamp(format_timestamp(time)));
}

TEST(TimeText, KnowsItsOwnForm) {
  EXPECT_TRUE(is_formatted_timestamp("2026-02-28T22:59:59.123Z"));
  EXPECT_TRUE(is_formatted_timestamp("2028-02-29T00:00:00.000Z"));
  for (const char* other :
       {"", "2026-02-29T00:00:00.000Z", "2026-01-01T24:00:00.000Z", "2026-01-01T00:60:00.000Z",
        "2026-01-01T00:00:60.000Z", "2026-13-01T00:00:00.000Z", "2026-01-01T00:00:00Z",
        "2026-01-01t00:00:00.000Z", "2026-01-01T00:00:00.000z", "2026-01-01T00:00:00.0000Z",
        "2026-01-01T00:00:00.00\"Z", "0000-01-01T00:00:00.000Z"}) {
    EXPECT_FALSE(is_formatted_timestamp(other)) << other;
  }
}

TEST(Utf8, RefusesOverlongFormsSurrogatesAndCutSequences) {
  EXPECT_TRUE(is_valid_utf8("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"));
  EXPECT_FALSE(is_valid_utf8("\xC0\x80"));
  EXPECT_FALSE(is_valid_utf8("\xED\xA0\x80"));
  EXPECT_FALSE(is_valid_utf8("\xF4\x90\x80\x80"));
  EXPECT_FALSE(is_valid_utf8("\xE2\x82"));
}

TEST(Utf8, IsCutBetweenCharacters) {
  EXPECT_EQ(cut_utf8("abc", 10), "abc");
  EXPECT_EQ(cut_utf8("abc", 2), "ab");
  EXPECT_EQ(cut_utf8("a\u00e9", 2), "a");
  EXPECT_EQ(cut_utf8("\u65e5\u672c", 5), "\u65e5");
}

RC_GTEST_PROP(Utf8, WhatIsAppendedIsDecoded, ()) {
  auto point = *rc::gen::inRange<std::uint32_t>(0, 0x110000);
  RC_PRE(point < 0xD800 || point > 0xDFFF);
  std::string text;
  append_utf8(text, point);
  RC_ASSERT(is_valid_utf8(text));
  RC_ASSERT(decode_utf8(text).value == point);
}

TEST(CrashPoint, KillsTheProcessAtThePassThatWasChosen) {
  const auto pass = [](int times) {
    std::map<std::string, std::string> environment = {
        {"ERRAND_CRASH_POINT", "commit.after_commit:3"}};
    ASSERT_TRUE(arm_crash_point(environment));
    ASSERT_TRUE(environment.empty());
    for (int i = 0; i < times; ++i) crash_point(CrashPoint::kAfterCommit);
    crash_point(CrashPoint::kBeforeCommit);
    std::exit(0);
  };
  EXPECT_EXIT(pass(2), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(pass(3), testing::KilledBySignal(SIGKILL), "crash point commit.after_commit");
}

TEST(CrashPoint, RefusesWhatItDoesNotKnow) {
  for (const char* text : {"", "commit:1", "commit.after_commit", "commit.after_commit:",
                           "commit.after_commit:0", "commit.after_commit:1x"}) {
    std::map<std::string, std::string> environment = {{"ERRAND_CRASH_POINT", text}};
    const auto armed = arm_crash_point(environment);
    ASSERT_FALSE(armed) << text;
    EXPECT_EQ(armed.error().code, ErrorCode::kConfigInvalid);
    EXPECT_NE(armed.error().message.find("lane.before_decide"), std::string::npos);
  }
}

TEST(Error, EveryCodeHasAName) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    EXPECT_FALSE(to_string(static_cast<ErrorCode>(code)).empty());
  }
}

}  // namespace
}  // namespace errand
