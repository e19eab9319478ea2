#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// A rule of graphql-js, not of the specification.

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(MaxIntrospectionDepth, TakesTheUsualIntrospection) {
  EXPECT_THAT(errors_of("{ __schema { types { fields { type { fields { name } } } } } }"),
              IsEmpty());
}

TEST(MaxIntrospectionDepth, RefusesThreeLevelsOfLists) {
  EXPECT_THAT(
      errors_of(
          "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"),
      ElementsAre("1:3 Maximum introspection depth exceeded"));
}

TEST(MaxIntrospectionDepth, LooksThroughFragments) {
  EXPECT_THAT(errors_of("{ __type(name: \"Dog\") { ...T } }\n"
                        "fragment T on __Type { fields { type { ...T2 } } }\n"
                        "fragment T2 on __Type { fields { type { interfaces { name } } } }"),
              ElementsAre("1:3 Maximum introspection depth exceeded"));
}

}  // namespace
}  // namespace errand::graphql::validation
