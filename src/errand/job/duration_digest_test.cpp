#include "errand/job/duration_digest.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "errand/json/parse.h"

namespace errand::job {
namespace {

DurationDigest digest_of(const std::vector<double>& values) {
  DurationDigest digest;
  for (const double value : values) digest.add(value);
  return digest;
}

std::string text_of(const DurationDigest& digest) {
  std::string text;
  digest.append_json(text);
  return text;
}

std::optional<DurationDigest> read(const std::string& text) {
  const auto json = json::parse(text);
  return json ? DurationDigest::from_json(*json) : std::nullopt;
}

rc::Gen<std::vector<double>> some_values() {
  return rc::gen::nonEmpty(rc::gen::container<std::vector<double>>(
      rc::gen::map(rc::gen::inRange(-20'000, 20'000), [](int n) { return n / 1'000.0; })));
}

TEST(DurationDigest, SaysNothingWithoutAValue) {
  EXPECT_EQ(DurationDigest().quantile(0.5), std::nullopt);
  EXPECT_EQ(DurationDigest().weight(), 0);
  EXPECT_EQ(digest_of({1.0}).quantile(0.5, 2.0), std::nullopt);
}

TEST(DurationDigest, GivesQuantilesOfAFewValuesExactly) {
  const DurationDigest digest = digest_of({5, 1, 4, 2, 3, 7, 6, 9, 8});
  EXPECT_NEAR(*digest.quantile(0.1), 1, DurationDigest::kFinest);
  EXPECT_NEAR(*digest.quantile(0.5), 5, DurationDigest::kFinest);
  EXPECT_NEAR(*digest.quantile(0.9), 9, DurationDigest::kFinest);
  // Of those above 5.5: 6, 7, 8 and 9.
  EXPECT_NEAR(digest.weight_above(5.5), 4, 0.1);
  EXPECT_NEAR(*digest.quantile(0.2, 5.5), 6, 2 * DurationDigest::kFinest);
}

TEST(DurationDigest, FollowsADrift) {
  DurationDigest digest;
  for (int i = 0; i < 1'000; ++i) digest.add(1 + i % 10 * 0.01);
  for (int i = 0; i < 600; ++i) digest.add(5 + i % 10 * 0.01);
  EXPECT_GT(*digest.quantile(0.1), 4.9);
  EXPECT_LE(digest.weight(), DurationDigest::kMemory);
}

RC_GTEST_PROP(DurationDigest, IsBounded, ()) {
  const DurationDigest digest = digest_of(*some_values());
  RC_ASSERT(digest.weight() <= DurationDigest::kMemory + 1);
  RC_ASSERT(text_of(digest).size() < 20 * DurationDigest::kBucketsMax);
}

RC_GTEST_PROP(DurationDigest, KeepsWithinItsError, ()) {
  // As many as do not forget much, so that ranks can be counted.
  std::vector<double> values = *some_values();
  if (values.size() > 100) values.resize(100);
  const DurationDigest digest = digest_of(values);
  std::ranges::sort(values);
  const double width =
      std::max(DurationDigest::kFinest, (values.back() - values.front()) * 2 /
                                            static_cast<double>(DurationDigest::kBucketsMax - 1));
  const double level = *rc::gen::inRange(0, 101) / 100.0;
  const double found = *digest.quantile(level);
  // Old values weigh less, by at most a third: ranks shift by no more than that.
  const auto rank = [&](double at) {
    return static_cast<double>(std::ranges::count_if(values, [&](double v) { return v < at; }));
  };
  const auto n = static_cast<double>(values.size());
  const double slack = 0.11 * n + 2;
  RC_ASSERT(rank(found - width) <= level * n + slack);
  RC_ASSERT(rank(found + width + 1e-9) >= level * n - slack);
}

RC_GTEST_PROP(DurationDigest, GrowsWithTheLevel, ()) {
  const DurationDigest digest = digest_of(*some_values());
  const double floor = *rc::gen::inRange(-25'000, 25'000) / 1'000.0;
  std::optional<double> last;
  for (int i = 0; i <= 20; ++i) {
    const auto next = digest.quantile(i / 20.0, floor);
    if (!next) {
      RC_ASSERT(digest.weight_above(floor) <= 0);
      return;
    }
    RC_ASSERT(*next >= floor);
    RC_ASSERT((!last || *next >= *last));  // the macro evaluates both sides of a bare ||
    last = next;
  }
}

RC_GTEST_PROP(DurationDigest, MergesWithoutLosingWeight, ()) {
  const DurationDigest a = digest_of(*some_values());
  const DurationDigest b = digest_of(*some_values());
  DurationDigest ab = a;
  ab.merge(b);
  DurationDigest ba = b;
  ba.merge(a);
  RC_ASSERT(std::abs(ab.weight() - a.weight() - b.weight()) < 1e-3);
  for (const double floor : {-10.0, 0.0, 10.0}) {
    RC_ASSERT(std::abs(ab.weight_above(floor) - ba.weight_above(floor)) < 1e-3);
  }
  const double low = std::min(*a.quantile(0), *b.quantile(0));
  const double high = std::max(*a.quantile(1), *b.quantile(1));
  RC_ASSERT(*ab.quantile(0) > low - 2 && *ab.quantile(1) < high + 2);
}

RC_GTEST_PROP(DurationDigest, ComesBackFromItsText, ()) {
  const DurationDigest digest = digest_of(*some_values());
  const auto back = read(text_of(digest));
  RC_ASSERT(back.has_value());
  // Weights are rounded to three digits, once.
  RC_ASSERT(text_of(*back) == text_of(digest));
  RC_ASSERT(std::abs(back->weight() - digest.weight()) < 0.01 * digest.weight());
}

TEST(DurationDigest, RefusesOtherTexts) {
  for (const char* text : {"1", "{}", "[]", "[-1]", "[99]", "[0,1]", "[0,1,0]", "[0,1,-2]",
                           "[0,5,1,0,1]", "[0,1.5,1]", "[0,900000000,1]", "[0,1,\"x\"]"}) {
    EXPECT_FALSE(read(text)) << text;
  }
  EXPECT_TRUE(read("[0]"));
  EXPECT_TRUE(read("[3,-7,1,2,0.5]"));
}

}  // namespace
}  // namespace errand::job
