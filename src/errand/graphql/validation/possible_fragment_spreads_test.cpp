#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Fragment-Spread-Is-Possible

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(PossibleFragmentSpreads, TakesTypesThatOverlap) {
  EXPECT_THAT(errors_of("{ dog { ... on Dog { barkVolume } ...petNameFragment ...catOrDogFragment "
                        "} humanOrAlien { ... on Sentient { name } } }\n"
                        "fragment petNameFragment on Pet { name }\n"
                        "fragment catOrDogFragment on CatOrDog { ... on Cat { meowVolume } }"),
              IsEmpty());
}

TEST(PossibleFragmentSpreads, RefusesTypesThatNeverMeet) {
  EXPECT_THAT(errors_of("{ dog { ... on Cat { meowVolume } ...alien } }\n"
                        "fragment alien on HumanOrAlien { __typename }"),
              ElementsAre("1:9 Fragment cannot be spread here as objects of type \"Dog\" can never "
                          "be of type \"Cat\".",
                          "1:35 Fragment \"alien\" cannot be spread here as objects of type "
                          "\"Dog\" can never be of type \"HumanOrAlien\"."));
}

TEST(PossibleFragmentSpreads, RefusesInterfacesAndUnionsThatNeverMeet) {
  EXPECT_THAT(errors_of("{ humanOrAlien { ... on Pet { name } } }"),
              ElementsAre("1:18 Fragment cannot be spread here as objects of type \"HumanOrAlien\" "
                          "can never be of type \"Pet\"."));
}

}  // namespace
}  // namespace errand::graphql::validation
