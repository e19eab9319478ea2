#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/language/graphql_error.h"
#include "errand/graphql/type/build_schema.h"

namespace errand::graphql::type {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> errors_of(const std::string& sdl) {
  const language::Source source{.body = sdl, .name = "s"};
  auto schema = build_schema({&source, 1});
  std::vector<std::string> errors;
  if (!schema) {
    for (const auto& error : schema.error()) {
      const auto text = to_string(error);
      errors.push_back(text.substr(0, text.find('\n')));
    }
  }
  return errors;
}

/// Errors of `sdl` beside a query type.
std::vector<std::string> errors_beside(const std::string& sdl) {
  return errors_of(sdl + "\ntype Query { q: Int }");
}

TEST(CheckTypeSystem, WantsAQueryType) {
  EXPECT_THAT(errors_of("type A { a: Int }"), ElementsAre("Query root type must be provided."));
}

TEST(CheckTypeSystem, WantsDifferentRootTypes) {
  EXPECT_THAT(
      errors_beside("schema { query: Query mutation: Query }"),
      ElementsAre("s:1:17: All root types must be different, \"Query\" type is used as query "
                  "and mutation root types."));
}

TEST(CheckTypeSystem, ReservesNamesWithTwoUnderscores) {
  EXPECT_THAT(errors_beside("type __A { __b(__c: Int): Int }"),
              ElementsAre("s:1:1: Name \"__A\" must not begin with \"__\", which is reserved by "
                          "GraphQL introspection.",
                          "s:1:12: Name \"__b\" must not begin with \"__\", which is reserved by "
                          "GraphQL introspection.",
                          "s:1:16: Name \"__c\" must not begin with \"__\", which is reserved by "
                          "GraphQL introspection."));
}

TEST(CheckTypeSystem, RefusesEmptyTypes) {
  EXPECT_THAT(errors_beside("type A\ninterface B\nunion C\nenum D\ninput E"),
              ElementsAre("s:1:1: Type A must define one or more fields.",
                          "s:2:1: Type B must define one or more fields.",
                          "s:3:1: Union type C must define one or more member types.",
                          "s:4:1: Enum type D must define one or more values.",
                          "s:5:1: Input Object type E must define one or more fields."));
}

TEST(CheckTypeSystem, KeepsInputAndOutputTypesApart) {
  EXPECT_THAT(errors_beside("type A { a: I, b(c: A = 1): Int }\ninput I { i: A }"),
              ElementsAre("s:1:13: The type of A.a must be Output Type but got: I.",
                          "s:1:21: The type of A.b(c:) must be Input Type but got: A.",
                          "s:2:14: The type of I.i must be Input Type but got: A."));
}

TEST(CheckTypeSystem, ChecksImplementationsOfInterfaces) {
  EXPECT_THAT(
      errors_beside("interface I { a: Int!, b(x: Int): Int, c: Int, d: Int }\n"
                    "type T implements I {\n"
                    "  a: Int\n  b(x: Int!, y: Int!): Int\n  c: Int @deprecated\n}\n"
                    "interface J implements I { a: Int!, b(x: Int): Int, c: Int, d: Int }\n"
                    "type U implements J { a: Int!, b(x: Int): Int, c: Int, d: Int }\n"
                    "type V implements T { a: Int }"),
      ElementsAre("s:1:18: Interface field I.a expects type Int! but T.a is type Int.",
                  "s:1:29: Interface field argument I.b(x:) expects type Int but T.b(x:) is type "
                  "Int!.",
                  "s:4:14: Argument \"T.b(y:)\" must not be required type \"Int!\" if not provided "
                  "by the Interface field \"I.b\".",
                  "s:5:10: Interface field I.c is not deprecated, so implementation field T.c must "
                  "not be deprecated.",
                  "s:1:48: Interface field I.d expected but T does not provide it.",
                  "s:7:24: Type U must implement I because it is implemented by J.",
                  "s:9:19: Type V must only implement Interface types, it cannot implement T."));
}

TEST(CheckTypeSystem, ChecksUnionMembers) {
  EXPECT_THAT(errors_beside("union U = Query | Int | Query"),
              ElementsAre("s:1:19: Union type U can only include Object types, it cannot include "
                          "Int.",
                          "s:1:11: Union type U can only include type Query once."));
}

TEST(CheckTypeSystem, ChecksDefaultsAndDeprecations) {
  EXPECT_THAT(
      errors_beside("input I { a: Int! = null, b: [E] = [X], c: Int! @deprecated }\n"
                    "enum E { Y }\n"
                    "directive @d(x: Int! @deprecated) on FIELD"),
      ElementsAre("s:3:22: Required argument @d(x:) cannot be deprecated.",
                  "s:1:21: I.a has invalid default value: Expected value of non-null type "
                  "\"Int!\" not to be null.",
                  "s:1:37: I.b has invalid default value at [0]: Value \"X\" does not exist in "
                  "\"E\" enum. Did you mean the enum value \"Y\"?",
                  "s:1:49: Required input field I.c cannot be deprecated."));
}

TEST(CheckTypeSystem, ChecksOneOfInputObjects) {
  EXPECT_THAT(errors_beside("input O @oneOf { a: Int!, b: Int = 1 }"),
              ElementsAre("s:1:21: OneOf input field O.a must be nullable.",
                          "s:1:27: OneOf input field O.b cannot have a default value."));
}

TEST(CheckTypeSystem, FindsInputObjectsWithoutAFiniteValue) {
  EXPECT_THAT(errors_beside("input A { b: B! }\ninput B { c: C! }\ninput C { a: A!, l: [A!]! }\n"
                            "input D { d: D }"),
              ElementsAre("s:1:11: Input Object A cannot be provided a finite value because it "
                          "references itself through fields: A.b, B.c, C.a."));
  EXPECT_THAT(errors_beside("input O @oneOf { o: O }"),
              ElementsAre("s:1:18: Input Object O cannot be provided a finite value because it "
                          "references itself through fields: O.o."));
  EXPECT_THAT(errors_beside("input O @oneOf { o: O, i: Int }"), IsEmpty());
}

TEST(CheckTypeSystem, FindsDefaultsThatNeedThemselves) {
  EXPECT_THAT(errors_beside("input A { x: A = {} }"),
              ElementsAre("s:1:18: Invalid circular reference. The default value of Input Object "
                          "field A.x references itself."));
  EXPECT_THAT(errors_beside("input A { x: B = {} }\ninput B { y: A = {} }"),
              ElementsAre("s:1:18: Invalid circular reference. The default value of Input Object "
                          "field A.x references itself via the default values of: B.y."));
  EXPECT_THAT(errors_beside("input A { x: A = {x: null} }"), IsEmpty());
}

TEST(CheckTypeSystem, SurvivesInterfacesThatImplementEachOther) {
  EXPECT_THAT(errors_beside("interface A implements B { a: Int }\n"
                            "interface B implements A { a: Int }"),
              ElementsAre("s:2:24: Type A cannot implement B because it would create a circular "
                          "reference.",
                          "s:1:24: Type B cannot implement A because it would create a circular "
                          "reference."));
}

}  // namespace
}  // namespace errand::graphql::type
