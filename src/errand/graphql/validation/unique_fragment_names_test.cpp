#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Fragment-Name-Uniqueness

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;

TEST(UniqueFragmentNames, RefusesOneNameTwice) {
  EXPECT_THAT(errors_of("{ dog { ...fragmentOne } }\n"
                        "fragment fragmentOne on Dog { name }\n"
                        "fragment fragmentOne on Dog { owner { name } }"),
              ElementsAre("2:10 3:10 There can be only one fragment named \"fragmentOne\"."));
}

}  // namespace
}  // namespace errand::graphql::validation
