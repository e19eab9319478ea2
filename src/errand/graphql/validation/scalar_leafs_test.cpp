#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Leaf-Field-Selections

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ScalarLeafs, TakesLeafsWithoutSelections) {
  EXPECT_THAT(errors_of("{ dog { barkVolume } }"), IsEmpty());
}

TEST(ScalarLeafs, RefusesSelectionsOnLeafs) {
  EXPECT_THAT(errors_of("{ dog { barkVolume { sinceWhen } } }"),
              ElementsAre("1:20 Field \"barkVolume\" must not have a selection since type \"Int\" "
                          "has no subfields."));
}

TEST(ScalarLeafs, RefusesCompositesWithoutSelections) {
  EXPECT_THAT(errors_of("query directQueryOnObjectWithoutSubFields { dog pet catOrDog }"),
              ElementsAre("1:45 Field \"dog\" of type \"Dog\" must have a selection of subfields. "
                          "Did you mean \"dog { ... }\"?",
                          "1:49 Field \"pet\" of type \"Pet\" must have a selection of subfields. "
                          "Did you mean \"pet { ... }\"?",
                          "1:53 Field \"catOrDog\" of type \"CatOrDog\" must have a selection of "
                          "subfields. Did you mean \"catOrDog { ... }\"?"));
}

}  // namespace
}  // namespace errand::graphql::validation
