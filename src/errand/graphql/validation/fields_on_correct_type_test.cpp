#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Field-Selections

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(FieldsOnCorrectType, TakesTypenameOnUnions) {
  EXPECT_THAT(
      errors_of("{ catOrDog { __typename ... on Pet { name } ... on Dog { barkVolume } } }"),
      IsEmpty());
}

TEST(FieldsOnCorrectType, SuggestsFieldsOfSimilarNames) {
  EXPECT_THAT(
      errors_of("{ dog { meowVolume barkVolum nam } }"),
      ElementsAre(
          "1:9 Cannot query field \"meowVolume\" on type \"Dog\". Did you mean \"barkVolume\"?",
          "1:20 Cannot query field \"barkVolum\" on type \"Dog\". Did you mean \"barkVolume\"?",
          "1:30 Cannot query field \"nam\" on type \"Dog\". Did you mean \"name\"?"));
}

TEST(FieldsOnCorrectType, SuggestsTypesThatHaveTheField) {
  EXPECT_THAT(errors_of("{ pet { nickname } catOrDog { name barkVolume } }"),
              ElementsAre("1:9 Cannot query field \"nickname\" on type \"Pet\". Did you mean to "
                          "use an inline fragment on \"Cat\" or \"Dog\"?",
                          "1:31 Cannot query field \"name\" on type \"CatOrDog\". Did you mean to "
                          "use an inline fragment on \"Pet\", \"Cat\", or \"Dog\"?",
                          "1:36 Cannot query field \"barkVolume\" on type \"CatOrDog\". Did you "
                          "mean to use an inline fragment on \"Dog\"?"));
}

TEST(FieldsOnCorrectType, KnowsIntrospectionOnTheQueryRootAlone) {
  EXPECT_THAT(
      errors_of("{ __schema { queryType { name } } dog { __schema { queryType { name } } } }"),
      ElementsAre("1:41 Cannot query field \"__schema\" on type \"Dog\"."));
}

}  // namespace
}  // namespace errand::graphql::validation
