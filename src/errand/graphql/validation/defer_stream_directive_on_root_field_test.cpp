#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://github.com/graphql/graphql-spec/pull/1110

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(DeferStreamDirectiveOnRootField, TakesThemInQueriesAndBelowTheRoot) {
  EXPECT_THAT(errors_of("{ ... @defer { dog { name } } }"), IsEmpty());
  EXPECT_THAT(errors_of("mutation($p: PetInput!) { addPet(pet: $p) { ... @defer { name } } }"),
              IsEmpty());
}

TEST(DeferStreamDirectiveOnRootField, RefusesDeferOnTheRootOfAMutation) {
  constexpr const char* kMessage =
      "Defer directive cannot be used on root mutation type \"Mutation\".";
  EXPECT_THAT(errors_of("mutation($p: PetInput!) { ... @defer { addPet(pet: $p) { name } } }"),
              ElementsAre(std::string("1:31 ") + kMessage));
  EXPECT_THAT(errors_of("mutation { ...F @defer } fragment F on Mutation { __typename }"),
              ElementsAre(std::string("1:17 ") + kMessage));
  EXPECT_THAT(errors_of("mutation A { ... { ...G } } mutation B { ...G } "
                        "fragment G on Mutation { ... @defer { __typename } }"),
              ElementsAre(std::string("1:78 ") + kMessage, std::string("1:78 ") + kMessage));
}

TEST(DeferStreamDirectiveOnRootField, RefusesStreamOnRootFields) {
  EXPECT_THAT(
      errors_of("mutation($p: PetInput!) { addPet(pet: $p) @stream { name } }"),
      ElementsAre(
          "1:43 Stream directive cannot be used on root mutation type \"Mutation\".",
          "1:43 Directive \"@stream\" cannot be used on non-list field \"Mutation.addPet\"."));
}

}  // namespace
}  // namespace errand::graphql::validation
