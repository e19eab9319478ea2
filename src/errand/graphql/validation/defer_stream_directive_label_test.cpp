#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://github.com/graphql/graphql-spec/pull/1110

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(DeferStreamDirectiveLabel, TakesDistinctLabelsAndNone) {
  EXPECT_THAT(
      errors_of(
          R"({ dog { ... @defer(label: "a") { name } ...F @defer(label: "b") ... @defer { name }
                             owner { pets @stream(label: "c") { name } } } }
                           fragment F on Dog { nickname })"),
      IsEmpty());
  EXPECT_THAT(errors_of("{ dog { ... @defer(label: null) { name } } }"), IsEmpty());
}

TEST(DeferStreamDirectiveLabel, RefusesALabelTwice) {
  EXPECT_THAT(
      errors_of(
          R"({ dog { ... @defer(label: "a") { name } ... @defer(label: "a") { nickname } } })"),
      ElementsAre("1:13 1:45 Value for arguments \"defer(label:)\" and \"stream(label:)\" must be "
                  "unique across all Defer/Stream directive usages."));
  EXPECT_THAT(
      errors_of(
          R"({ dog { ... @defer(label: "a") { name } owner { pets @stream(label: "a") { name } } } })"),
      ElementsAre("1:13 1:54 Value for arguments \"defer(label:)\" and \"stream(label:)\" must be "
                  "unique across all Defer/Stream directive usages."));
}

TEST(DeferStreamDirectiveLabel, RefusesAVariable) {
  EXPECT_THAT(errors_of("query($l: String) { dog { ... @defer(label: $l) { name } } }"),
              ElementsAre("1:31 Argument \"@defer(label:)\" must be a static string."));
}

}  // namespace
}  // namespace errand::graphql::validation
