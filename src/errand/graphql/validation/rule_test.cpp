#include "errand/graphql/validation/rule_test.h"

#include <memory>
#include <span>

#include <gtest/gtest.h>

#include "errand/graphql/language/parser.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/graphql/validation/validate.h"

namespace errand::graphql::validation {
namespace {

/// The schema of the examples of https://spec.graphql.org/September2025/#sec-Validation
constexpr const char* kSchema = R"(directive @onField on FIELD
directive @defer(if: Boolean! = true, label: String) on FRAGMENT_SPREAD | INLINE_FRAGMENT
directive @stream(if: Boolean! = true, label: String, initialCount: Int! = 0) on FIELD
directive @repeatable(n: Int!) repeatable on FIELD | FRAGMENT_SPREAD | QUERY

type Query {
  dog: Dog
  findDog(searchBy: FindDogInput): Dog
  booleanList(booleanListArg: [Boolean!]): Boolean
  arguments: Arguments
  pet: Pet
  catOrDog: CatOrDog
  humanOrAlien: HumanOrAlien
}

type Mutation {
  addPet(pet: PetInput!): Pet
}

type Subscription {
  newMessage: Message
  disallowedSecondRootField: Boolean
}

type Message {
  body: String
  sender: String
}

enum DogCommand { SIT DOWN HEEL }
enum CatCommand { JUMP }

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

type Cat implements Pet {
  name: String!
  nickname: String
  doesKnowCommand(catCommand: CatCommand!): Boolean!
  meowVolume: Int
}

union CatOrDog = Cat | Dog
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
)";

const type::Schema& schema() {
  static const std::shared_ptr<const type::Schema> built = [] {
    const language::Source source{kSchema, "schema.graphql"};
    const auto result = type::build_schema(std::span(&source, 1));
    EXPECT_TRUE(result.has_value());
    return *result;
  }();
  return *built;
}

}  // namespace

std::vector<std::string> errors_of(std::string_view document) {
  const auto parsed = language::parse(language::Source{std::string(document)});
  if (!parsed) return {parsed.error().message};
  std::vector<std::string> texts;
  for (const language::GraphQLError& error : validate(schema(), *parsed)) {
    EXPECT_EQ(error.code, ErrorCode::kGraphqlValidationFailed);
    std::string text;
    for (const language::Location& at : error.locations) {
      text += std::to_string(at.line) + ":" + std::to_string(at.column) + " ";
    }
    texts.push_back(text + error.message);
  }
  return texts;
}

}  // namespace errand::graphql::validation
