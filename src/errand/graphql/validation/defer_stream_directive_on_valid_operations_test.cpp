#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://github.com/graphql/graphql-spec/pull/1110

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kMessage =
    "Defer directive not supported on subscription operations. Disable `@defer` by setting the "
    "`if` argument to `false`.";

TEST(DeferStreamDirectiveOnValidOperations, TakesWhatCanBeSwitchedOff) {
  EXPECT_THAT(errors_of("subscription { newMessage { ... @defer(if: false) { body } } }"),
              IsEmpty());
  EXPECT_THAT(
      errors_of("subscription($b: Boolean!) { newMessage { ... @defer(if: $b) { body } } }"),
      IsEmpty());
  EXPECT_THAT(errors_of("subscription($b: Boolean!) { newMessage { ... @skip(if: $b) { ... @defer "
                        "{ body } } } }"),
              IsEmpty());
  EXPECT_THAT(errors_of("subscription($b: Boolean!) { newMessage { ... @include(if: $b) { ... "
                        "@defer { body } } } }"),
              IsEmpty());
}

TEST(DeferStreamDirectiveOnValidOperations, RefusesTheRestWithTheSpreadsThatLeadThere) {
  EXPECT_THAT(errors_of("subscription { newMessage { ... @defer { body } } }"),
              ElementsAre(std::string("1:33 ") + kMessage));
  EXPECT_THAT(errors_of("subscription { newMessage { ... @defer(if: true) { body } } }"),
              ElementsAre(std::string("1:33 ") + kMessage));
  EXPECT_THAT(errors_of("subscription { newMessage { ...F } } fragment F on Message { ... @defer { "
                        "body } }"),
              ElementsAre(std::string("1:66 1:29 ") + kMessage));
  EXPECT_THAT(
      errors_of("subscription { newMessage { ... @include(if: true) { ... @defer { body } } } }"),
      ElementsAre(std::string("1:58 ") + kMessage));
}

TEST(DeferStreamDirectiveOnValidOperations, SaysSoBesideTheRuleForRoots) {
  EXPECT_THAT(
      errors_of("subscription { ... @defer { newMessage { body } } }"),
      ElementsAre("1:20 Defer directive cannot be used on root subscription type \"Subscription\".",
                  std::string("1:20 ") + kMessage));
}

}  // namespace
}  // namespace errand::graphql::validation
