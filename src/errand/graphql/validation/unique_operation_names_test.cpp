#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Operation-Name-Uniqueness

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(UniqueOperationNames, TakesDifferentNames) {
  EXPECT_THAT(errors_of("query a { dog { name } } query b { dog { name } }"), IsEmpty());
}

TEST(UniqueOperationNames, RefusesOneNameTwiceWhateverTheKind) {
  EXPECT_THAT(errors_of("query dogOperation { dog { name } }\n"
                        "mutation dogOperation { addPet(pet: {dog: {name: \"x\"}}) { name } }"),
              ElementsAre("1:7 2:10 There can be only one operation named \"dogOperation\"."));
}

}  // namespace
}  // namespace errand::graphql::validation
