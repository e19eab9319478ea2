#include "errand/graphql/type/read_introspection.h"

#include <string>
#include <utility>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace errand::graphql::type {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

boost::json::value json(const std::string& text) { return boost::json::parse(text); }

Result<std::string> sdl_of_types(const std::string& types) {
  return sdl_from_introspection(json(R"({"__schema": {"queryType": {"name": "Query"},
      "mutationType": null, "types": [)" +
                                     types + R"(], "directives": []}})"));
}

TEST(ReadIntrospection, AsksForWhatTheServerKnowsAlone) {
  const std::string bare = introspection_query(json("{}"));
  EXPECT_THAT(bare, Not(HasSubstr("isOneOf")));
  EXPECT_THAT(bare, Not(HasSubstr("specifiedByURL")));
  EXPECT_THAT(bare, HasSubstr("fields(includeDeprecated: true) { name description args {"));

  const std::string rich = introspection_query(json(
      R"({"type": {"fields": [{"name": "isOneOf", "args": []}, {"name": "specifiedByURL"},
                              {"name": "inputFields", "args": [{"name": "includeDeprecated"}]}]},
          "field": {"fields": [{"name": "args", "args": [{"name": "includeDeprecated"}]}]},
          "inputValue": {"fields": [{"name": "isDeprecated", "args": []}]}})"));
  EXPECT_THAT(rich, HasSubstr("specifiedByURL isOneOf"));
  EXPECT_THAT(rich, HasSubstr("inputFields(includeDeprecated: true)"));
  EXPECT_THAT(rich, HasSubstr("args(includeDeprecated: true) { name"));
  EXPECT_THAT(rich, HasSubstr("defaultValue isDeprecated"));
}

TEST(ReadIntrospection, SaysWhatTheResponseLacks) {
  const auto lacks = [](const Result<std::string>& sdl) {
    return sdl ? "nothing" : sdl.error().message;
  };
  EXPECT_THAT(lacks(sdl_from_introspection(json("null"))), HasSubstr("lacks __schema"));
  EXPECT_THAT(lacks(sdl_from_introspection(json(R"({"__schema": {"types": 3}})"))),
              HasSubstr("lacks __schema.types"));
  EXPECT_THAT(lacks(sdl_of_types(R"({"kind": "OBJECT", "name": "A", "fields": [{"name": "a"}]})")),
              HasSubstr("lacks the type of A.a"));
  EXPECT_THAT(lacks(sdl_of_types(R"({"kind": "THING", "name": "A"})")),
              HasSubstr("lacks the kind of A"));
}

TEST(ReadIntrospection, TakesNothingForANameThatIsNone) {
  EXPECT_FALSE(sdl_of_types(R"({"kind": "SCALAR", "name": "A } type Query { a: Int"})"));
  EXPECT_FALSE(sdl_of_types(R"({"kind": "OBJECT", "name": "A", "fields":
      [{"name": "a", "type": {"kind": "SCALAR", "name": "Int b: Int"}}]})"));
}

TEST(ReadIntrospection, EndsWhereATypeHasNoEnd) {
  boost::json::value type = json(R"({"kind": "SCALAR", "name": "Int"})");
  for (int i = 0; i < 200; ++i) type = {{"kind", "LIST"}, {"ofType", std::move(type)}};
  boost::json::value data = json(R"({"__schema": {"types": [{"kind": "OBJECT", "name": "A",
      "fields": [{"name": "a"}]}]}})");
  data.at_pointer("/__schema/types/0/fields/0").as_object()["type"] = std::move(type);
  EXPECT_FALSE(sdl_from_introspection(data));
}

}  // namespace
}  // namespace errand::graphql::type
