#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Required-Arguments

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ProvidedRequiredArguments, TakesOptionalOnes) {
  EXPECT_THAT(errors_of("{ arguments { booleanArgField optionalNonNullBooleanArgField } }"),
              IsEmpty());
}

TEST(ProvidedRequiredArguments, RefusesMissingOnesOfFieldsAndDirectives) {
  EXPECT_THAT(
      errors_of(
          "{ arguments { nonNullBooleanArgField multipleRequirements(y: 1) } dog { name @skip } }"),
      ElementsAre("1:15 Argument \"Arguments.nonNullBooleanArgField(nonNullBooleanArg:)\" of type "
                  "\"Boolean!\" is required, but it was not provided.",
                  "1:38 Argument \"Arguments.multipleRequirements(x:)\" of type \"Int!\" is "
                  "required, but it was not provided.",
                  "1:78 Argument \"@skip(if:)\" of type \"Boolean!\" is required, but it was not "
                  "provided."));
}

}  // namespace
}  // namespace errand::graphql::validation
