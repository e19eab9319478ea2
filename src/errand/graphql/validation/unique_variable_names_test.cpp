#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Variable-Uniqueness

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;

TEST(UniqueVariableNames, RefusesOneNameTwice) {
  EXPECT_THAT(errors_of("query houseTrainedQuery($atOtherHomes: Boolean, $atOtherHomes: Boolean) { "
                        "dog { isHouseTrained(atOtherHomes: $atOtherHomes) } }"),
              ElementsAre("1:26 1:50 There can be only one variable named \"$atOtherHomes\"."));
}

}  // namespace
}  // namespace errand::graphql::validation
