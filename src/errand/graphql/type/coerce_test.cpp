#include "errand/graphql/type/coerce.h"

#include <limits>
#include <string>
#include <vector>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "errand/graphql/language/parser.h"
#include "errand/graphql/language/printer.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/json/writer.h"

namespace errand::graphql::type {
namespace {

using ::testing::ElementsAre;

constexpr std::string_view kSdl = R"(
type Query {
  f(i: Int, req: String!, in: In, list: [[Int]] = [[1]], one: One, e: E = RED, json: JSON): Int
}
type More { id: ID, b: Boolean }
input Plain { id: ID, b: Boolean }
input In { name: String!, size: Int = 3, tags: [String!], next: In, e: E, none: Float = null }
input One @oneOf { a: Int, b: String }
enum E { RED GREEN }
scalar JSON
scalar DateTime
)";

std::shared_ptr<const Schema> schema() {
  static const auto built = [] {
    const language::Source source{.body = std::string(kSdl), .name = "s"};
    return *build_schema({&source, 1});
  }();
  return built;
}

TypeRef type_of(const std::string& text) {
  const auto parsed = language::parse_type({.body = text, .name = "t"});
  return *schema()->type_from_ast(**parsed);
}

/// Coerced JSON text, or the faults.
std::string from_json(const std::string& text, const std::string& type,
                      const CoercionOptions& options = {}) {
  const auto result = coerce_json(boost::json::parse(text), type_of(type), options);
  if (result) return json::to_text(*result);
  std::string faults;
  for (const InputFault& fault : result.error()) {
    for (const auto& segment : fault.path) {
      faults += std::holds_alternative<std::string>(segment)
                    ? "." + std::get<std::string>(segment)
                    : "[" + std::to_string(std::get<std::size_t>(segment)) + "]";
    }
    faults += " " + fault.message + "|";
  }
  return faults;
}

std::string from_literal(const std::string& text, const std::string& type,
                         const std::string& variables = "{}") {
  const auto parsed = language::parse_value({.body = text, .name = "v"});
  const auto values = boost::json::parse(variables).as_object();
  const auto result = coerce_literal(**parsed, type_of(type), &values);
  return result ? json::to_text(*result) : "invalid";
}

/// Variables of `query` coerced from `sent`, or the errors with their places.
std::string variables_of(const std::string& query, const std::string& sent,
                         const CoercionOptions& options = {}) {
  const auto document = language::parse({.body = query, .name = "q"});
  const auto& operation = document->definitions()[0]->as<language::OperationDefinition>();
  const auto given = boost::json::parse(sent).as_object();
  const auto result =
      coerce_variable_values(*schema(), document->source(), operation, given, options);
  if (are_coerced(*schema(), operation, given)) {
    EXPECT_TRUE(result.has_value());
    EXPECT_EQ(json::to_text(*result), json::to_text(given));
  }
  if (result) return json::to_text(*result);
  std::string errors;
  for (const auto& error : result.error()) {
    EXPECT_EQ(error.code, ErrorCode::kBadUserInput);
    errors += to_string(error) + "|";
  }
  return errors;
}

std::string arguments_of(const std::string& query, const std::string& variables = "{}",
                         SchemaDefaults defaults = SchemaDefaults::kFill) {
  const auto document = language::parse({.body = query, .name = "q"});
  const auto& operation = document->definitions()[0]->as<language::OperationDefinition>();
  const auto& field = operation.selection_set->selections[0]->as<language::Field>();
  const auto given = boost::json::parse(variables).as_object();
  const FieldDefinition& definition = *schema()->query_type()->field("f");
  const auto result =
      coerce_argument_values(document->source(), definition, field, given, defaults);
  if (are_arguments(definition, field, given)) {
    EXPECT_TRUE(result.has_value());
    EXPECT_EQ(json::to_text(*result), json::to_text(given));
  }
  return result ? json::to_text(*result) : to_string(result.error());
}

TEST(AreCoerced, TellsWhatNeedsNoCopy) {
  const auto are = [](const std::string& variables, const std::string& sent) {
    const auto document = language::parse({.body = "query (" + variables + ") { f }", .name = "q"});
    variables_of(std::string(document->source().body), sent);  // compares, where it is so
    return are_coerced(*schema(), document->definitions()[0]->as<language::OperationDefinition>(),
                       boost::json::parse(sent).as_object());
  };
  EXPECT_TRUE(are("$a: Int, $b: ID!", R"({"a": 1, "b": "x"})"));
  EXPECT_TRUE(are("$a: Int, $b: ID!", R"({"b": "x"})"));
  EXPECT_TRUE(are("$a: Int", R"({"a": null})"));
  EXPECT_TRUE(are("$a: Plain", R"({"a": {"b": true}})"));
  EXPECT_TRUE(are("$a: [Plain]", R"({"a": [{"id": "1", "b": null}, null]})"));
  EXPECT_TRUE(are("$a: E", R"({"a": "GREEN"})"));

  EXPECT_FALSE(are("$a: Int!", R"({})"));
  EXPECT_FALSE(are("$a: Int!", R"({"a": null})"));
  EXPECT_FALSE(are("$a: Int = 3", R"({})"));
  EXPECT_FALSE(are("$a: Int", R"({"a": 2147483648})"));
  EXPECT_FALSE(are("$a: Int", R"({"a": 1.0})"));
  EXPECT_FALSE(are("$a: ID", R"({"a": 1})"));
  EXPECT_FALSE(are("$a: E", R"({"a": "PINK"})"));
  EXPECT_FALSE(are("$a: [Int]", R"({"a": 1})"));
  EXPECT_FALSE(are("$a: Int, $b: Int", R"({"b": 1, "a": 1})"));
  EXPECT_FALSE(are("$a: Int", R"({"a": 1, "unknown": 1})"));
  EXPECT_FALSE(are("$a: Plain", R"({"a": {"b": true, "id": "1"}})"));
  EXPECT_FALSE(are("$a: Plain", R"({"a": {"unknown": 1}})"));
  EXPECT_FALSE(are("$a: In", R"({"a": {"name": "x"}})"));  // has defaults
  EXPECT_FALSE(are("$a: In", R"({"a": {}})"));
  EXPECT_FALSE(are("$a: One", R"({"a": {"a": 1}})"));  // oneOf takes more than a look
}

TEST(AreArguments, TellsWhereVariablesStandForThem) {
  const auto are = [](const std::string& arguments, const std::string& sent) {
    const std::string query = "{ f(" + arguments + ") }";
    arguments_of(query, sent);  // compares, where it is so
    const auto document = language::parse({.body = query, .name = "q"});
    const auto& operation = document->definitions()[0]->as<language::OperationDefinition>();
    const auto& field = operation.selection_set->selections[0]->as<language::Field>();
    return are_arguments(*schema()->query_type()->field("f"), field,
                         boost::json::parse(sent).as_object());
  };
  const std::string defaults = "list: $list, e: $e";
  EXPECT_TRUE(are("req: $req, " + defaults, R"({"req": "x", "list": null, "e": "RED"})"));
  EXPECT_TRUE(are(defaults + ", req: $req", R"({"req": "x", "list": null, "e": "RED"})"));
  EXPECT_TRUE(are("i: $i, req: $req, " + defaults, R"({"req": "x", "list": [], "e": "RED"})"));

  EXPECT_FALSE(are("req: $req", R"({"req": "x"})"));  // others have defaults
  EXPECT_FALSE(are("req: $req, list: $list, e: $e", R"({"req": "x", "list": null})"));
  EXPECT_FALSE(are("req: $req, " + defaults, R"({"req": null, "list": null, "e": "RED"})"));
  EXPECT_FALSE(are("req: $other, " + defaults, R"({"req": "x", "list": null, "e": "RED"})"));
  EXPECT_FALSE(are("req: \"x\", " + defaults, R"({"req": "x", "list": null, "e": "RED"})"));
  EXPECT_FALSE(are("req: $req, " + defaults, R"({"req": "x", "list": [], "e": "RED", "i": 1})"));
  EXPECT_FALSE(are("req: $req, " + defaults, R"({"list": null, "req": "x", "e": "RED"})"));
}

TEST(CoerceJson, TakesIntegralNumbersOf32BitsAsInt) {
  EXPECT_EQ(from_json("5", "Int"), "5");
  EXPECT_EQ(from_json("5.0", "Int"), "5");
  EXPECT_EQ(from_json("-2147483648", "Int"), "-2147483648");
  EXPECT_EQ(from_json("2147483648", "Int"),
            " Int cannot represent non 32-bit signed integer value: 2147483648|");
  EXPECT_EQ(from_json("1.5", "Int"), " Int cannot represent non-integer value: 1.5|");
  EXPECT_EQ(from_json("\"1\"", "Int"), " Int cannot represent non-integer value: \"1\"|");
}

TEST(CoerceJson, TakesBuiltInScalarsAsTheSpecificationSays) {
  EXPECT_EQ(from_json("1", "Float"), "1");
  EXPECT_EQ(from_json("true", "Float"), " Float cannot represent non numeric value: true|");
  EXPECT_EQ(from_json("4", "ID"), "\"4\"");
  EXPECT_EQ(from_json("\"4\"", "ID"), "\"4\"");
  EXPECT_EQ(from_json("4.5", "ID"), " ID cannot represent value: 4.5|");
  EXPECT_EQ(from_json("4", "String"), " String cannot represent a non string value: 4|");
  EXPECT_EQ(from_json("1", "Boolean"), " Boolean cannot represent a non boolean value: 1|");
  EXPECT_EQ(from_json("null", "Boolean"), "null");
}

TEST(CoerceJson, MakesAListOfASingleItem) {
  EXPECT_EQ(from_json("1", "[[Int]]"), "[[1]]");
  EXPECT_EQ(from_json("[1, null]", "[Int]"), "[1,null]");
  EXPECT_EQ(from_json("[1, [2]]", "[[Int]]"), "[[1],[2]]");
  EXPECT_EQ(from_json("[1, null]", "[Int!]"),
            "[1] Expected value of non-null type \"Int!\" not to be null.|");
  EXPECT_EQ(from_json("null", "[Int!]"), "null");
}

TEST(CoerceJson, FillsDefaultsOnlyWhereAFieldIsAbsent) {
  EXPECT_EQ(from_json(R"({"name": "a"})", "In"), R"({"name":"a","size":3,"none":null})");
  EXPECT_EQ(from_json(R"({"size": null, "name": "a"})", "In"),
            R"({"name":"a","size":null,"none":null})");
  EXPECT_EQ(from_json(R"({"name": "a"})", "In", {.defaults = SchemaDefaults::kOmit}),
            R"({"name":"a"})");
}

TEST(CoerceJson, ReportsEveryFaultWithItsPath) {
  EXPECT_EQ(from_json(R"({"siz": 1, "next": {"name": 1, "e": "BLUE"}})", "In"),
            " Expected value of type \"In\" to include required field \"name\", found: { siz: 1, "
            "next: { name: 1, e: \"BLUE\" } }.|"
            ".next.name String cannot represent a non string value: 1|"
            ".next.e Value \"BLUE\" does not exist in \"E\" enum.|"
            " Expected value of type \"In\" not to include unknown field \"siz\". Did you mean "
            "\"size\"? Found: { siz: 1, next: { name: 1, e: \"BLUE\" } }.|");
  EXPECT_EQ(from_json("[]", "In"), " Expected value of type \"In\" to be an object, found: [].|");
}

TEST(CoerceJson, WantsExactlyOneFieldOfAOneOf) {
  constexpr const char* kMessage =
      " Within OneOf Input Object type \"One\", exactly one field must be specified, and the value "
      "for that field must be non-null.|";
  EXPECT_EQ(from_json(R"({"a": 1})", "One"), R"({"a":1})");
  EXPECT_EQ(from_json(R"({"a": 1, "b": "x"})", "One"), kMessage);
  EXPECT_EQ(from_json("{}", "One"), kMessage);
  EXPECT_EQ(from_json(R"({"a": null})", "One"), std::string(".a") + kMessage);
}

TEST(CoerceLiteral, FollowsTheRulesOfInputCoercion) {
  EXPECT_EQ(from_literal("1", "Float"), "1");
  EXPECT_EQ(from_literal("9007199254740993", "ID"), "\"9007199254740993\"");
  EXPECT_EQ(from_literal("1.0", "Int"), "invalid");
  EXPECT_EQ(from_literal("\"RED\"", "E"), "invalid");
  EXPECT_EQ(from_literal("RED", "E"), "\"RED\"");
  EXPECT_EQ(from_literal("1", "[[Int]]"), "[[1]]");
  EXPECT_EQ(from_literal("{name: \"a\", next: {name: \"b\", size: null}}", "In"),
            R"({"name":"a","size":3,"next":{"name":"b","size":null,"none":null},"none":null})");
  EXPECT_EQ(from_literal("{nam: 1}", "In"), "invalid");
}

TEST(CoerceLiteral, TreatsUndefinedVariablesAsAbsentInObjectsAndNullInLists) {
  EXPECT_EQ(from_literal("{name: \"a\", size: $x}", "In"), R"({"name":"a","size":3,"none":null})");
  EXPECT_EQ(from_literal("{name: $x}", "In"), "invalid");
  EXPECT_EQ(from_literal("[1, $x]", "[Int]"), "[1,null]");
  EXPECT_EQ(from_literal("[1, $x]", "[Int!]"), "invalid");
  EXPECT_EQ(from_literal("{a: $x}", "One"), "invalid");
  EXPECT_EQ(from_literal("{a: [1, $x, $y], b: $y}", "JSON", R"({"x": {"k": 2}})"),
            R"({"a":[1,{"k":2},null]})");
}

TEST(CoerceVariableValues, WordsErrorsAsGraphqlJs) {
  EXPECT_EQ(variables_of("query ($in: In!, $n: Int = 4, $m: Int) { f }", R"({"in":{"name":"a"}})"),
            R"({"in":{"name":"a","size":3,"none":null},"n":4})");
  EXPECT_EQ(variables_of("query ($in: In!) { f }", "{}"),
            "q:1:8: Variable \"$in\" has invalid value: Expected a value of non-null type \"In!\" "
            "to be provided.|");
  EXPECT_EQ(variables_of("query ($in: In!) { f }", R"({"in":{"name":"a","tags":["b",1]}})"),
            "q:1:8: Variable \"$in\" has invalid value at .tags[1]: String cannot represent a non "
            "string value: 1|");
  EXPECT_EQ(variables_of("query ($q: Query) { f }", "{}"),
            "q:1:12: Variable \"$q\" expected value of type \"Query\" which cannot be used as an "
            "input type.|");
  EXPECT_EQ(variables_of("query ($m: Int) { f }", R"({"m":null})"), R"({"m":null})");
}

TEST(CoerceVariableValues, StopsAtTheErrorLimit) {
  const auto text =
      variables_of("query ($l: [Int]) { f }", R"({"l":["a","b","c","d"]})", {.errors_max = 2});
  EXPECT_THAT(text, ::testing::EndsWith("\"b\"|Too many errors processing variables, error limit "
                                        "reached. Execution aborted.|"));
}

TEST(CoerceArgumentValues, DistinguishesNullFromAbsent) {
  EXPECT_EQ(arguments_of("{ f(req: \"r\", i: null) }"),
            R"({"i":null,"req":"r","list":[[1]],"e":"RED"})");
  EXPECT_EQ(
      arguments_of("query($e: E, $l: [[Int]]) { f(req: \"r\", e: $e, list: $l) }", R"({"l":null})"),
      R"({"req":"r","list":null,"e":"RED"})");
  EXPECT_EQ(arguments_of("{ f(req: \"r\", in: {name: \"a\"}) }", "{}", SchemaDefaults::kOmit),
            R"({"req":"r","in":{"name":"a"}})");
}

TEST(CoerceArgumentValues, SaysWhichArgumentIsWrong) {
  EXPECT_EQ(arguments_of("{ f }"),
            "q:1:3: Argument \"Query.f(req:)\" of required type \"String!\" was not provided.");
  EXPECT_EQ(
      arguments_of("query($r: String) { f(req: $r) }"),
      "q:1:28: Argument \"Query.f(req:)\" has invalid value: Expected variable \"$r\" provided "
      "to type \"String!\" to provide a runtime value.");
  EXPECT_EQ(arguments_of("{ f(req: \"r\", in: {name: \"a\", tags: [1]}) }"),
            "q:1:38: Argument \"Query.f(in:)\" has invalid value at .tags[0]: String cannot "
            "represent a non string value: 1");
}

TEST(CheckLiteral, ReportsAtTheNode) {
  const auto parsed = language::parse_value({.body = "{name: 1, e: $v, siez: 2}", .name = "v"});
  std::vector<std::string> faults;
  check_literal(**parsed, type_of("In"), [&](const language::Node& node, std::string message) {
    faults.push_back(std::to_string(node.start) + " " + message);
  });
  EXPECT_THAT(faults,
              ElementsAre("7 String cannot represent a non string value: 1",
                          "17 Expected value of type \"In\" not to include unknown field \"siez\". "
                          "Did you mean \"size\"? Found: { name: 1, e: $v, siez: 2 }."));
}

TEST(CheckLiteral, ShowsLiteralsOfLeavesWithoutTheirVariables) {
  const auto parsed = language::parse_value({.body = "{b: RED, a: $x, l: [1, $x]}", .name = "v"});
  std::vector<std::string> faults;
  check_literal(**parsed, type_of("String"), [&](const language::Node&, std::string message) {
    faults.push_back(std::move(message));
  });
  EXPECT_THAT(faults, ElementsAre("String cannot represent a non string value: "
                                  "{ b: RED, l: [1, null] }"));
}

RC_GTEST_PROP(CoerceJson, IsIdempotent, ()) {
  // What came out goes in again and stays the same.
  const auto name = *rc::gen::string<std::string>();
  const auto size = *rc::gen::inRange<std::int64_t>(std::numeric_limits<std::int32_t>::min(),
                                                    std::numeric_limits<std::int32_t>::max());
  boost::json::value value = {{"name", name}, {"size", size}, {"tags", name}};
  const auto once = coerce_json(value, type_of("In"));
  RC_ASSERT(once.has_value());
  const auto twice = coerce_json(*once, type_of("In"));
  RC_ASSERT(twice.has_value());
  RC_ASSERT(twice.value() == once.value());
}

RC_GTEST_PROP(CoerceLiteral, AgreesWithJsonForIntegers, ()) {
  const auto number = *rc::gen::arbitrary<std::int64_t>();
  const std::string text = std::to_string(number);
  const auto literal = from_literal(text, "Int");
  const auto value = coerce_json(boost::json::value(number), type_of("Int"));
  RC_ASSERT((literal == "invalid") == !value.has_value());
  if (value) RC_ASSERT(json::to_text(*value) == literal);
}

}  // namespace
}  // namespace errand::graphql::type
