#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Variables-Are-Input-Types

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(VariablesAreInputTypes, TakesScalarsEnumsInputsAndLists) {
  EXPECT_THAT(errors_of("query takesBoolean($a: Boolean, $b: [Boolean!], $c: DogCommand!, $d: "
                        "FindDogInput) { arguments { booleanArgField(booleanArg: $a) } "
                        "booleanList(booleanListArg: $b) findDog(searchBy: $d) { "
                        "isHouseTrained(atOtherHomes: $a) doesKnowCommand(dogCommand: $c) } }"),
              IsEmpty());
}

TEST(VariablesAreInputTypes, RefusesObjectsInterfacesAndUnions) {
  EXPECT_THAT(errors_of("query takesCat($cat: Cat, $pets: [Pet!]!, $u: CatOrDog) { dog { name } }"),
              ElementsAre("1:16 Variable \"$cat\" is never used in operation \"takesCat\".",
                          "1:27 Variable \"$pets\" is never used in operation \"takesCat\".",
                          "1:43 Variable \"$u\" is never used in operation \"takesCat\".",
                          "1:22 Variable \"$cat\" cannot be non-input type \"Cat\".",
                          "1:34 Variable \"$pets\" cannot be non-input type \"[Pet!]!\".",
                          "1:47 Variable \"$u\" cannot be non-input type \"CatOrDog\"."));
}

}  // namespace
}  // namespace errand::graphql::validation
