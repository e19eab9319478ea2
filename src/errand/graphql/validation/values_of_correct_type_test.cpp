#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/validation/rule_test.h"

// https://spec.graphql.org/September2025/#sec-Values-of-Correct-Type

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ValuesOfCorrectType, TakesValuesThatCoerce) {
  EXPECT_THAT(errors_of("query goodComplexDefaultValue($search: FindDogInput = { name: \"Fido\" }) "
                        "{ findDog(searchBy: $search) { name } arguments { "
                        "booleanArgField(booleanArg: true) floatArgField(floatArg: 1) "
                        "intArgField(intArg: null) booleanListArgField(booleanListArg: true) } }"),
              IsEmpty());
}

TEST(ValuesOfCorrectType, RefusesScalarsOfOtherTypes) {
  EXPECT_THAT(errors_of("{ arguments { intArgField(intArg: \"123\") floatArgField(floatArg: true) "
                        "booleanArgField(booleanArg: 1) nonNullBooleanArgField(nonNullBooleanArg: "
                        "null) } dog { doesKnowCommand(dogCommand: \"SIT\") } }"),
              ElementsAre("1:35 Int cannot represent non-integer value: \"123\"",
                          "1:66 Float cannot represent non numeric value: true",
                          "1:100 Boolean cannot represent a non boolean value: 1",
                          "1:145 Expected value of non-null type \"Boolean!\" not to be null.",
                          "1:187 Enum \"DogCommand\" cannot represent non-enum value: \"SIT\". Did "
                          "you mean the enum value \"SIT\"?"));
}

TEST(ValuesOfCorrectType, RefusesIntsBeyond32Bits) {
  EXPECT_THAT(errors_of("{ arguments { intArgField(intArg: 2147483648) } }"),
              ElementsAre("1:35 Int cannot represent non 32-bit signed integer value: 2147483648"));
}

TEST(ValuesOfCorrectType, SuggestsEnumValues) {
  EXPECT_THAT(errors_of("{ dog { doesKnowCommand(dogCommand: SITT) } }"),
              ElementsAre("1:37 Value \"SITT\" does not exist in \"DogCommand\" enum. Did you mean "
                          "the enum value \"SIT\"?"));
}

TEST(ValuesOfCorrectType, RefusesUnknownAndMissingFields) {
  EXPECT_THAT(
      errors_of("{ findDog(searchBy: { favoriteCookieFlavor: \"Bacon\" }) { name } }\n"
                "mutation M { addPet(pet: { cat: { nickname: \"x\" } }) { name } }"),
      ElementsAre("1:1 This anonymous operation must be the only defined operation.",
                  "1:23 Expected value of type \"FindDogInput\" not to include unknown field "
                  "\"favoriteCookieFlavor\", found: { favoriteCookieFlavor: \"Bacon\" }.",
                  "2:33 Expected value of type \"CatInput\" to include required field \"name\", "
                  "found: { nickname: \"x\" }."));
}

TEST(ValuesOfCorrectType, LooksAtDefaultsOfVariables) {
  EXPECT_THAT(
      errors_of("query badComplexValue($search: FindDogInput = { name: 123 }, $a: Boolean = \"x\") "
                "{ findDog(searchBy: $search) { isHouseTrained(atOtherHomes: $a) } }"),
      ElementsAre("1:55 String cannot represent a non string value: 123",
                  "1:76 Boolean cannot represent a non boolean value: \"x\""));
}

TEST(ValuesOfCorrectType, RefusesOneOfWithMoreOrLessThanOneField) {
  EXPECT_THAT(
      errors_of("mutation { a: addPet(pet: { cat: { name: \"Brontie\" }, dog: { name: \"Fido\" } "
                "}) { name } b: addPet(pet: {}) { name } c: addPet(pet: { cat: null }) { name } }"),
      ElementsAre("1:27 Within OneOf Input Object type \"PetInput\", exactly one field must be "
                  "specified, and the value for that field must be non-null.",
                  "1:104 Within OneOf Input Object type \"PetInput\", exactly one field must be "
                  "specified, and the value for that field must be non-null.",
                  "1:132 Within OneOf Input Object type \"PetInput\", exactly one field must be "
                  "specified, and the value for that field must be non-null."));
}

}  // namespace
}  // namespace errand::graphql::validation
