#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Argument-Uniqueness

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;

TEST(UniqueArgumentNames, RefusesOneNameTwice) {
  EXPECT_THAT(errors_of("{ dog { isHouseTrained(atOtherHomes: true, atOtherHomes: false) name "
                        "@skip(if: false, if: false) } }"),
              ElementsAre("1:24 1:44 There can be only one argument named \"atOtherHomes\".",
                          "1:76 1:87 There can be only one argument named \"if\"."));
}

}  // namespace
}  // namespace errand::graphql::validation
