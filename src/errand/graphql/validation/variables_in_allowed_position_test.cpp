#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-All-Variable-Usages-Are-Allowed

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(VariablesInAllowedPosition, TakesStricterTypesAndDefaults) {
  EXPECT_THAT(
      errors_of("query Q($a: Boolean!, $b: Boolean = true, $c: [Boolean!]!, $d: Boolean) { "
                "arguments { booleanArgField(booleanArg: $a) "
                "nonNullBooleanArgField(nonNullBooleanArg: $b) booleanListArgField(booleanListArg: "
                "$c) optionalNonNullBooleanArgField(optionalBooleanArg: $d) } }"),
      IsEmpty());
}

TEST(VariablesInAllowedPosition, RefusesOtherTypes) {
  EXPECT_THAT(errors_of("query intCannotGoIntoBoolean($intArg: Int, $s: String) { arguments { "
                        "booleanArgField(booleanArg: $intArg) } findDog(searchBy: $s) { name } }"),
              ElementsAre("1:30 1:98 Variable \"$intArg\" of type \"Int\" used in position "
                          "expecting type \"Boolean\".",
                          "1:44 1:127 Variable \"$s\" of type \"String\" used in position "
                          "expecting type \"FindDogInput\"."));
}

TEST(VariablesInAllowedPosition, RefusesListsForItemsAndItemsForLists) {
  EXPECT_THAT(
      errors_of("query Q($list: [Boolean], $item: Boolean) { arguments { "
                "booleanArgField(booleanArg: $list) } booleanList(booleanListArg: $item) }"),
      ElementsAre("1:9 1:85 Variable \"$list\" of type \"[Boolean]\" used in position expecting "
                  "type \"Boolean\".",
                  "1:27 1:122 Variable \"$item\" of type \"Boolean\" used in position expecting "
                  "type \"[Boolean!]\"."));
}

TEST(VariablesInAllowedPosition, RefusesNullableForNonNull) {
  EXPECT_THAT(errors_of("query Q($b: Boolean, $n: Boolean = null, $l: [Boolean]) { arguments { x: "
                        "nonNullBooleanArgField(nonNullBooleanArg: $b) y: "
                        "nonNullBooleanArgField(nonNullBooleanArg: $n) "
                        "booleanListArgField(booleanListArg: $l) } }"),
              ElementsAre("1:9 1:116 Variable \"$b\" of type \"Boolean\" used in position "
                          "expecting type \"Boolean!\".",
                          "1:22 1:165 Variable \"$n\" of type \"Boolean\" used in position "
                          "expecting type \"Boolean!\".",
                          "1:42 1:205 Variable \"$l\" of type \"[Boolean]\" used in position "
                          "expecting type \"[Boolean]!\"."));
}

TEST(VariablesInAllowedPosition, RefusesNullableInOneOf) {
  EXPECT_THAT(errors_of("mutation addCat($cat: CatInput) { addPet(pet: { cat: $cat }) { name } }"),
              ElementsAre("1:17 1:54 Variable \"$cat\" is of type \"CatInput\" but must be "
                          "non-nullable to be used for OneOf Input Object \"PetInput\"."));
}

TEST(VariablesInAllowedPosition, LooksIntoFragments) {
  EXPECT_THAT(
      errors_of("query Q($i: Int) { dog { ...F } } fragment F on Dog { "
                "isHouseTrained(atOtherHomes: $i) }"),
      ElementsAre(
          "1:9 1:84 Variable \"$i\" of type \"Int\" used in position expecting type \"Boolean\"."));
}

}  // namespace
}  // namespace errand::graphql::validation
