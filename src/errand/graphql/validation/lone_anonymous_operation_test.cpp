#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Lone-Anonymous-Operation

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(LoneAnonymousOperation, TakesOneAlone) {
  EXPECT_THAT(errors_of("{ dog { name } }"), IsEmpty());
}

TEST(LoneAnonymousOperation, RefusesOneBesideAnother) {
  EXPECT_THAT(errors_of("{ dog { name } }\n"
                        "query getName { dog { name } }"),
              ElementsAre("1:1 This anonymous operation must be the only defined operation."));
}

TEST(LoneAnonymousOperation, RefusesTwo) {
  EXPECT_THAT(errors_of("{ dog { name } }\n"
                        "{ dog { name } }"),
              ElementsAre("1:1 This anonymous operation must be the only defined operation.",
                          "2:1 This anonymous operation must be the only defined operation."));
}

}  // namespace
}  // namespace errand::graphql::validation
