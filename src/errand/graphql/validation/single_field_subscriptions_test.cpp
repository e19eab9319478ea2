#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Single-Root-Field

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(SingleFieldSubscriptions, TakesOneFieldThroughFragments) {
  EXPECT_THAT(errors_of("subscription sub { ...newMessageFields }\n"
                        "fragment newMessageFields on Subscription { newMessage { body } "
                        "newMessage { sender } }"),
              IsEmpty());
}

TEST(SingleFieldSubscriptions, RefusesTwoFields) {
  EXPECT_THAT(errors_of("subscription sub { newMessage { body } disallowedSecondRootField }"),
              ElementsAre("1:40 Subscription \"sub\" must select only one top level field."));
}

TEST(SingleFieldSubscriptions, RefusesTwoFieldsThroughAFragment) {
  EXPECT_THAT(errors_of("subscription sub { ...multipleSubscriptions }\n"
                        "fragment multipleSubscriptions on Subscription { newMessage { body } "
                        "disallowedSecondRootField }"),
              ElementsAre("2:70 Subscription \"sub\" must select only one top level field."));
}

TEST(SingleFieldSubscriptions, RefusesIntrospection) {
  EXPECT_THAT(
      errors_of("subscription sub { __typename }"),
      ElementsAre("1:20 Subscription \"sub\" must not select an introspection top level field."));
}

TEST(SingleFieldSubscriptions, RefusesSkipAndInclude) {
  EXPECT_THAT(
      errors_of("subscription requiredRuntimeValidation($bool: Boolean!) { newMessage @include(if: "
                "$bool) { body } disallowedSecondRootField @skip(if: $bool) }"),
      ElementsAre("1:70 1:125 Subscription \"requiredRuntimeValidation\" must not use `@skip` or "
                  "`@include` directives in the top level selection."));
}

TEST(SingleFieldSubscriptions, NamesAnonymousOnesSo) {
  EXPECT_THAT(errors_of("subscription { newMessage { body } disallowedSecondRootField }"),
              ElementsAre("1:36 Anonymous Subscription must select only one top level field."));
}

TEST(SingleFieldSubscriptions, EndsAtFragmentsThatSpreadThemselves) {
  EXPECT_THAT(errors_of("subscription sub { ...A }\n"
                        "fragment A on Subscription { newMessage { body } ...A }"),
              ElementsAre("2:50 Cannot spread fragment \"A\" within itself."));
}

}  // namespace
}  // namespace errand::graphql::validation
