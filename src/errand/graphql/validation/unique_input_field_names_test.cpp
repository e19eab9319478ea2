#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Input-Object-Field-Uniqueness

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;

TEST(UniqueInputFieldNames, RefusesOneNameTwice) {
  EXPECT_THAT(errors_of("{ findDog(searchBy: {name: \"a\", name: \"b\"}) { name } }"),
              ElementsAre("1:22 1:33 There can be only one input field named \"name\"."));
}

}  // namespace
}  // namespace errand::graphql::validation
