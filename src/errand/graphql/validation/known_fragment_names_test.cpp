#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Fragment-Spread-Target-Defined

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;

TEST(KnownFragmentNames, RefusesWhatIsNotDefined) {
  EXPECT_THAT(errors_of("{ dog { ...undefinedFragment } }"),
              ElementsAre("1:12 Unknown fragment \"undefinedFragment\"."));
}

}  // namespace
}  // namespace errand::graphql::validation
