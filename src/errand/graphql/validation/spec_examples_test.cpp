// The numbered examples of the specification's chapter on validation, in its order:
// https://spec.graphql.org/September2025/#sec-Validation
//
// Each is named by its number and anchor in that edition, so that a failing test prints the link.
// Their text is the specification's but for white space and comments.

#include <algorithm>
#include <memory>
#include <numeric>
#include <ostream>
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

constexpr std::string_view kSpecification = "https://spec.graphql.org/September2025/#";

// The chapter's first and last example.
constexpr int kFirst = 105;
constexpr int kLast = 198;

struct Link {
  int number;  ///< in the whole specification
  std::string_view anchor;
  std::string_view section;  ///< its anchor without "sec-"

  friend std::ostream& operator<<(std::ostream& out, const Link& link) {
    return out << kSpecification << link.anchor << ", example " << link.number << " in "
               << kSpecification << "sec-" << link.section;
  }
};

/// An example that is a type system or adds to the one before it.
struct TypeSystem {
  Link link;
  std::string_view sdl;

  friend std::ostream& operator<<(std::ostream& out, const TypeSystem& type_system) {
    return out << type_system.link;
  }
};

/// An example that is a document to validate.
struct Example {
  Link link;
  std::string_view document;
  /// A part of each error's message, in order; none in an example that is valid.
  std::vector<std::string_view> errors = {};
  /// SDL of what the example uses and no type system of the chapter has.
  std::string_view presumed = {};

  friend std::ostream& operator<<(std::ostream& out, const Example& example) {
    return out << example.link;
  }
};

const TypeSystem kTypeSystems[] = {
    {{105, "example-14b1a", "Validation.Examples"},
     R"(
type Query { dog: Dog findDog(searchBy: FindDogInput): Dog }
type Mutation { addPet(pet: PetInput!): Pet addPets(pets: [PetInput!]!): [Pet] }

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

input FindDogInput { name: String owner: String }
input CatInput { name: String! nickname: String meowVolume: Int }
input DogInput { name: String! nickname: String barkVolume: Int }
input PetInput @oneOf { cat: CatInput dog: DogInput }
)"},
    {{107, "example-be9b1", "Operation-Type-Existence"}, "type Query { hello: String }"},
    {{134, "example-9bada", "Leaf-Field-Selections"},
     "extend type Query { human: Human pet: Pet catOrDog: CatOrDog }"},
    {{140, "example-73706", "Argument-Names"},
     R"(
type Arguments {
  multipleRequirements(x: Int!, y: Int!): Int!
  booleanArgField(booleanArg: Boolean): Boolean
  floatArgField(floatArg: Float): Float
  intArgField(intArg: Int): Int
  nonNullBooleanArgField(nonNullBooleanArg: Boolean!): Boolean!
  booleanListArgField(booleanListArg: [Boolean]!): [Boolean]
  optionalNonNullBooleanArgField(optionalBooleanArg: Boolean! = false): Boolean!
}
extend type Query { arguments: Arguments }
)"},
    {{176, "example-3aac3", "Variables-Are-Input-Types"},
     "extend type Query { booleanList(booleanListArg: [Boolean!]): Boolean }"},
};

/// The schema that holds for the example `link`: the chapter's type systems so far, or that of its
/// section alone where it has one of its own, and `presumed`.
std::shared_ptr<const type::Schema> schema_for(const Link& link, std::string_view presumed = {}) {
  constexpr std::string_view kOwnTypes = "Operation-Type-Existence";
  std::vector<language::Source> sources;
  for (const TypeSystem& type_system : kTypeSystems) {
    const bool is_own = type_system.link.section == kOwnTypes;
    if (is_own != (link.section == kOwnTypes) || type_system.link.number > link.number) continue;
    sources.push_back(
        {.body = std::string(type_system.sdl), .name = std::string(type_system.link.anchor)});
  }
  if (!presumed.empty()) sources.push_back({.body = std::string(presumed), .name = "presumed"});
  const auto schema = type::build_schema(sources);
  if (schema) return *schema;
  for (const language::GraphQLError& error : schema.error()) ADD_FAILURE() << error.message;
  return nullptr;
}

/// The messages of `document`. Many examples are fragments without an operation, which no other
/// rule but that of their own section minds: that they are unused counts there alone.
std::vector<std::string> messages_of(const type::Schema& schema, const Example& example) {
  const auto document = language::parse({.body = std::string(example.document)});
  if (!document) return {document.error().message};
  std::vector<std::string> messages;
  for (language::GraphQLError& error : validate(schema, *document)) {
    const bool is_unused =
        error.message.starts_with("Fragment \"") && error.message.ends_with("\" is never used.");
    if (is_unused && example.link.section != "Fragments-Must-Be-Used") continue;
    messages.push_back(std::move(error.message));
  }
  return messages;
}

class SpecTypeSystems : public ::testing::TestWithParam<TypeSystem> {};

TEST_P(SpecTypeSystems, AreSchemas) { EXPECT_NE(schema_for(GetParam().link), nullptr); }

class SpecExamples : public ::testing::TestWithParam<Example> {};

TEST_P(SpecExamples, AreValidatedAsTheSpecificationSays) {
  const Example& example = GetParam();
  const auto schema = schema_for(example.link, example.presumed);
  ASSERT_NE(schema, nullptr);
  const std::vector<std::string> messages = messages_of(*schema, example);
  ASSERT_EQ(messages.size(), example.errors.size()) << ::testing::PrintToString(messages);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    EXPECT_THAT(messages[i], ::testing::HasSubstr(std::string(example.errors[i])));
  }
}

// What more than one example presumes.
constexpr std::string_view kMessages =
    "type Subscription { newMessage: Message disallowedSecondRootField: Boolean } "
    "type Message { body: String sender: String }";
constexpr std::string_view kField =
    "extend type Query { field(arg: FieldInput): Int } input FieldInput { field: Boolean }";

const Example kExamples[] = {
    // 5.1 Documents
    {{106, "example-12752", "Executable-Definitions"},
     "query getDogName { dog { name color } } extend type Dog { color: String }",
     {"The \"Dog\" definition is not executable.", "Cannot query field \"color\""}},

    // 5.2 Operations
    {{108, "example-ed01f", "Operation-Type-Existence"}, "query helloQuery { hello }"},
    {{109, "example-55de2", "Operation-Type-Existence"},
     "mutation goodbyeMutation { goodbye }",
     {"The mutation operation is not supported by the schema."}},
    {{110, "example-069e1", "Operation-Name-Uniqueness"},
     "query getDogName { dog { name } } query getOwnerName { dog { owner { name } } }"},
    {{111, "example-5e409", "Operation-Name-Uniqueness"},
     "query getName { dog { name } } query getName { dog { owner { name } } }",
     {"There can be only one operation named \"getName\"."}},
    {{112, "example-77c2e", "Operation-Name-Uniqueness"},
     "query dogOperation { dog { name } } mutation dogOperation { mutateDog { id } }",
     {"There can be only one operation named \"dogOperation\"."},
     "extend type Mutation { mutateDog: MutatedDog } type MutatedDog { id: ID }"},
    {{113, "example-be853", "Lone-Anonymous-Operation"}, "{ dog { name } }"},
    {{114, "example-44b85", "Lone-Anonymous-Operation"},
     "{ dog { name } } query getName { dog { owner { name } } }",
     {"This anonymous operation must be the only defined operation."}},
    {{115, "example-5bbc3", "Single-Root-Field"},
     "subscription sub { newMessage { body sender } }",
     {},
     kMessages},
    {{116, "example-13061", "Single-Root-Field"},
     "subscription sub { ...newMessageFields } "
     "fragment newMessageFields on Subscription { newMessage { body sender } }",
     {},
     kMessages},
    {{117, "example-3997d", "Single-Root-Field"},
     "subscription sub { newMessage { body sender } disallowedSecondRootField }",
     {"Subscription \"sub\" must select only one top level field."},
     kMessages},
    {{118, "example-18466", "Single-Root-Field"},
     "subscription sub { ...multipleSubscriptions } "
     "fragment multipleSubscriptions on Subscription { newMessage { body sender } "
     "disallowedSecondRootField }",
     {"Subscription \"sub\" must select only one top level field."},
     kMessages},
    {{119, "example-53457", "Single-Root-Field"},
     "subscription requiredRuntimeValidation($bool: Boolean!) { "
     "newMessage @include(if: $bool) { body sender } "
     "disallowedSecondRootField @skip(if: $bool) }",
     {"must not use `@skip` or `@include` directives in the top level selection."},
     kMessages},
    {{120, "example-a8fa1", "Single-Root-Field"},
     "subscription sub { __typename }",
     {"Subscription \"sub\" must not select an introspection top level field."},
     kMessages},

    // 5.3 Fields
    {{121, "example-48706", "Field-Selections"},
     "fragment fieldNotDefined on Dog { meowVolume } "
     "fragment aliasedLyingFieldTargetNotDefined on Dog { barkVolume: kawVolume }",
     {"Cannot query field \"meowVolume\" on type \"Dog\".",
      "Cannot query field \"kawVolume\" on type \"Dog\"."}},
    {{122, "example-d34e0", "Field-Selections"},
     "fragment interfaceFieldSelection on Pet { name }"},
    {{123, "example-e3eef", "Field-Selections"},
     "fragment definedOnImplementersButNotInterface on Pet { nickname }",
     {"Cannot query field \"nickname\" on type \"Pet\"."}},
    {{124, "example-245fa", "Field-Selections"},
     "fragment inDirectFieldSelectionOnUnion on CatOrDog { __typename ... on Pet { name } "
     "... on Dog { barkVolume } }"},
    {{125, "example-252ad", "Field-Selections"},
     "fragment directFieldSelectionOnUnion on CatOrDog { name barkVolume }",
     {"Cannot query field \"name\" on type \"CatOrDog\".",
      "Cannot query field \"barkVolume\" on type \"CatOrDog\"."}},
    {{126, "example-4e10c", "Field-Selection-Merging"},
     "fragment mergeIdenticalFields on Dog { name name } "
     "fragment mergeIdenticalAliasesAndFields on Dog { otherName: name otherName: name }"},
    {{127, "example-a2230", "Field-Selection-Merging"},
     "fragment conflictingBecauseAlias on Dog { name: nickname name }",
     {"Fields \"name\" conflict because \"nickname\" and \"name\" are different fields."}},
    {{128, "example-b6369", "Field-Selection-Merging"},
     "fragment mergeIdenticalFieldsWithIdenticalArgs on Dog { "
     "doesKnowCommand(dogCommand: SIT) doesKnowCommand(dogCommand: SIT) } "
     "fragment mergeIdenticalFieldsWithIdenticalValues on Dog { "
     "doesKnowCommand(dogCommand: $dogCommand) doesKnowCommand(dogCommand: $dogCommand) }"},
    {{129, "example-00fbf", "Field-Selection-Merging"},
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
    {{130, "example-a8406", "Field-Selection-Merging"},
     "fragment safeDifferingFields on Pet { ... on Dog { volume: barkVolume } "
     "... on Cat { volume: meowVolume } } "
     "fragment safeDifferingArgs on Pet { ... on Dog { doesKnowCommand(dogCommand: SIT) } "
     "... on Cat { doesKnowCommand(catCommand: JUMP) } }"},
    {{131, "example-54e3d", "Field-Selection-Merging"},
     "fragment conflictingDifferingResponses on Pet { ... on Dog { someValue: nickname } "
     "... on Cat { someValue: meowVolume } }",
     {"they return conflicting types \"String\" and \"Int\""}},
    {{132, "example-e23c5", "Leaf-Field-Selections"},
     "fragment scalarSelection on Dog { barkVolume }"},
    {{133, "example-13b69", "Leaf-Field-Selections"},
     "fragment scalarSelectionsNotAllowedOnInt on Dog { barkVolume { sinceWhen } }",
     {"Field \"barkVolume\" must not have a selection since type \"Int\" has no subfields."}},
    {{135, "example-d68ee", "Leaf-Field-Selections"},
     "query directQueryOnObjectWithoutSubFields { human } "
     "query directQueryOnInterfaceWithoutSubFields { pet } "
     "query directQueryOnUnionWithoutSubFields { catOrDog }",
     {"Field \"human\" of type \"Human\" must have a selection of subfields.",
      "Field \"pet\" of type \"Pet\" must have a selection of subfields.",
      "Field \"catOrDog\" of type \"CatOrDog\" must have a selection of subfields."}},
    {{136, "example-1623a", "Leaf-Field-Selections"},
     "query directQueryOnObjectWithSubFields { human { name } }"},

    // 5.4 Arguments
    {{137, "example-dfd15", "Argument-Names"},
     "fragment argOnRequiredArg on Dog { doesKnowCommand(dogCommand: SIT) } "
     "fragment argOnOptional on Dog { isHouseTrained(atOtherHomes: true) @include(if: true) }"},
    {{138, "example-d5639", "Argument-Names"},
     "fragment invalidArgName on Dog { doesKnowCommand(command: CLEAN_UP_HOUSE) }",
     {"Unknown argument \"command\" on field \"Dog.doesKnowCommand\".",
      "Argument \"Dog.doesKnowCommand(dogCommand:)\" of type \"DogCommand!\" is required"}},
    {{139, "example-df41e", "Argument-Names"},
     "fragment invalidArgName on Dog { isHouseTrained(atOtherHomes: true) @include(unless: false) "
     "}",
     {"Unknown argument \"unless\" on directive \"@include\".",
      "Argument \"@include(if:)\" of type \"Boolean!\" is required"}},
    {{141, "example-bda7e", "Argument-Names"},
     "fragment multipleArgs on Arguments { multipleRequirements(x: 1, y: 2) } "
     "fragment multipleArgsReverseOrder on Arguments { multipleRequirements(y: 2, x: 1) }"},
    {{142, "example-503bd", "Required-Arguments"},
     "fragment goodBooleanArg on Arguments { booleanArgField(booleanArg: true) } "
     "fragment goodNonNullArg on Arguments { nonNullBooleanArgField(nonNullBooleanArg: true) }"},
    {{143, "example-1f1d2", "Required-Arguments"},
     "fragment goodBooleanArgDefault on Arguments { booleanArgField }"},
    {{144, "example-f12a1", "Required-Arguments"},
     "fragment missingRequiredArg on Arguments { nonNullBooleanArgField }",
     {"of type \"Boolean!\" is required, but it was not provided."}},
    {{145, "example-0bc81", "Required-Arguments"},
     "fragment missingRequiredArg on Arguments { "
     "nonNullBooleanArgField(nonNullBooleanArg: null) }",
     {"Expected value of non-null type \"Boolean!\" not to be null."}},

    // 5.5 Fragments
    {{146, "example-3703b", "Fragment-Name-Uniqueness"},
     "{ dog { ...fragmentOne ...fragmentTwo } } fragment fragmentOne on Dog { name } "
     "fragment fragmentTwo on Dog { owner { name } }"},
    {{147, "example-2c3e3", "Fragment-Name-Uniqueness"},
     "{ dog { ...fragmentOne } } fragment fragmentOne on Dog { name } "
     "fragment fragmentOne on Dog { owner { name } }",
     {"There can be only one fragment named \"fragmentOne\"."}},
    {{148, "example-1b2da", "Fragment-Spread-Type-Existence"},
     "fragment correctType on Dog { name } fragment inlineFragment on Dog { ... on Dog { name } } "
     "fragment inlineFragment2 on Dog { ... @include(if: true) { name } }"},
    {{149, "example-463f6", "Fragment-Spread-Type-Existence"},
     "fragment notOnExistingType on NotInSchema { name } "
     "fragment inlineNotExistingType on Dog { ... on NotInSchema { name } }",
     {"Unknown type \"NotInSchema\".", "Unknown type \"NotInSchema\"."}},
    {{150, "example-3c8d4", "Fragments-on-Object-Interface-or-Union-Types"},
     "fragment fragOnObject on Dog { name } fragment fragOnInterface on Pet { name } "
     "fragment fragOnUnion on CatOrDog { ... on Dog { name } }"},
    {{151, "example-4d5e5", "Fragments-on-Object-Interface-or-Union-Types"},
     "fragment fragOnScalar on Int { something } "
     "fragment inlineFragOnScalar on Dog { ... on Boolean { somethingElse } }",
     {"Fragment \"fragOnScalar\" cannot condition on non composite type \"Int\".",
      "Fragment cannot condition on non composite type \"Boolean\"."}},
    {{152, "example-9e1e3", "Fragments-Must-Be-Used"},
     "fragment nameFragment on Dog { name } { dog { name } }",
     {"Fragment \"nameFragment\" is never used."}},
    {{153, "example-28421", "Fragment-Spread-Target-Defined"},
     "{ dog { ...undefinedFragment } }",
     {"Unknown fragment \"undefinedFragment\"."}},
    {{154, "example-9ceb4", "Fragment-Spreads-Must-Not-Form-Cycles"},
     "{ dog { ...nameFragment } } fragment nameFragment on Dog { name ...barkVolumeFragment } "
     "fragment barkVolumeFragment on Dog { barkVolume ...nameFragment }",
     {"Cannot spread fragment \"nameFragment\" within itself via \"barkVolumeFragment\"."}},
    {{155, "example-08734", "Fragment-Spreads-Must-Not-Form-Cycles"},
     "{ dog { name barkVolume name barkVolume name barkVolume name } }"},
    {{156, "example-cd11c", "Fragment-Spreads-Must-Not-Form-Cycles"},
     "{ dog { ...dogFragment } } fragment dogFragment on Dog { name owner { ...ownerFragment } } "
     "fragment ownerFragment on Human { name pets { ...dogFragment } }",
     {"Cannot spread fragment \"dogFragment\" within itself via \"ownerFragment\"."}},
    {{157, "example-0fc38", "Object-Spreads-in-Object-Scope"},
     "fragment dogFragment on Dog { ... on Dog { barkVolume } }"},
    {{158, "example-4d411", "Object-Spreads-in-Object-Scope"},
     "fragment catInDogFragmentInvalid on Dog { ... on Cat { meowVolume } }",
     {"objects of type \"Dog\" can never be of type \"Cat\"."}},
    {{159, "example-2c8d0", "Abstract-Spreads-in-Object-Scope"},
     "fragment petNameFragment on Pet { name } "
     "fragment interfaceWithinObjectFragment on Dog { ...petNameFragment }"},
    {{160, "example-41843", "Abstract-Spreads-in-Object-Scope"},
     "fragment catOrDogNameFragment on CatOrDog { ... on Cat { meowVolume } } "
     "fragment unionWithObjectFragment on Dog { ...catOrDogNameFragment }"},
    {{161, "example-85110", "Object-Spreads-in-Abstract-Scope"},
     "fragment petFragment on Pet { name ... on Dog { barkVolume } } "
     "fragment catOrDogFragment on CatOrDog { ... on Cat { meowVolume } }"},
    {{162, "example-a8dcc", "Object-Spreads-in-Abstract-Scope"},
     "fragment sentientFragment on Sentient { ... on Dog { barkVolume } } "
     "fragment humanOrAlienFragment on HumanOrAlien { ... on Cat { meowVolume } }",
     {"objects of type \"Sentient\" can never be of type \"Dog\".",
      "objects of type \"HumanOrAlien\" can never be of type \"Cat\"."}},
    {{163, "example-dc875", "Abstract-Spreads-in-Abstract-Scope"},
     "fragment unionWithInterface on Pet { ...dogOrHumanFragment } "
     "fragment dogOrHumanFragment on DogOrHuman { ... on Dog { barkVolume } }"},
    {{164, "example-c9c63", "Abstract-Spreads-in-Abstract-Scope"},
     "fragment nonIntersectingInterfaces on Pet { ...sentientFragment } "
     "fragment sentientFragment on Sentient { name }",
     {"objects of type \"Pet\" can never be of type \"Sentient\"."}},
    // The example holds the interfaces too; an object type must make them possible.
    {{165, "example-bc12a", "Abstract-Spreads-in-Abstract-Scope"},
     "fragment interfaceWithInterface on Node { ...resourceFragment } "
     "fragment resourceFragment on Resource { url }",
     {},
     "interface Node { id: ID! } interface Resource implements Node { id: ID! url: String } "
     "type Page implements Resource & Node { id: ID! url: String }"},

    // 5.6 Values
    {{166, "example-255db", "Values-of-Correct-Type"},
     "fragment goodBooleanArg on Arguments { booleanArgField(booleanArg: true) } "
     "fragment coercedIntIntoFloatArg on Arguments { floatArgField(floatArg: 123) } "
     "query goodComplexDefaultValue($search: FindDogInput = { name: \"Fido\" }) { "
     "findDog(searchBy: $search) { name } } "
     "mutation addPet($pet: PetInput! = { cat: { name: \"Brontie\" } }) { "
     "addPet(pet: $pet) { name } }"},
    {{167, "example-877c3", "Values-of-Correct-Type"},
     "fragment stringIntoInt on Arguments { intArgField(intArg: \"123\") } "
     "query badComplexValue { findDog(searchBy: { name: 123 }) { name } } "
     "mutation oneOfWithNoFields { addPet(pet: {}) { name } } "
     "mutation oneOfWithTwoFields($dog: DogInput) { "
     "addPet(pet: { cat: { name: \"Brontie\" }, dog: $dog }) { name } } "
     "mutation listOfOneOfWithNullableVariable($dog: DogInput) { "
     "addPets(pets: [{ dog: $dog }]) { name } }",
     {"Int cannot represent non-integer value: \"123\"",
      "String cannot represent a non string value: 123", "exactly one field must be specified",
      "exactly one field must be specified", "must be non-nullable to be used for OneOf",
      "must be non-nullable to be used for OneOf"}},
    {{168, "example-f7e9b", "Input-Object-Field-Names"},
     "{ findDog(searchBy: { name: \"Fido\" }) { name } }"},
    {{169, "example-cc58c", "Input-Object-Field-Names"},
     "{ findDog(searchBy: { favoriteCookieFlavor: \"Bacon\" }) { name } }",
     {"Expected value of type \"FindDogInput\" not to include unknown field "
      "\"favoriteCookieFlavor\""}},
    {{170, "example-5d541", "Input-Object-Field-Uniqueness"},
     "{ field(arg: { field: true, field: false }) }",
     {"There can be only one input field named \"field\"."},
     kField},

    // 5.7 Directives
    {{171, "example-55f3f", "Directives-Are-in-Valid-Locations"},
     "query @skip(if: $foo) { field }",
     {"Variable \"$foo\" is not defined.", "Directive \"@skip\" may not be used on QUERY."},
     kField},
    {{172, "example-b2e6c", "Directives-Are-Unique-per-Location"},
     "query ($foo: Boolean = true, $bar: Boolean = false) { "
     "field @skip(if: $foo) @skip(if: $bar) }",
     {"The directive \"@skip\" can only be used once at this location."},
     kField},
    {{173, "example-c5ee9", "Directives-Are-Unique-per-Location"},
     "query ($foo: Boolean = true, $bar: Boolean = false) { "
     "field @skip(if: $foo) { subfieldA } field @skip(if: $bar) { subfieldB } }",
     {},
     "extend type Query { field: Field } type Field { subfieldA: Int subfieldB: Int }"},

    // 5.8 Variables
    {{174, "example-abc9c", "Variable-Uniqueness"},
     "query houseTrainedQuery($atOtherHomes: Boolean, $atOtherHomes: Boolean) { "
     "dog { isHouseTrained(atOtherHomes: $atOtherHomes) } }",
     {"There can be only one variable named \"$atOtherHomes\"."}},
    {{175, "example-54c93", "Variable-Uniqueness"},
     "query A($atOtherHomes: Boolean) { ...HouseTrainedFragment } "
     "query B($atOtherHomes: Boolean) { ...HouseTrainedFragment } "
     "fragment HouseTrainedFragment on Query { "
     "dog { isHouseTrained(atOtherHomes: $atOtherHomes) } }"},
    {{177, "example-0d628", "Variables-Are-Input-Types"},
     "query takesBoolean($atOtherHomes: Boolean) { "
     "dog { isHouseTrained(atOtherHomes: $atOtherHomes) } } "
     "query takesComplexInput($search: FindDogInput) { findDog(searchBy: $search) { name } } "
     "query TakesListOfBooleanBang($booleans: [Boolean!]) { "
     "booleanList(booleanListArg: $booleans) }"},
    // The specification has "# ..." for each selection set, which is no syntax.
    {{178, "example-aeba9", "Variables-Are-Input-Types"},
     "query takesCat($cat: Cat) { dog { name } } query takesDogBang($dog: Dog!) { dog { name } } "
     "query takesListOfPet($pets: [Pet]) { dog { name } } "
     "query takesCatOrDog($catOrDog: CatOrDog) { dog { name } }",
     {"Variable \"$cat\" is never used", "Variable \"$cat\" cannot be non-input type \"Cat\".",
      "Variable \"$dog\" is never used", "Variable \"$dog\" cannot be non-input type \"Dog!\".",
      "Variable \"$pets\" is never used", "Variable \"$pets\" cannot be non-input type \"[Pet]\".",
      "Variable \"$catOrDog\" is never used",
      "Variable \"$catOrDog\" cannot be non-input type \"CatOrDog\"."}},
    {{179, "example-38119", "All-Variable-Uses-Defined"},
     "query variableIsDefined($atOtherHomes: Boolean) { "
     "dog { isHouseTrained(atOtherHomes: $atOtherHomes) } }"},
    {{180, "example-5ba94", "All-Variable-Uses-Defined"},
     "query variableIsNotDefined { dog { isHouseTrained(atOtherHomes: $atOtherHomes) } }",
     {"Variable \"$atOtherHomes\" is not defined by operation \"variableIsNotDefined\"."}},
    {{181, "example-559c2", "All-Variable-Uses-Defined"},
     "query variableIsDefinedUsedInSingleFragment($atOtherHomes: Boolean) { "
     "dog { ...isHouseTrainedFragment } } "
     "fragment isHouseTrainedFragment on Dog { isHouseTrained(atOtherHomes: $atOtherHomes) }"},
    {{182, "example-93d3e", "All-Variable-Uses-Defined"},
     "query variableIsNotDefinedUsedInSingleFragment { dog { ...isHouseTrainedFragment } } "
     "fragment isHouseTrainedFragment on Dog { isHouseTrained(atOtherHomes: $atOtherHomes) }",
     {"is not defined by operation \"variableIsNotDefinedUsedInSingleFragment\"."}},
    {{183, "example-ee7be", "All-Variable-Uses-Defined"},
     "query variableIsNotDefinedUsedInNestedFragment { dog { ...outerHouseTrainedFragment } } "
     "fragment outerHouseTrainedFragment on Dog { ...isHouseTrainedFragment } "
     "fragment isHouseTrainedFragment on Dog { isHouseTrained(atOtherHomes: $atOtherHomes) }",
     {"is not defined by operation \"variableIsNotDefinedUsedInNestedFragment\"."}},
    {{184, "example-d601e", "All-Variable-Uses-Defined"},
     "query houseTrainedQueryOne($atOtherHomes: Boolean) { dog { ...isHouseTrainedFragment } } "
     "query houseTrainedQueryTwo($atOtherHomes: Boolean) { dog { ...isHouseTrainedFragment } } "
     "fragment isHouseTrainedFragment on Dog { isHouseTrained(atOtherHomes: $atOtherHomes) }"},
    {{185, "example-2b284", "All-Variable-Uses-Defined"},
     "query houseTrainedQueryOne($atOtherHomes: Boolean) { dog { ...isHouseTrainedFragment } } "
     "query houseTrainedQueryTwoNotDefined { dog { ...isHouseTrainedFragment } } "
     "fragment isHouseTrainedFragment on Dog { isHouseTrained(atOtherHomes: $atOtherHomes) }",
     {"is not defined by operation \"houseTrainedQueryTwoNotDefined\"."}},
    {{186, "example-464b6", "All-Variables-Used"},
     "query variableUnused($atOtherHomes: Boolean) { dog { isHouseTrained } }",
     {"Variable \"$atOtherHomes\" is never used in operation \"variableUnused\"."}},
    {{187, "example-6d4bb", "All-Variables-Used"},
     "query variableUsedInFragment($atOtherHomes: Boolean) { dog { ...isHouseTrainedFragment } } "
     "fragment isHouseTrainedFragment on Dog { isHouseTrained(atOtherHomes: $atOtherHomes) }"},
    {{188, "example-a30e2", "All-Variables-Used"},
     "query variableNotUsedWithinFragment($atOtherHomes: Boolean) { "
     "dog { ...isHouseTrainedWithoutVariableFragment } } "
     "fragment isHouseTrainedWithoutVariableFragment on Dog { isHouseTrained }",
     {"is never used in operation \"variableNotUsedWithinFragment\"."}},
    {{189, "example-e647f", "All-Variables-Used"},
     "query queryWithUsedVar($atOtherHomes: Boolean) { dog { ...isHouseTrainedFragment } } "
     "query queryWithExtraVar($atOtherHomes: Boolean, $extra: Int) { "
     "dog { ...isHouseTrainedFragment } } "
     "fragment isHouseTrainedFragment on Dog { isHouseTrained(atOtherHomes: $atOtherHomes) }",
     {"Variable \"$extra\" is never used in operation \"queryWithExtraVar\"."}},
    {{190, "example-2028e", "All-Variable-Usages-Are-Allowed"},
     "query intCannotGoIntoBoolean($intArg: Int) { "
     "arguments { booleanArgField(booleanArg: $intArg) } }",
     {"of type \"Int\" used in position expecting type \"Boolean\"."}},
    {{191, "example-8d369", "All-Variable-Usages-Are-Allowed"},
     "query booleanListCannotGoIntoBoolean($booleanListArg: [Boolean]) { "
     "arguments { booleanArgField(booleanArg: $booleanListArg) } }",
     {"of type \"[Boolean]\" used in position expecting type \"Boolean\"."}},
    {{192, "example-ed727", "All-Variable-Usages-Are-Allowed"},
     "query booleanArgQuery($booleanArg: Boolean) { "
     "arguments { nonNullBooleanArgField(nonNullBooleanArg: $booleanArg) } }",
     {"of type \"Boolean\" used in position expecting type \"Boolean!\"."}},
    {{193, "example-c5959", "All-Variable-Usages-Are-Allowed"},
     "query nonNullListToList($nonNullBooleanList: [Boolean]!) { "
     "arguments { booleanListArgField(booleanListArg: $nonNullBooleanList) } }"},
    {{194, "example-64255", "All-Variable-Usages-Are-Allowed"},
     "query listToNonNullList($booleanList: [Boolean]) { "
     "arguments { nonNullBooleanListField(nonNullBooleanListArg: $booleanList) } }",
     {"of type \"[Boolean]\" used in position expecting type \"[Boolean]!\"."},
     "extend type Arguments { "
     "nonNullBooleanListField(nonNullBooleanListArg: [Boolean]!): Boolean }"},
    {{195, "example-441e5", "All-Variable-Usages-Are-Allowed"},
     "mutation addCat($cat: CatInput!) { addPet(pet: { cat: $cat }) { name } } "
     "mutation addCatWithDefault($cat: CatInput! = { name: \"Brontie\" }) { "
     "addPet(pet: { cat: $cat }) { name } }"},
    {{196, "example-614b8", "All-Variable-Usages-Are-Allowed"},
     "mutation addNullableCat($cat: CatInput) { addPet(pet: { cat: $cat }) { name } }",
     {"must be non-nullable to be used for OneOf Input Object \"PetInput\"."}},
    {{197, "example-0877c", "All-Variable-Usages-Are-Allowed"},
     "query booleanArgQueryWithDefault($booleanArg: Boolean) { "
     "arguments { optionalNonNullBooleanArgField(optionalBooleanArg: $booleanArg) } }"},
    {{198, "example-d24d9", "All-Variable-Usages-Are-Allowed"},
     "query booleanArgQueryWithDefault($booleanArg: Boolean = true) { "
     "arguments { nonNullBooleanArgField(nonNullBooleanArg: $booleanArg) } }"},
};

std::string name_of(const Link& link) {
  std::string name(link.section);
  std::erase_if(name, [](char c) { return c == '-' || c == '.'; });
  return name + std::to_string(link.number);
}

INSTANTIATE_TEST_SUITE_P(Section5, SpecTypeSystems, ::testing::ValuesIn(kTypeSystems),
                         [](const ::testing::TestParamInfo<TypeSystem>& info) {
                           return name_of(info.param.link);
                         });
INSTANTIATE_TEST_SUITE_P(Section5, SpecExamples, ::testing::ValuesIn(kExamples),
                         [](const ::testing::TestParamInfo<Example>& info) {
                           return name_of(info.param.link);
                         });

TEST(SpecExamplesTable, HoldsEachNumberOfTheChapterOnce) {
  std::vector<int> numbers;
  for (const TypeSystem& type_system : kTypeSystems) numbers.push_back(type_system.link.number);
  for (const Example& example : kExamples) numbers.push_back(example.link.number);
  std::ranges::sort(numbers);
  std::vector<int> all(kLast - kFirst + 1);
  std::iota(all.begin(), all.end(), kFirst);
  EXPECT_EQ(numbers, all);
}

}  // namespace
}  // namespace errand::graphql::validation
