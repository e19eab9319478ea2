#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Argument-Names

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;

TEST(KnownArgumentNames, RefusesUnknownOnesOfFieldsAndDirectives) {
  EXPECT_THAT(errors_of("{ dog { doesKnowCommand(command: CLEAN_UP_HOUSE, dogCommand: SIT) "
                        "isHouseTrained(atOtherHomes: true) @include(unless: false, if: true) "
                        "name(upper: true) __typename(x: 1) } }"),
              ElementsAre("1:25 Unknown argument \"command\" on field \"Dog.doesKnowCommand\". Did "
                          "you mean \"dogCommand\"?",
                          "1:111 Unknown argument \"unless\" on directive \"@include\".",
                          "1:141 Unknown argument \"upper\" on field \"Dog.name\".",
                          "1:165 Unknown argument \"x\" on field \"<meta>.__typename\"."));
}

TEST(KnownArgumentNames, SuggestsSimilarNames) {
  EXPECT_THAT(
      errors_of("{ dog { isHouseTrained(atOtherHome: true) name @include(iff: true, if: true) } }"),
      ElementsAre("1:24 Unknown argument \"atOtherHome\" on field \"Dog.isHouseTrained\". Did you "
                  "mean \"atOtherHomes\"?",
                  "1:57 Unknown argument \"iff\" on directive \"@include\". Did you mean \"if\"?"));
}

}  // namespace
}  // namespace errand::graphql::validation
