#include "errand/graphql/type/build_schema.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/language/graphql_error.h"
#include "errand/graphql/language/parser.h"
#include "errand/graphql/type/suggestions.h"

namespace errand::graphql::type {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::shared_ptr<const Schema> schema_of(std::vector<std::string> files) {
  std::vector<language::Source> sources;
  for (std::size_t i = 0; i < files.size(); ++i) {
    sources.push_back({.body = files[i], .name = "file" + std::to_string(i + 1) + ".graphql"});
  }
  auto schema = build_schema(sources);
  if (!schema) {
    for (const auto& error : schema.error()) ADD_FAILURE() << to_string(error);
    return nullptr;
  }
  return *schema;
}

std::vector<std::string> errors_of(std::vector<std::string> files) {
  std::vector<language::Source> sources;
  for (std::size_t i = 0; i < files.size(); ++i) {
    sources.push_back({.body = files[i], .name = "file" + std::to_string(i + 1) + ".graphql"});
  }
  auto schema = build_schema(sources);
  std::vector<std::string> errors;
  if (!schema) {
    for (const auto& error : schema.error()) {
      const std::string text = to_string(error);  // the first place is enough
      errors.push_back(text.substr(0, text.find('\n')));
    }
  }
  return errors;
}

TEST(BuildSchema, MergesExtensionsFromSeveralFilesInAnyOrder) {
  const auto schema = schema_of({
      "extend type Query { b(x: [Int!] = [1]): Node @deprecated }\n"
      "extend enum Color { GREEN }\nextend union Any = B\nextend input In { y: Int = 2 }",
      "type Query { a: String }\ninterface Node { id: ID! }\n"
      "type A implements Node { id: ID! }\ntype B implements Node { id: ID! }\n"
      "enum Color { RED }\nunion Any = A\ninput In { x: Color = RED }",
  });
  ASSERT_NE(schema, nullptr);
  const ObjectType* query = schema->query_type();
  ASSERT_NE(query, nullptr);
  ASSERT_EQ(query->fields.size(), 2U);
  const FieldDefinition* b = query->field("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->type.str(), "Node");
  EXPECT_EQ(b->deprecation_reason, "No longer supported");
  ASSERT_NE(b->argument("x"), nullptr);
  EXPECT_EQ(b->argument("x")->type.str(), "[Int!]");
  EXPECT_EQ(b->argument("x")->default_value->as_array(), boost::json::array{1});
  EXPECT_EQ(b->place.location(), (language::Location{1, 21}));

  EXPECT_NE(schema->type("Color")->as<EnumType>().value("GREEN"), nullptr);
  EXPECT_EQ(schema->possible_types(*schema->type("Any")).size(), 2U);
  EXPECT_EQ(schema->possible_types(*schema->type("Node")).size(), 2U);
  const auto& input = schema->type("In")->as<InputObjectType>();
  EXPECT_EQ(*input.field("x")->default_value, "RED");
  EXPECT_EQ(*input.field("y")->default_value, 2);
}

TEST(BuildSchema, ShowsTypesInOrderOfDeclarationAndOnlyReferencedBuiltInScalars) {
  const auto schema = schema_of({"type Zebra { n: Int }\ntype Query { z: Zebra }"});
  ASSERT_NE(schema, nullptr);
  std::vector<std::string_view> names;
  for (const NamedType* type : schema->types()) {
    EXPECT_EQ(schema->types()[type->index], type);
    if (!type->name.starts_with("__")) names.push_back(type->name);
  }
  EXPECT_THAT(names, ElementsAre("Zebra", "Query", "String", "Int", "Boolean"));
  EXPECT_EQ(schema->type("Float"), nullptr);
  EXPECT_NE(schema->type("__Schema"), nullptr);
  EXPECT_EQ(schema->type("__MetaFields"), nullptr);
  std::vector<std::string_view> directives;
  for (const auto* directive : schema->directives()) directives.push_back(directive->name);
  EXPECT_THAT(directives, ElementsAre("include", "skip", "deprecated", "specifiedBy", "oneOf"));
}

TEST(BuildSchema, TakesRootTypesFromTheSchemaDefinitionAndItsExtensions) {
  const auto schema =
      schema_of({"\"Ours\" schema { query: Q }\nextend schema { mutation: M }\n"
                 "type Q { a: Int }\ntype M { a: Int }\ntype Subscription { a: Int }"});
  ASSERT_NE(schema, nullptr);
  EXPECT_EQ(schema->query_type()->name, "Q");
  EXPECT_EQ(schema->mutation_type()->name, "M");
  EXPECT_EQ(schema->subscription_type(), nullptr);
  EXPECT_EQ(schema->description(), "Ours");
}

TEST(BuildSchema, FindsMetaFieldsWhereTheyCanBeSelected) {
  const auto schema = schema_of({"type Query { u: U }\ntype A { a: Int }\nunion U = A"});
  ASSERT_NE(schema, nullptr);
  const NamedType& query = *schema->query_type();
  EXPECT_EQ(schema->field(query, "__schema"), &schema->schema_field());
  EXPECT_EQ(schema->field(query, "__type")->argument("name")->type.str(), "String!");
  EXPECT_EQ(schema->field(*schema->type("U"), "__typename"), &schema->typename_field());
  EXPECT_EQ(schema->field(*schema->type("A"), "__schema"), nullptr);
  EXPECT_EQ(schema->field(*schema->type("U"), "a"), nullptr);
  EXPECT_LT(schema->type_field().index, schema->field_count());
}

TEST(BuildSchema, KnowsSubtypesThroughInterfacesUnionsAndWrappers) {
  const auto schema = schema_of(
      {"type Query { a: A, l: [A!]!, n: [Node] }\ninterface Node { id: ID }\n"
       "interface Big implements Node { id: ID }\ntype A implements Big & Node { id: ID }\n"
       "union U = A\ntype B { b: Int }"});
  ASSERT_NE(schema, nullptr);
  const auto type = [&](const char* text) {
    const auto parsed = language::parse_type({.body = text, .name = "type"});
    return *schema->type_from_ast(**parsed);
  };
  EXPECT_TRUE(schema->is_subtype(type("[A!]!"), type("[Node]")));
  EXPECT_TRUE(schema->is_subtype(type("Big"), type("Node")));
  EXPECT_TRUE(schema->is_subtype(type("A"), type("U")));
  EXPECT_FALSE(schema->is_subtype(type("B"), type("U")));
  EXPECT_FALSE(schema->is_subtype(type("[A]"), type("[A!]")));
  EXPECT_FALSE(schema->is_subtype(type("A"), type("[A]")));
  EXPECT_TRUE(schema->types_overlap(*schema->type("U"), *schema->type("Node")));
  EXPECT_FALSE(schema->types_overlap(*schema->type("B"), *schema->type("Node")));
  EXPECT_EQ(type("[[Int!]!]").str(), "[[Int!]!]");
  EXPECT_EQ(type("[[Int!]!]").item().str(), "[Int!]!");
}

TEST(BuildSchema, RefusesListsThatNestTooDeep) {
  const std::string deep = std::string(40, '[') + "Int" + std::string(40, ']');
  EXPECT_THAT(errors_of({"type Query { a: " + deep + " }"}),
              ElementsAre("file1.graphql:1:26: Lists nest at most 30 deep."));
}

TEST(BuildSchema, ReportsSyntaxErrorsOfAllFiles) {
  const auto errors = errors_of({"type Query {", "type Query { a: Int }", "enum {"});
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_THAT(errors[0], HasSubstr("file1.graphql:1:"));
  EXPECT_THAT(errors[1], HasSubstr("file3.graphql:1:6: Syntax Error: Expected Name, found \"{\"."));
}

TEST(BuildSchema, ReportsAllWrongDefinitionsWithPlaceAndSuggestion) {
  EXPECT_THAT(
      errors_of({"type Query { a: Strin, a: Int, b(c: Int, c: Int): Int }\n"
                 "type Query { x: Int }\n"
                 "enum E { A A }\n"
                 "query { a }\n"
                 "extend type Quary { c: Int }\n"
                 "extend enum Query { C }\n"
                 "directive @d on FIELD\ndirective @d on FIELD\n"
                 "schema { query: Query query: Query mutation: E }\nschema { query: Query }"}),
      ElementsAre(
          "file1.graphql:1:14: Field \"Query.a\" can only be defined once.",
          "file1.graphql:1:34: Argument \"Query.b(c:)\" can only be defined once.",
          "file1.graphql:1:17: Unknown type \"Strin\". Did you mean \"String\"?",
          "file1.graphql:1:6: There can be only one type named \"Query\".",
          "file1.graphql:3:10: Enum value \"E.A\" can only be defined once.",
          "file1.graphql:4:1: A schema holds only type system definitions; remove this operation "
          "or fragment.",
          "file1.graphql:5:13: Cannot extend type \"Quary\" because it is not defined. Did you "
          "mean \"Query\"?",
          "file1.graphql:2:1: Cannot extend non-enum type \"Query\".",
          "file1.graphql:7:12: There can be only one directive named \"@d\".",
          "file1.graphql:9:10: There can be only one query type in schema.",
          "file1.graphql:10:1: Must provide only one schema definition.",
          "file1.graphql:9:10: There can be only one query type in schema."));
}

TEST(BuildSchema, ChecksAppliedDirectives) {
  EXPECT_THAT(
      errors_of({"directive @tag(name: String!, size: Int = 1) on FIELD_DEFINITION\n"
                 "type Query @tag(name: \"x\") {\n"
                 "  a: Int @tga(name: \"x\")\n"
                 "  b: Int @tag\n"
                 "  c: Int @tag(name: 1, nam: 2, name: \"x\")\n"
                 "  d: Int @tag(name: \"x\") @tag(name: \"y\")\n"
                 "}"}),
      ElementsAre(
          "file1.graphql:2:12: Directive \"@tag\" may not be used on OBJECT.",
          "file1.graphql:3:10: Unknown directive \"@tga\". Did you mean \"@tag\"?",
          "file1.graphql:4:10: Argument \"@tag(name:)\" of type \"String!\" is required, but it "
          "was "
          "not provided.",
          "file1.graphql:5:24: Unknown argument \"nam\" on directive \"@tag\". Did you mean "
          "\"name\"?",
          "file1.graphql:5:15: There can be only one argument named \"name\".",
          "file1.graphql:6:10: The directive \"@tag\" can only be used once at this location."));
}

TEST(BuildSchema, ChecksTheValuesOfAppliedDirectivesUnlessAskedToBeLikeGraphqlJs) {
  const std::string sdl =
      "directive @tag(name: String, of: [Int]) on FIELD_DEFINITION\n"
      "type Query {\n  a: Int @tag(name: 1)\n  b: Int @tag(of: [1, \"x\"])\n}";
  EXPECT_THAT(
      errors_of({sdl}),
      ElementsAre("file1.graphql:3:21: Argument \"@tag(name:)\" has invalid value: String "
                  "cannot represent a non string value: 1",
                  "file1.graphql:4:23: Argument \"@tag(of:)\" has invalid value at [1]: Int "
                  "cannot represent non-integer value: \"x\""));
  const language::Source source{.body = sdl + "\nquery { a }", .name = "s"};
  BuildOptions options;
  options.as_graphql_js = true;
  EXPECT_TRUE(build_schema({&source, 1}, options).has_value());
}

TEST(BuildSchema, ListsBuiltInTypesAfterTheFirstThatRefersToThem) {
  const auto schema =
      schema_of({"type B { a: A, n(x: Int): String }\ntype A { f: Float }\n"
                 "type Query { b: B }"});
  ASSERT_NE(schema, nullptr);
  std::vector<std::string_view> names;
  for (const NamedType* type : schema->types_by_reference()) names.push_back(type->name);
  ASSERT_EQ(names.size(), schema->types().size());
  names.resize(8);
  EXPECT_THAT(names,
              ElementsAre("B", "String", "Int", "A", "Float", "Query", "Boolean", "__Schema"));
}

TEST(BuildSchema, LetsTheQueryTypeBeMissingWhenAsked) {
  const language::Source source{.body = "type Mutation { a: Int }", .name = "m.graphql"};
  EXPECT_FALSE(build_schema({&source, 1}).has_value());
  BuildOptions options;
  options.require_query = false;
  const auto schema = build_schema({&source, 1}, options);
  ASSERT_TRUE(schema.has_value());
  EXPECT_EQ((*schema)->query_type(), nullptr);
}

TEST(BuildSchema, LetsABuiltInScalarBeWrittenOut) {
  const auto schema = schema_of({"\"My text\" scalar String\ntype Query { a: String }"});
  ASSERT_NE(schema, nullptr);
  EXPECT_EQ(schema->type("String")->as<ScalarType>().scalar, BuiltInScalar::kString);
}

TEST(BuildSchema, LetsDefinitionsOfBuiltInTypesGiveWayLikeGraphqlJs) {
  const language::Source source{
      .body =
          "enum __Type { A }\nextend enum __Type { B }\nunion Int = Query\n"
          "extend union Int = Query\ntype Query { a: Int }",
      .name = "s"};
  BuildOptions options;
  options.as_graphql_js = true;
  const auto schema = build_schema({&source, 1}, options);
  ASSERT_TRUE(schema.has_value());
  EXPECT_TRUE((*schema)->type("Int")->is<ScalarType>());
  EXPECT_TRUE((*schema)->type("__Type")->is<ObjectType>());
}

TEST(SuggestionList, GivesTheNearestFirst) {
  const std::vector<std::string_view> names{"timeouts", "timeout", "queue", "queueTimeout"};
  EXPECT_THAT(suggestion_list("timeuot", names), ElementsAre("timeout", "timeouts"));
  EXPECT_EQ(did_you_mean(std::vector<std::string>{"a", "b", "c"}),
            " Did you mean \"a\", \"b\", or \"c\"?");
  EXPECT_EQ(did_you_mean(std::vector<std::string>{}), "");
}

}  // namespace
}  // namespace errand::graphql::type
