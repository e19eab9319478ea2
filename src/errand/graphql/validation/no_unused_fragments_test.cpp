#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Fragments-Must-Be-Used

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(NoUnusedFragments, TakesThoseReachedThroughOthers) {
  EXPECT_THAT(errors_of("{ dog { ...A } } fragment A on Dog { ...B } fragment B on Dog { name }"),
              IsEmpty());
}

TEST(NoUnusedFragments, RefusesOnesThatOnlyReachEachOther) {
  EXPECT_THAT(errors_of("{ dog { name } }\n"
                        "fragment nameFragment on Dog { name ...other }\n"
                        "fragment other on Dog { name }"),
              ElementsAre("2:1 Fragment \"nameFragment\" is never used.",
                          "3:1 Fragment \"other\" is never used."));
}

}  // namespace
}  // namespace errand::graphql::validation
