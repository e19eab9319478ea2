#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://github.com/graphql/graphql-spec/pull/1110

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(StreamDirectiveOnListField, TakesLists) {
  EXPECT_THAT(errors_of("{ dog { owner { pets @stream { name } } } }"), IsEmpty());
}

TEST(StreamDirectiveOnListField, RefusesOtherFields) {
  EXPECT_THAT(
      errors_of("{ dog { name @stream } }"),
      ElementsAre("1:14 Directive \"@stream\" cannot be used on non-list field \"Dog.name\"."));
}

}  // namespace
}  // namespace errand::graphql::validation
