#include "errand/job/type_history.h"

#include <chrono>
#include <cmath>

#include <gtest/gtest.h>

#include "errand/base/random.h"

namespace errand::job {
namespace {

using namespace std::chrono_literals;

TEST(ProgressTrack, FillsMilestonesBetweenReportsAtAnEvenPace) {
  ProgressTrack track;
  track.note(0.1, 100ms);
  track.note(0.05, 150ms);  // goes back: says nothing
  track.note(0.5, 1'100ms);
  EXPECT_FLOAT_EQ(track.reached(0).value(), 50);
  EXPECT_FLOAT_EQ(track.reached(1).value(), 100);
  EXPECT_FLOAT_EQ(track.reached(2).value(), 350);
  EXPECT_FLOAT_EQ(track.reached(5).value(), 1'100);
  EXPECT_EQ(track.reached(6), std::nullopt);
}

TEST(ProgressTrack, KnowsNothingFromBeforeItBegan) {
  ProgressTrack track(0.3, 900ms);
  track.note(0.5, 1'100ms);
  EXPECT_EQ(track.reached(2), std::nullopt);
  EXPECT_EQ(track.reached(3), std::nullopt);
  EXPECT_FLOAT_EQ(track.reached(4).value(), 1'000);
}

/// Attempts that do half of their units in a tenth of their time.
TypeHistory uneven_history(int attempts) {
  SeededRandom random(5);
  TypeHistory history;
  for (int i = 0; i < attempts; ++i) {
    const Milliseconds total(10'000 + static_cast<int>(90'000 * random.uniform()));
    ProgressTrack track;
    track.note(0.5, total / 10);
    track.note(1, total);
    history.observe(track, total);
  }
  return history;
}

TEST(TypeHistory, LearnsThatProgressIsNotProportionalToTime) {
  const TypeHistory history = uneven_history(200);
  const auto left = history.left(0.5, 5'000, 0).value();
  EXPECT_NEAR(left.middle, 45'000, 2'000);
  EXPECT_LT(left.high - left.low, 4'000);
  const auto total = history.total(0).value();
  EXPECT_GT(total.high - total.low, 50'000);
  EXPECT_GE(history.total(90'000).value().low, 90'000);
  // What has passed since the report counts.
  EXPECT_GE(history.left(0.5, 5'000, 44'900).value().low, 44'900);
}

TEST(TypeHistory, SaysNothingBeforeTheFirstMilestoneOrWithoutHistory) {
  const TypeHistory history = uneven_history(200);
  EXPECT_EQ(history.left(0.04, 100, 0), std::nullopt);
  EXPECT_TRUE(history.left(0.05, 100, 0));
  EXPECT_TRUE(history.left(0.97, 100, 0));
  EXPECT_EQ(uneven_history(10).left(0.5, 5'000, 0), std::nullopt);
  EXPECT_EQ(uneven_history(10).total(0), std::nullopt);
}

TEST(TypeHistory, ComesBackFromItsText) {
  const TypeHistory history = uneven_history(300);
  const std::string text = history.to_json();
  EXPECT_LT(text.size(), 16'000U);
  const auto back = TypeHistory::parse(text);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->to_json(), text);
  EXPECT_NEAR(back->left(0.5, 5'000, 0)->middle, history.left(0.5, 5'000, 0)->middle, 100);
  EXPECT_TRUE(TypeHistory::parse(TypeHistory().to_json()));
}

TEST(TypeHistory, RefusesOtherTexts) {
  for (const char* text : {"", "[]", "{}", R"({"version":2,"total":[],"left":[]})",
                           R"({"version":1,"total":[],"left":[]})"}) {
    EXPECT_FALSE(TypeHistory::parse(text)) << text;
  }
}

}  // namespace
}  // namespace errand::job
