#include "errand/job/forecast.h"

#include <cmath>
#include <functional>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "errand/base/random.h"
#include "errand/json/parse.h"

namespace errand::job {
namespace {

double normal(Random& random) {
  return std::sqrt(-2 * std::log(1 - random.uniform())) *
         std::cos(2 * std::numbers::pi * random.uniform());
}

/// Shares of outcomes below, within and above their ranges.
struct Shares {
  double below = 0;
  double within = 0;
  double above = 0;
};

Shares shares_of(int outcomes, const std::function<std::pair<double, double>(int)>& next) {
  Forecast forecast;
  Shares shares;
  int judged = 0;
  for (int i = 0; i < outcomes; ++i) {
    const auto [known, outcome] = next(i);
    if (const auto range = forecast.range(known)) {
      ++judged;
      (outcome < range->low    ? shares.below
       : outcome > range->high ? shares.above
                               : shares.within)++;
    }
    forecast.observe(known, outcome);
  }
  EXPECT_GT(judged, outcomes - 30);
  return {shares.below / judged, shares.within / judged, shares.above / judged};
}

std::string text_of(const Forecast& forecast) {
  std::string text;
  forecast.append_json(text);
  return text;
}

TEST(Forecast, SaysNothingBeforeEnoughOutcomes) {
  Forecast forecast;
  for (int i = 0; i < 20; ++i) forecast.observe(0, i);
  EXPECT_FALSE(forecast.range(0));
  for (int i = 0; i < 10; ++i) forecast.observe(0, i);
  EXPECT_TRUE(forecast.range(0));
  EXPECT_FALSE(forecast.range(0, 1'000));  // nothing was ever that long
}

TEST(Forecast, KeepsOneInTenOutsideOnEitherSideWhateverTheDistribution) {
  SeededRandom random(7);
  const std::pair<const char*, std::function<std::pair<double, double>(int)>> cases[] = {
      {"normal", [&](int) { return std::pair(0.0, normal(random)); }},
      {"exponential tail", [&](int) { return std::pair(0.0, -std::log(1 - random.uniform())); }},
      {"pace",
       [&](int) {
         const double known = normal(random);
         return std::pair(known, known + 2 + 0.3 * normal(random));
       }},
      {"drift", [&](int i) { return std::pair(0.0, i * 0.002 + normal(random)); }},
      {"jump", [&](int i) { return std::pair(0.0, (i < 1'000 ? 0.0 : 3.0) + normal(random)); }},
      {"always the same but for rounding",
       [&](int) { return std::pair(0.0, 5 + 1e-4 * random.uniform()); }},
  };
  for (const auto& [name, next] : cases) {
    const Shares shares = shares_of(2'000, next);
    EXPECT_NEAR(shares.below, 0.1, 0.03) << name;
    EXPECT_NEAR(shares.within, 0.8, 0.05) << name;
    EXPECT_NEAR(shares.above, 0.1, 0.03) << name;
  }
}

TEST(Forecast, IsNarrowWhereTheKnownTellsTheOutcome) {
  SeededRandom random(3);
  Forecast with;
  Forecast without;
  for (int i = 0; i < 500; ++i) {
    const double known = normal(random);
    const double outcome = known + 1 + 0.1 * normal(random);
    with.observe(known, outcome);
    without.observe(0, outcome);
  }
  const auto narrow = *with.range(2);
  EXPECT_NEAR(narrow.middle, 3, 0.2);
  EXPECT_LT(narrow.high - narrow.low, 0.4);
  EXPECT_GT(without.range(0)->high - without.range(0)->low, 2);
}

TEST(Forecast, LiesAboveWhatHasPassed) {
  SeededRandom random(3);
  Forecast forecast;
  for (int i = 0; i < 500; ++i) forecast.observe(0, normal(random));
  const auto range = *forecast.range(0, 1);
  EXPECT_GE(range.low, 1);
  EXPECT_GE(range.middle, range.low);
  EXPECT_GE(range.high, range.middle);
}

RC_GTEST_PROP(Forecast, ComesBackFromItsText, ()) {
  Forecast forecast;
  for (const int n : *rc::gen::container<std::vector<int>>(rc::gen::inRange(-9'000, 9'000))) {
    forecast.observe(n % 7, n / 1'000.0);
  }
  const auto json = json::parse(text_of(forecast));
  RC_ASSERT(json.has_value());
  const auto back = Forecast::from_json(*json);
  RC_ASSERT(back.has_value());
  RC_ASSERT(text_of(*back) == text_of(forecast));
}

TEST(Forecast, RefusesOtherTexts) {
  for (const char* text :
       {"null", "[]", "[1,0,0,0,0,0.1,0.1]", "[-1,0,0,0,0,0.1,0.1,[0]]", "[1,0,0,-1,0,0.1,0.1,[0]]",
        "[1,0,0,0,0,0.6,0.1,[0]]", "[1,1e9,0,0,0,0.1,0.1,[0]]", "[1,0,0,0,0,0.1,0.1,[]]"}) {
    EXPECT_FALSE(Forecast::from_json(*json::parse(text))) << text;
  }
}

}  // namespace
}  // namespace errand::job
