#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Directives-Are-Defined

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(KnownDirectives, TakesDirectivesWhereTheyMayStand) {
  EXPECT_THAT(errors_of("query Q @repeatable(n: 1) { dog @skip(if: false) { ...F @include(if: "
                        "true) name @onField } } fragment F on Dog { name }"),
              IsEmpty());
}

TEST(KnownDirectives, RefusesUnknownOnes) {
  EXPECT_THAT(errors_of("{ dog @unknown { name } }"),
              ElementsAre("1:7 Unknown directive \"@unknown\"."));
}

TEST(KnownDirectives, RefusesPlacesTheyAreNotFor) {
  EXPECT_THAT(errors_of("query @skip(if: true) { dog { ... @onField { name } ...F @deprecated } } "
                        "fragment F on Dog @include(if: true) { name }"),
              ElementsAre("1:7 Directive \"@skip\" may not be used on QUERY.",
                          "1:35 Directive \"@onField\" may not be used on INLINE_FRAGMENT.",
                          "1:58 Directive \"@deprecated\" may not be used on FRAGMENT_SPREAD.",
                          "1:92 Directive \"@include\" may not be used on FRAGMENT_DEFINITION."));
}

}  // namespace
}  // namespace errand::graphql::validation
