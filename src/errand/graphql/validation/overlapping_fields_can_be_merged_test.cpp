#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Field-Selection-Merging

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(OverlappingFieldsCanBeMerged, TakesEqualFieldsAndArguments) {
  EXPECT_THAT(errors_of("query Q($dogCommand: DogCommand!) { dog { name name otherName: nickname "
                        "otherName: nickname doesKnowCommand(dogCommand: $dogCommand) "
                        "doesKnowCommand(dogCommand: $dogCommand) } }"),
              IsEmpty());
}

TEST(OverlappingFieldsCanBeMerged, TakesDifferentFieldsOfTypesThatNeverMeet) {
  EXPECT_THAT(
      errors_of("{ pet { ... on Dog { volume: barkVolume doesKnowCommand(dogCommand: SIT) } ... on "
                "Cat { volume: meowVolume doesKnowCommand(catCommand: JUMP) } } }"),
      IsEmpty());
}

TEST(OverlappingFieldsCanBeMerged, RefusesDifferentFieldsUnderOneName) {
  EXPECT_THAT(
      errors_of("{ dog { name: nickname name } }"),
      ElementsAre(
          "1:9 1:24 Fields \"name\" conflict because \"nickname\" and \"name\" are different "
          "fields. Use different aliases on the fields to fetch both if this was intentional."));
}

TEST(OverlappingFieldsCanBeMerged, RefusesDifferentArguments) {
  EXPECT_THAT(
      errors_of("query Q($dogCommand: DogCommand!) { dog { doesKnowCommand(dogCommand: SIT) "
                "doesKnowCommand(dogCommand: HEEL) a: doesKnowCommand(dogCommand: SIT) a: "
                "doesKnowCommand(dogCommand: $dogCommand) isHouseTrained(atOtherHomes: true) "
                "isHouseTrained } }"),
      ElementsAre(
          "1:43 1:76 Fields \"doesKnowCommand\" conflict because they have differing arguments. "
          "Use different aliases on the fields to fetch both if this was intentional.",
          "1:110 1:146 Fields \"a\" conflict because they have differing arguments. Use different "
          "aliases on the fields to fetch both if this was intentional.",
          "1:190 1:225 Fields \"isHouseTrained\" conflict because they have differing arguments. "
          "Use different aliases on the fields to fetch both if this was intentional."));
}

TEST(OverlappingFieldsCanBeMerged, RefusesDifferentTypesEvenWhereTheyNeverMeet) {
  EXPECT_THAT(
      errors_of(
          "{ pet { ... on Dog { someValue: nickname } ... on Cat { someValue: meowVolume } } }"),
      ElementsAre("1:22 1:57 Fields \"someValue\" conflict because they return conflicting types "
                  "\"String\" and \"Int\". Use different aliases on the fields to fetch both if "
                  "this was intentional."));
}

TEST(OverlappingFieldsCanBeMerged, LooksBelowFields) {
  EXPECT_THAT(errors_of("{ dog { owner { name } } dog { owner { name: pets { name } } } }"),
              ElementsAre("1:3 1:9 1:17 1:26 1:32 1:40 Fields \"dog\" conflict because subfields "
                          "\"owner\" conflict because subfields \"name\" conflict because \"name\" "
                          "and \"pets\" are different fields. Use different aliases on the fields "
                          "to fetch both if this was intentional."));
}

TEST(OverlappingFieldsCanBeMerged, LooksThroughFragments) {
  EXPECT_THAT(
      errors_of("{ dog { ...A ...B } }\n"
                "fragment A on Dog { x: name }\n"
                "fragment B on Dog { ...C }\n"
                "fragment C on Dog { x: nickname }"),
      ElementsAre(
          "2:21 4:21 Fields \"x\" conflict because \"name\" and \"nickname\" are different fields. "
          "Use different aliases on the fields to fetch both if this was intentional."));
}

TEST(OverlappingFieldsCanBeMerged, ComparesObjectsWhateverTheOrderOfFields) {
  EXPECT_THAT(
      errors_of("{ findDog(searchBy: {name: \"a\", owner: \"b\"}) { name } findDog(searchBy: "
                "{owner: \"b\", name: \"a\"}) { name } x: findDog(searchBy: {name: \"a\"}) { name "
                "} x: findDog(searchBy: {name: \"b\"}) { name } }"),
      ElementsAre("1:107 1:150 Fields \"x\" conflict because they have differing arguments. Use "
                  "different aliases on the fields to fetch both if this was intentional."));
}

TEST(OverlappingFieldsCanBeMerged, EndsAtFragmentsThatSpreadThemselves) {
  EXPECT_THAT(errors_of("{ dog { ...A } }\n"
                        "fragment A on Dog { owner { pets { ...A } } name ...A }"),
              ElementsAre("2:50 Cannot spread fragment \"A\" within itself.",
                          "2:36 Cannot spread fragment \"A\" within itself."));
}

// https://github.com/graphql/graphql-spec/pull/1110
TEST(OverlappingFieldsCanBeMerged, FieldsOfOneNameAreNotStreamedApart) {
  constexpr const char* kAdvice =
      " Use different aliases on the fields to fetch both if this was intentional.";
  EXPECT_THAT(errors_of("{ dog { owner { pets @stream { name } pets { name } } } }"),
              ElementsAre(std::string("1:17 1:39 Fields \"pets\" conflict because they have "
                                      "overlapping stream directives.") +
                          kAdvice));
  EXPECT_THAT(
      errors_of("{ dog { owner { pets @stream(initialCount: 1) { name } "
                "pets @stream(initialCount: 1) { name } } } }"),
      ElementsAre(std::string("1:17 1:56 Fields \"pets\" conflict because they have overlapping "
                              "stream directives. See "
                              "https://github.com/graphql/defer-stream-wg/discussions/100.") +
                  kAdvice));
}

}  // namespace
}  // namespace errand::graphql::validation
