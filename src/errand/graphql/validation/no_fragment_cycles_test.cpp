#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Fragment-Spreads-Must-Not-Form-Cycles

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(NoFragmentCycles, TakesOneFragmentTwice) {
  EXPECT_THAT(errors_of("{ dog { ...A ...A owner { pets { ...B } } } } fragment A on Dog { name } "
                        "fragment B on Dog { ...A }"),
              IsEmpty());
}

TEST(NoFragmentCycles, RefusesAFragmentThatSpreadsItself) {
  EXPECT_THAT(errors_of("{ dog { ...A } }\n"
                        "fragment A on Dog { name ...A }"),
              ElementsAre("2:26 Cannot spread fragment \"A\" within itself."));
}

TEST(NoFragmentCycles, RefusesCyclesThroughOthers) {
  EXPECT_THAT(errors_of("{ dog { ...nameFragment } }\n"
                        "fragment nameFragment on Dog { name ...barkVolumeFragment }\n"
                        "fragment barkVolumeFragment on Dog { barkVolume ...nameFragment }"),
              ElementsAre("2:37 3:49 Cannot spread fragment \"nameFragment\" within itself via "
                          "\"barkVolumeFragment\"."));
}

TEST(NoFragmentCycles, ReportsEachCycle) {
  EXPECT_THAT(errors_of("{ dog { ...A } }\n"
                        "fragment A on Dog { ...B ...C }\n"
                        "fragment B on Dog { owner { pets { ...A } } }\n"
                        "fragment C on Dog { ...A ...C }"),
              ElementsAre("2:21 3:36 Cannot spread fragment \"A\" within itself via \"B\".",
                          "2:26 4:21 Cannot spread fragment \"A\" within itself via \"C\".",
                          "4:26 Cannot spread fragment \"C\" within itself."));
}

}  // namespace
}  // namespace errand::graphql::validation
