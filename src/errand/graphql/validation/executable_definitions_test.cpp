#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Executable-Definitions

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;

TEST(ExecutableDefinitions, RefusesDefinitionsOfTypes) {
  EXPECT_THAT(errors_of("query getDogName { dog { name } }\n"
                        "extend type Dog { color: String }"),
              ElementsAre("2:1 The \"Dog\" definition is not executable."));
}

TEST(ExecutableDefinitions, RefusesSchemasAndDirectives) {
  EXPECT_THAT(errors_of("{ dog { name } } schema { query: Query } directive @x on FIELD"),
              ElementsAre("1:18 The schema definition is not executable.",
                          "1:42 The \"x\" definition is not executable."));
}

}  // namespace
}  // namespace errand::graphql::validation
