// The examples of the specification's chapter on validation, in its order:
// https://spec.graphql.org/September2025/#sec-Validation
//
// An example is named by the anchor of its section and its number there, additions to the schema
// not counted, so that kSpecification + anchor leads to it.

#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/language/parser.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/graphql/validation/validate.h"

namespace errand::graphql::validation {
namespace {

constexpr std::string_view kSpecification = "https://spec.graphql.org/September2025/#sec-";

/// The type system of the chapter's beginning, with what its sections add.
constexpr const char* kSchema = R"(
type Query {
  dog: Dog
  findDog(searchBy: FindDogInput): Dog
  human: Human
  pet: Pet
  catOrDog: CatOrDog
  arguments: Arguments
  booleanList(booleanListArg: [Boolean!]): Boolean
  node: Node
}
type Mutation { addPet(pet: PetInput!): Pet }
type Subscription { newMessage: Message disallowedSecondRootField: Boolean }
type Message { body: String sender: String }

enum DogCommand { SIT DOWN HEEL }
type Dog implements Pet {
  name: String!
  nickname: String
  barkVolume: Int
  doesKnowCommand(dogCommand: DogCommand!): Boolean!
  isHouseTrained(atOtherHomes: Boolean): Boolean!
  owner: Human
}
interface Sentient { name: String! }
interface Pet { name: String! }
type Alien implements Sentient { name: String! homePlanet: String }
type Human implements Sentient { name: String! pets: [Pet!] }
enum CatCommand { JUMP }
type Cat implements Pet {
  name: String!
  nickname: String
  doesKnowCommand(catCommand: CatCommand!): Boolean!
  meowVolume: Int
}
union CatOrDog = Cat | Dog
union DogOrHuman = Dog | Human
union HumanOrAlien = Human | Alien

type Arguments {
  multipleRequirements(x: Int!, y: Int!): Int!
  booleanArgField(booleanArg: Boolean): Boolean
  floatArgField(floatArg: Float): Float
  intArgField(intArg: Int): Int
  nonNullBooleanArgField(nonNullBooleanArg: Boolean!): Boolean!
  booleanListArgField(booleanListArg: [Boolean]!): [Boolean]
  optionalNonNullBooleanArgField(optionalBooleanArg: Boolean! = false): Boolean!
}
input FindDogInput { name: String owner: String }
input CatInput { name: String! nickname: String meowVolume: Int }
input DogInput { name: String! nickname: String barkVolume: Int }
input PetInput @oneOf { cat: CatInput dog: DogInput }

interface Node { id: ID! }
interface Resource implements Node { id: ID! url: String }
type Page implements Resource & Node { id: ID! url: String }
)";

struct Example {
  std::string_view section;  ///< anchor without "sec-"
  int number;                ///< from 1, in its section
  std::string_view document;
  /// A part of each error's message, in order; none in an example that is valid.
  std::vector<std::string_view> errors = {};

  friend std::ostream& operator<<(std::ostream& out, const Example& example) {
    return out << kSpecification << example.section << ", example " << example.number;
  }
};

class SpecExamples : public ::testing::TestWithParam<Example> {};

/// The messages of `document`. Many examples are fragments without an operation, which no other
/// rule but that of their own section minds: that they are unused counts there alone.
std::vector<std::string> messages_of(const Example& example) {
  static const std::shared_ptr<const type::Schema> schema = [] {
    const language::Source source{kSchema, "schema.graphql"};
    return *type::build_schema(std::span(&source, 1));
  }();
  const auto document = language::parse({.body = std::string(example.document)});
  if (!document) return {document.error().message};
  std::vector<std::string> messages;
  for (language::GraphQLError& error : validate(*schema, *document)) {
    const bool is_unused =
        error.message.starts_with("Fragment \"") && error.message.ends_with("\" is never used.");
    if (is_unused && example.section != "Fragments-Must-Be-Used") continue;
    messages.push_back(std::move(error.message));
  }
  return messages;
}

TEST_P(SpecExamples, AreValidatedAsTheSpecificationSays) {
  const Example& example = GetParam();
  const std::vector<std::string> messages = messages_of(example);
  ASSERT_EQ(messages.size(), example.errors.size()) << ::testing::PrintToString(messages);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    EXPECT_THAT(messages[i], ::testing::HasSubstr(std::string(example.errors[i])));
  }
}

const Example kExamples[] = {
    // 5.1 Documents
    {"Executable-Definitions",
     1,
     "query getDogName { dog { name color } } extend type Dog { color: String }",
     {"The \"Dog\" definition is not executable.", "Cannot query field \"color\""}},

    // 5.2 Operations
    {"Operation-Type-Existence", 1, "query helloDog { dog { name } }"},
    {"Operation-Name-Uniqueness", 1,
     "query getDogName { dog { name } } query getOwnerName { dog { owner { name } } }"},
    {"Operation-Name-Uniqueness",
     2,
     "query getName { dog { name } } query getName { dog { owner { name } } }",
     {"There can be only one operation named \"getName\"."}},
    {"Operation-Name-Uniqueness",
     3,
     "query dogOperation { dog { name } } mutation dogOperation { addPet(pet: {}) { name } }",
     {"There can be only one operation named \"dogOperation\".",
      "exactly one field must be specified"}},
    {"Lone-Anonymous-Operation", 1, "{ dog { name } }"},
    {"Lone-Anonymous-Operation",
     2,
     "{ dog { name } } query getName { dog { owner { name } } }",
     {"This anonymous operation must be the only defined operation."}},
    {"Single-Root-Field", 1, "subscription sub { newMessage { body sender } }"},
    {"Single-Root-Field", 2,
     "subscription sub { ...newMessageFields } "
     "fragment newMessageFields on Subscription { newMessage { body sender } }"},
    {"Single-Root-Field",
     3,
     "subscription sub { newMessage { body sender } disallowedSecondRootField }",
     {"Subscription \"sub\" must select only one top level field."}},
    {"Single-Root-Field",
     4,
     "subscription sub { ...multipleSubscriptions } "
     "fragment multipleSubscriptions on Subscription { newMessage { body sender } "
     "disallowedSecondRootField }",
     {"Subscription \"sub\" must select only one top level field."}},
    {"Single-Root-Field",
     5,
     "subscription requiredRuntimeValidation($bool: Boolean!) { "
     "newMessage @include(if: $bool) { body sender } "
     "disallowedSecondRootField @skip(if: $bool) }",
     {"must not use `@skip` or `@include` directives in the top level selection."}},
    {"Single-Root-Field",
     6,
     "subscription sub { __typename }",
     {"Subscription \"sub\" must not select an introspection top level field."}},

    // 5.3 Fields
    {"Field-Selections",
     1,
     "fragment fieldNotDefined on Dog { meowVolume } "
     "fragment aliasedLyingFieldTargetNotDefined on Dog { barkVolume: kawVolume }",
     {"Cannot query field \"meowVolume\" on type \"Dog\".",
      "Cannot query field \"kawVolume\" on type \"Dog\"."}},
    {"Field-Selections", 2, "fragment interfaceFieldSelection on Pet { name }"},
    {"Field-Selections",
     3,
     "fragment definedOnImplementersButNotInterface on Pet { nickname }",
     {"Cannot query field \"nickname\" on type \"Pet\"."}},
    {"Field-Selections", 4,
     "fragment inDirectFieldSelectionOnUnion on CatOrDog { __typename ... on Pet { name } "
     "... on Dog { barkVolume } }"},
    {"Field-Selections",
     5,
     "fragment directFieldSelectionOnUnion on CatOrDog { name barkVolume }",
     {"Cannot query field \"name\" on type \"CatOrDog\".",
      "Cannot query field \"barkVolume\" on type \"CatOrDog\"."}},
    {"Field-Selection-Merging", 1,
     "fragment mergeIdenticalFields on Dog { name name } "
     "fragment mergeIdenticalAliasesAndFields on Dog { otherName: name otherName: name }"},
    {"Field-Selection-Merging",
     2,
     "fragment conflictingBecauseAlias on Dog { name: nickname name }",
     {"Fields \"name\" conflict because \"nickname\" and \"name\" are different fields."}},
    {"Field-Selection-Merging", 3,
     "fragment mergeIdenticalFieldsWithIdenticalArgs on Dog { "
     "doesKnowCommand(dogCommand: SIT) doesKnowCommand(dogCommand: SIT) } "
     "fragment mergeIdenticalFieldsWithIdenticalValues on Dog { "
     "doesKnowCommand(dogCommand: $dogCommand) doesKnowCommand(dogCommand: $dogCommand) }"},
    {"Field-Selection-Merging",
     4,
     "fragment conflictingArgsOnValues on Dog { "
     "doesKnowCommand(dogCommand: SIT) doesKnowCommand(dogCommand: HEEL) } "
     "fragment conflictingArgsValueAndVar on Dog { "
     "doesKnowCommand(dogCommand: SIT) doesKnowCommand(dogCommand: $dogCommand) } "
     "fragment conflictingArgsWithVars on Dog { "
     "doesKnowCommand(dogCommand: $varOne) doesKnowCommand(dogCommand: $varTwo) } "
     "fragment differingArgs on Dog { doesKnowCommand(dogCommand: SIT) doesKnowCommand }",
     {"they have differing arguments", "they have differing arguments",
      "they have differing arguments", "they have differing arguments",
      "Argument \"Dog.doesKnowCommand(dogCommand:)\" of type \"DogCommand!\" is required"}},
    {"Field-Selection-Merging", 5,
     "fragment safeDifferingFields on Pet { ... on Dog { volume: barkVolume } "
     "... on Cat { volume: meowVolume } } "
     "fragment safeDifferingArgs on Pet { ... on Dog { doesKnowCommand(dogCommand: SIT) } "
     "... on Cat { doesKnowCommand(catCommand: JUMP) } }"},
    {"Field-Selection-Merging",
     6,
     "fragment conflictingDifferingResponses on Pet { ... on Dog { someValue: nickname } "
     "... on Cat { someValue: meowVolume } }",
     {"they return conflicting types \"String\" and \"Int\""}},
    {"Leaf-Field-Selections", 1, "fragment scalarSelection on Dog { barkVolume }"},
    {"Leaf-Field-Selections",
     2,
     "fragment scalarSelectionsNotAllowedOnInt on Dog { barkVolume { sinceWhen } }",
     {"Field \"barkVolume\" must not have a selection since type \"Int\" has no subfields."}},
    {"Leaf-Field-Selections",
     3,
     "query directQueryOnObjectWithoutSubFields { human } "
     "query directQueryOnInterfaceWithoutSubFields { pet } "
     "query directQueryOnUnionWithoutSubFields { catOrDog }",
     {"Field \"human\" of type \"Human\" must have a selection of subfields.",
      "Field \"pet\" of type \"Pet\" must have a selection of subfields.",
      "Field \"catOrDog\" of type \"CatOrDog\" must have a selection of subfields."}},

    // 5.4 Arguments
    {"Argument-Names", 1,
     "fragment argOnRequiredArg on Dog { doesKnowCommand(dogCommand: SIT) } "
     "fragment argOnOptional on Dog { isHouseTrained(atOtherHomes: true) @include(if: true) }"},
    {"Argument-Names",
     2,
     "fragment invalidArgName on Dog { doesKnowCommand(command: CLEAN_UP_HOUSE) }",
     {"Unknown argument \"command\" on field \"Dog.doesKnowCommand\".",
      "Argument \"Dog.doesKnowCommand(dogCommand:)\" of type \"DogCommand!\" is required"}},
    {"Argument-Names",
     3,
     "fragment invalidArgName on Dog { isHouseTrained(atOtherHomes: true) @include(unless: false) "
     "}",
     {"Unknown argument \"unless\" on directive \"@include\".",
      "Argument \"@include(if:)\" of type \"Boolean!\" is required"}},
    {"Argument-Names", 4,
     "fragment multipleArgs on Arguments { multipleRequirements(x: 1, y: 2) } "
     "fragment multipleArgsReverseOrder on Arguments { multipleRequirements(y: 2, x: 1) }"},
    {"Required-Arguments", 1,
     "fragment goodBooleanArg on Arguments { booleanArgField(booleanArg: true) } "
     "fragment goodNonNullArg on Arguments { nonNullBooleanArgField(nonNullBooleanArg: true) }"},
    {"Required-Arguments", 2, "fragment goodBooleanArgDefault on Arguments { booleanArgField }"},
    {"Required-Arguments",
     3,
     "fragment missingRequiredArg on Arguments { nonNullBooleanArgField }",
     {"of type \"Boolean!\" is required, but it was not provided."}},
    {"Required-Arguments",
     4,
     "fragment missingRequiredArg on Arguments { "
     "nonNullBooleanArgField(nonNullBooleanArg: null) }",
     {"Expected value of non-null type \"Boolean!\" not to be null."}},

    // 5.5 Fragments
    {"Fragment-Name-Uniqueness", 1,
     "{ dog { ...fragmentOne ...fragmentTwo } } fragment fragmentOne on Dog { name } "
     "fragment fragmentTwo on Dog { owner { name } }"},
    {"Fragment-Name-Uniqueness",
     2,
     "{ dog { ...fragmentOne } } fragment fragmentOne on Dog { name } "
     "fragment fragmentOne on Dog { owner { name } }",
     {"There can be only one fragment named \"fragmentOne\"."}},
    {"Fragment-Spread-Type-Existence", 1,
     "fragment correctType on Dog { name } fragment inlineFragment on Dog { ... on Dog { name } } "
     "fragment inlineFragment2 on Dog { ... @include(if: true) { name } }"},
    {"Fragment-Spread-Type-Existence",
     2,
     "fragment notOnExistingType on NotInSchema { name } "
     "fragment inlineNotExistingType on Dog { ... on NotInSchema { name } }",
     {"Unknown type \"NotInSchema\".", "Unknown type \"NotInSchema\"."}},
    {"Fragments-on-Object-Interface-or-Union-Types", 1,
     "fragment fragOnObject on Dog { name } fragment fragOnInterface on Pet { name } "
     "fragment fragOnUnion on CatOrDog { ... on Dog { name } }"},
    {"Fragments-on-Object-Interface-or-Union-Types",
     2,
     "fragment fragOnScalar on Int { something } "
     "fragment inlineFragOnScalar on Dog { ... on Boolean { somethingElse } }",
     {"Fragment \"fragOnScalar\" cannot condition on non composite type \"Int\".",
      "Fragment cannot condition on non composite type \"Boolean\"."}},
    {"Fragments-Must-Be-Used",
     1,
     "fragment nameFragment on Dog { name } { dog { name } }",
     {"Fragment \"nameFragment\" is never used."}},
    {"Fragment-Spread-Target-Defined",
     1,
     "{ dog { ...undefinedFragment } }",
     {"Unknown fragment \"undefinedFragment\"."}},
    {"Fragment-Spreads-Must-Not-Form-Cycles",
     1,
     "{ dog { ...nameFragment } } fragment nameFragment on Dog { name ...barkVolumeFragment } "
     "fragment barkVolumeFragment on Dog { barkVolume ...nameFragment }",
     {"Cannot spread fragment \"nameFragment\" within itself via \"barkVolumeFragment\"."}},
    {"Fragment-Spreads-Must-Not-Form-Cycles", 2,
     "{ dog { name barkVolume name barkVolume name barkVolume name } }"},
    {"Fragment-Spreads-Must-Not-Form-Cycles",
     3,
     "{ dog { ...dogFragment } } fragment dogFragment on Dog { name owner { ...ownerFragment } } "
     "fragment ownerFragment on Human { name pets { ...dogFragment } }",
     {"Cannot spread fragment \"dogFragment\" within itself via \"ownerFragment\"."}},
    {"Object-Spreads-In-Object-Scope", 1,
     "fragment dogFragment on Dog { ... on Dog { barkVolume } }"},
    {"Object-Spreads-In-Object-Scope",
     2,
     "fragment catInDogFragmentInvalid on Dog { ... on Cat { meowVolume } }",
     {"objects of type \"Dog\" can never be of type \"Cat\"."}},
    {"Abstract-Spreads-in-Object-Scope", 1,
     "fragment petNameFragment on Pet { name } "
     "fragment interfaceWithinObjectFragment on Dog { ...petNameFragment }"},
    {"Abstract-Spreads-in-Object-Scope", 2,
     "fragment catOrDogNameFragment on CatOrDog { ... on Cat { meowVolume } } "
     "fragment unionWithObjectFragment on Dog { ...catOrDogNameFragment }"},
    {"Object-Spreads-In-Abstract-Scope", 1,
     "fragment petFragment on Pet { name ... on Dog { barkVolume } } "
     "fragment catOrDogFragment on CatOrDog { ... on Cat { meowVolume } }"},
    {"Object-Spreads-In-Abstract-Scope",
     2,
     "fragment sentientFragment on Sentient { ... on Dog { barkVolume } } "
     "fragment humanOrAlienFragment on HumanOrAlien { ... on Cat { meowVolume } }",
     {"objects of type \"Sentient\" can never be of type \"Dog\".",
      "objects of type \"HumanOrAlien\" can never be of type \"Cat\"."}},
    {"Abstract-Spreads-in-Abstract-Scope", 1,
     "fragment unionWithInterface on Pet { ...dogOrHumanFragment } "
     "fragment dogOrHumanFragment on DogOrHuman { ... on Dog { barkVolume } }"},
    {"Abstract-Spreads-in-Abstract-Scope",
     2,
     "fragment nonIntersectingInterfaces on Pet { ...sentientFragment } "
     "fragment sentientFragment on Sentient { name }",
     {"objects of type \"Pet\" can never be of type \"Sentient\"."}},
    {"Abstract-Spreads-in-Abstract-Scope", 3,
     "fragment interfaceWithInterface on Node { ...resourceFragment } "
     "fragment resourceFragment on Resource { url }"},

    // 5.6 Values
    {"Values-of-Correct-Type", 1,
     "fragment goodBooleanArg on Arguments { booleanArgField(booleanArg: true) } "
     "fragment coercedIntIntoFloatArg on Arguments { floatArgField(floatArg: 123) } "
     "query goodComplexDefaultValue($search: FindDogInput = { name: \"Fido\" }) { "
     "findDog(searchBy: $search) { name } }"},
    {"Values-of-Correct-Type",
     2,
     "fragment stringIntoInt on Arguments { intArgField(intArg: \"123\") } "
     "query badComplexValue { findDog(searchBy: { name: 123 }) { name } }",
     {"Int cannot represent non-integer value: \"123\"",
      "String cannot represent a non string value: 123"}},
    {"Input-Object-Field-Names", 1, "{ findDog(searchBy: { name: \"Fido\" }) { name } }"},
    {"Input-Object-Field-Names",
     2,
     "{ findDog(searchBy: { favoriteCookieFlavor: \"Bacon\" }) { name } }",
     {"Expected value of type \"FindDogInput\" not to include unknown field "
      "\"favoriteCookieFlavor\""}},
    {"Input-Object-Field-Uniqueness",
     1,
     "{ findDog(searchBy: { name: \"Fido\", name: \"Fido\" }) { name } }",
     {"There can be only one input field named \"name\"."}},

    // 5.7 Directives
    {"Directives-Are-in-Valid-Locations",
     1,
     "query @skip(if: true) { dog { name } }",
     {"Directive \"@skip\" may not be used on QUERY."}},
    {"Directives-Are-Unique-per-Location",
     1,
     "query ($foo: Boolean = true, $bar: Boolean = false) { "
     "dog { name @skip(if: $foo) @skip(if: $bar) } }",
     {"The directive \"@skip\" can only be used once at this location."}},
    {"Directives-Are-Unique-per-Location", 2,
     "query ($foo: Boolean = true, $bar: Boolean = false) { "
     "dog @skip(if: $foo) { name } dog @skip(if: $bar) { nickname } }"},

    // 5.8 Variables
    {"Variable-Uniqueness",
     1,
     "query houseTrainedQuery($atOtherHomes: Boolean, $atOtherHomes: Boolean) { "
     "dog { isHouseTrained(atOtherHomes: $atOtherHomes) } }",
     {"There can be only one variable named \"$atOtherHomes\"."}},
    {"Variable-Uniqueness", 2,
     "query A($atOtherHomes: Boolean) { ...HouseTrainedFragment } "
     "query B($atOtherHomes: Boolean) { ...HouseTrainedFragment } "
     "fragment HouseTrainedFragment on Query { "
     "dog { isHouseTrained(atOtherHomes: $atOtherHomes) } }"},
    {"Variables-Are-Input-Types", 1,
     "query takesBoolean($atOtherHomes: Boolean) { "
     "dog { isHouseTrained(atOtherHomes: $atOtherHomes) } } "
     "query takesComplexInput($search: FindDogInput) { findDog(searchBy: $search) { name } } "
     "query TakesListOfBooleanBang($booleans: [Boolean!]) { "
     "booleanList(booleanListArg: $booleans) }"},
    {"Variables-Are-Input-Types",
     2,
     "query takesCat($cat: Cat) { dog { name } } query takesDogBang($dog: Dog!) { dog { name } } "
     "query takesListOfPet($pets: [Pet]) { dog { name } } "
     "query takesCatOrDog($catOrDog: CatOrDog) { dog { name } }",
     {"Variable \"$cat\" is never used", "Variable \"$cat\" cannot be non-input type \"Cat\".",
      "Variable \"$dog\" is never used", "Variable \"$dog\" cannot be non-input type \"Dog!\".",
      "Variable \"$pets\" is never used", "Variable \"$pets\" cannot be non-input type \"[Pet]\".",
      "Variable \"$catOrDog\" is never used",
      "Variable \"$catOrDog\" cannot be non-input type \"CatOrDog\"."}},
    {"All-Variable-Uses-Defined", 1,
     "query variableIsDefined($atOtherHomes: Boolean) { "
     "dog { isHouseTrained(atOtherHomes: $atOtherHomes) } }"},
    {"All-Variable-Uses-Defined",
     2,
     "query variableIsNotDefined { dog { isHouseTrained(atOtherHomes: $atOtherHomes) } }",
     {"Variable \"$atOtherHomes\" is not defined by operation \"variableIsNotDefined\"."}},
    {"All-Variable-Uses-Defined", 3,
     "query variableIsDefinedUsedInSingleFragment($atOtherHomes: Boolean) { "
     "dog { ...isHouseTrainedFragment } } "
     "fragment isHouseTrainedFragment on Dog { isHouseTrained(atOtherHomes: $atOtherHomes) }"},
    {"All-Variable-Uses-Defined",
     4,
     "query variableIsNotDefinedUsedInSingleFragment { dog { ...isHouseTrainedFragment } } "
     "fragment isHouseTrainedFragment on Dog { isHouseTrained(atOtherHomes: $atOtherHomes) }",
     {"is not defined by operation \"variableIsNotDefinedUsedInSingleFragment\"."}},
    {"All-Variable-Uses-Defined",
     5,
     "query variableIsNotDefinedUsedInNestedFragment { dog { ...outerHouseTrainedFragment } } "
     "fragment outerHouseTrainedFragment on Dog { ...isHouseTrainedFragment } "
     "fragment isHouseTrainedFragment on Dog { isHouseTrained(atOtherHomes: $atOtherHomes) }",
     {"is not defined by operation \"variableIsNotDefinedUsedInNestedFragment\"."}},
    {"All-Variable-Uses-Defined", 6,
     "query houseTrainedQueryOne($atOtherHomes: Boolean) { dog { ...isHouseTrainedFragment } } "
     "query houseTrainedQueryTwo($atOtherHomes: Boolean) { dog { ...isHouseTrainedFragment } } "
     "fragment isHouseTrainedFragment on Dog { isHouseTrained(atOtherHomes: $atOtherHomes) }"},
    {"All-Variable-Uses-Defined",
     7,
     "query houseTrainedQueryOne($atOtherHomes: Boolean) { dog { ...isHouseTrainedFragment } } "
     "query houseTrainedQueryTwoNotDefined { dog { ...isHouseTrainedFragment } } "
     "fragment isHouseTrainedFragment on Dog { isHouseTrained(atOtherHomes: $atOtherHomes) }",
     {"is not defined by operation \"houseTrainedQueryTwoNotDefined\"."}},
    {"All-Variables-Used",
     1,
     "query variableUnused($atOtherHomes: Boolean) { dog { isHouseTrained } }",
     {"Variable \"$atOtherHomes\" is never used in operation \"variableUnused\"."}},
    {"All-Variables-Used", 2,
     "query variableUsedInFragment($atOtherHomes: Boolean) { dog { ...isHouseTrainedFragment } } "
     "fragment isHouseTrainedFragment on Dog { isHouseTrained(atOtherHomes: $atOtherHomes) }"},
    {"All-Variables-Used",
     3,
     "query variableNotUsedWithinFragment($atOtherHomes: Boolean) { "
     "dog { ...isHouseTrainedWithoutVariableFragment } } "
     "fragment isHouseTrainedWithoutVariableFragment on Dog { isHouseTrained }",
     {"is never used in operation \"variableNotUsedWithinFragment\"."}},
    {"All-Variables-Used",
     4,
     "query queryWithUsedVar($atOtherHomes: Boolean) { dog { ...isHouseTrainedFragment } } "
     "query queryWithExtraVar($atOtherHomes: Boolean, $extra: Int) { "
     "dog { ...isHouseTrainedFragment } } "
     "fragment isHouseTrainedFragment on Dog { isHouseTrained(atOtherHomes: $atOtherHomes) }",
     {"Variable \"$extra\" is never used in operation \"queryWithExtraVar\"."}},
    {"All-Variable-Usages-Are-Allowed",
     1,
     "query intCannotGoIntoBoolean($intArg: Int) { "
     "arguments { booleanArgField(booleanArg: $intArg) } }",
     {"of type \"Int\" used in position expecting type \"Boolean\"."}},
    {"All-Variable-Usages-Are-Allowed",
     2,
     "query booleanListCannotGoIntoBoolean($booleanListArg: [Boolean]) { "
     "arguments { booleanArgField(booleanArg: $booleanListArg) } }",
     {"of type \"[Boolean]\" used in position expecting type \"Boolean\"."}},
    {"All-Variable-Usages-Are-Allowed",
     3,
     "query booleanArgQuery($booleanArg: Boolean) { "
     "arguments { nonNullBooleanArgField(nonNullBooleanArg: $booleanArg) } }",
     {"of type \"Boolean\" used in position expecting type \"Boolean!\"."}},
    {"All-Variable-Usages-Are-Allowed", 4,
     "query nonNullListToList($nonNullBooleanList: [Boolean]!) { "
     "arguments { booleanListArgField(booleanListArg: $nonNullBooleanList) } }"},
    {"All-Variable-Usages-Are-Allowed",
     5,
     "query listToNonNullList($booleanList: [Boolean]) { "
     "arguments { booleanListArgField(booleanListArg: $booleanList) } }",
     {"of type \"[Boolean]\" used in position expecting type \"[Boolean]!\"."}},
    {"All-Variable-Usages-Are-Allowed", 6,
     "mutation addCat($cat: CatInput!) { addPet(pet: { cat: $cat }) { name } } "
     "mutation addCatWithDefault($cat: CatInput! = { name: \"Brontie\" }) { "
     "addPet(pet: { cat: $cat }) { name } }"},
    {"All-Variable-Usages-Are-Allowed",
     7,
     "mutation addNullableCat($cat: CatInput) { addPet(pet: { cat: $cat }) { name } }",
     {"must be non-nullable to be used for OneOf Input Object \"PetInput\"."}},
    {"All-Variable-Usages-Are-Allowed", 8,
     "query booleanArgQueryWithDefault($booleanArg: Boolean) { "
     "arguments { optionalNonNullBooleanArgField(optionalBooleanArg: $booleanArg) } }"},
    {"All-Variable-Usages-Are-Allowed", 9,
     "query booleanArgQueryWithDefault($booleanArg: Boolean = true) { "
     "arguments { nonNullBooleanArgField(nonNullBooleanArg: $booleanArg) } }"},
};

INSTANTIATE_TEST_SUITE_P(Section5, SpecExamples, ::testing::ValuesIn(kExamples),
                         [](const ::testing::TestParamInfo<Example>& info) {
                           std::string name(info.param.section);
                           std::erase(name, '-');
                           return name + std::to_string(info.param.number);
                         });

}  // namespace
}  // namespace errand::graphql::validation
