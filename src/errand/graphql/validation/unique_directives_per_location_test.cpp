#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Directives-Are-Unique-per-Location

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(UniqueDirectivesPerLocation, TakesRepeatableOnesAndOtherPlaces) {
  EXPECT_THAT(
      errors_of("query ($foo: Boolean = true, $bar: Boolean = false) { dog @skip(if: $foo) { name "
                "} dog @skip(if: $bar) { barkVolume @repeatable(n: 1) @repeatable(n: 2) } }"),
      IsEmpty());
}

TEST(UniqueDirectivesPerLocation, RefusesOneTwiceAtOnePlace) {
  EXPECT_THAT(
      errors_of("query ($foo: Boolean = true, $bar: Boolean = false) { dog @skip(if: $foo) "
                "@skip(if: $bar) { name } }"),
      ElementsAre("1:59 1:75 The directive \"@skip\" can only be used once at this location."));
}

}  // namespace
}  // namespace errand::graphql::validation
