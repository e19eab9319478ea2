#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Fragment-Spread-Type-Existence

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(KnownTypeNames, TakesTypesOfTheSchema) {
  EXPECT_THAT(
      errors_of(
          "query Q($c: DogCommand!) { dog { ... on Dog { doesKnowCommand(dogCommand: $c) } } }"),
      IsEmpty());
}

TEST(KnownTypeNames, RefusesUnknownTypesWithSuggestions) {
  EXPECT_THAT(errors_of("query Q($a: Strin, $b: [Peet!]) { dog { ...F } }\n"
                        "fragment F on NotInSchema { name }"),
              ElementsAre("1:9 Variable \"$a\" is never used in operation \"Q\".",
                          "1:20 Variable \"$b\" is never used in operation \"Q\".",
                          "1:13 Unknown type \"Strin\". Did you mean \"String\"?",
                          "1:25 Unknown type \"Peet\". Did you mean \"Pet\"?",
                          "2:15 Unknown type \"NotInSchema\". Did you mean \"__Schema\"?"));
}

}  // namespace
}  // namespace errand::graphql::validation
