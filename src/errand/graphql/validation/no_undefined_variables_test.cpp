#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-All-Variable-Uses-Defined

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(NoUndefinedVariables, TakesUsesInFragmentsOfOperationsThatDefineThem) {
  EXPECT_THAT(errors_of("query A($x: Boolean) { dog { ...F } } query B($x: Boolean) { dog { ...F } "
                        "} fragment F on Dog { isHouseTrained(atOtherHomes: $x) }"),
              IsEmpty());
}

TEST(NoUndefinedVariables, RefusesUsesWithoutDefinition) {
  EXPECT_THAT(
      errors_of(
          "query variableIsNotDefined { dog { isHouseTrained(atOtherHomes: $atOtherHomes) } }"),
      ElementsAre("1:65 1:1 Variable \"$atOtherHomes\" is not defined by operation "
                  "\"variableIsNotDefined\"."));
}

TEST(NoUndefinedVariables, LooksIntoFragmentsForEachOperation) {
  EXPECT_THAT(
      errors_of(
          "query housetrainedQueryOne($atOtherHomes: Boolean) { dog { ...isHouseTrainedFragment } "
          "}\n"
          "query housetrainedQueryTwoNotDefined { dog { ...isHouseTrainedFragment } }\n"
          "fragment isHouseTrainedFragment on Dog { isHouseTrained(atOtherHomes: $atOtherHomes) }"),
      ElementsAre("3:71 2:1 Variable \"$atOtherHomes\" is not defined by operation "
                  "\"housetrainedQueryTwoNotDefined\"."));
}

TEST(NoUndefinedVariables, LooksIntoListsObjectsAndDirectives) {
  EXPECT_THAT(errors_of("{ findDog(searchBy: {name: $a}) @include(if: $b) { name } "
                        "booleanList(booleanListArg: [true, $c]) }"),
              ElementsAre("1:28 1:1 Variable \"$a\" is not defined.",
                          "1:46 1:1 Variable \"$b\" is not defined.",
                          "1:94 1:1 Variable \"$c\" is not defined."));
}

}  // namespace
}  // namespace errand::graphql::validation
