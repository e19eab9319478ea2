#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Fragments-on-Object-Interface-or-Union-Types

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(FragmentsOnCompositeTypes, TakesObjectsInterfacesAndUnions) {
  EXPECT_THAT(errors_of("{ dog { ... on Dog { name } ... on Pet { name } ... on CatOrDog { ... on "
                        "Dog { name } } } }"),
              IsEmpty());
}

TEST(FragmentsOnCompositeTypes, RefusesScalarsAndInputs) {
  EXPECT_THAT(
      errors_of("{ dog { ...fragOnScalar ... on Boolean { x } ... on FindDogInput { name } } }\n"
                "fragment fragOnScalar on Int { something }"),
      ElementsAre(
          "1:32 Fragment cannot condition on non composite type \"Boolean\".",
          "1:53 Fragment cannot condition on non composite type \"FindDogInput\".",
          "2:26 Fragment \"fragOnScalar\" cannot condition on non composite type \"Int\"."));
}

}  // namespace
}  // namespace errand::graphql::validation
