#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-All-Variables-Used

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;

TEST(NoUnusedVariables, RefusesVariablesWithoutUse) {
  EXPECT_THAT(
      errors_of("query variableUnused($atOtherHomes: Boolean) { dog { isHouseTrained } }"),
      ElementsAre(
          "1:22 Variable \"$atOtherHomes\" is never used in operation \"variableUnused\"."));
}

TEST(NoUnusedVariables, NamesNoOperationThatHasNoName) {
  EXPECT_THAT(errors_of("query ($a: Int) { dog { name } }"),
              ElementsAre("1:8 Variable \"$a\" is never used."));
}

}  // namespace
}  // namespace errand::graphql::validation
