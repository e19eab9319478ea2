#include "errand/graphql/comparison/case_runner.h"

#include <string>

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "errand/json/parse.h"

namespace errand::graphql::comparison {
namespace {

constexpr const char* kSdl = R"(
scalar DateTime
enum Size { SMALL LARGE }
interface Pet { name(upper: Boolean = false, note: String): String! }
type Dog implements Pet { name(upper: Boolean = false, note: String): String! }
type Query {
  pet: Pet
  pets: [Pet!]
  names: [String]
  size(of: Size = LARGE): Size
  at(d: DateTime): DateTime
  all(a: Int = 1, b: [Int!], c: Size): DateTime
}
type Subscription { tick(by: Int = 2): Int }
)";

boost::json::value answer(boost::json::object question) {
  CaseRunner runner;
  const std::string text = runner.answer_line(boost::json::serialize(question));
  auto parsed = json::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed ? *parsed : boost::json::value();
}

boost::json::value execute(const char* query, const char* data, const char* op = "execute") {
  boost::json::value result = answer(
      {{"id", 1}, {"op", op}, {"schema", kSdl}, {"query", query}, {"data", *json::parse(data)}});
  result.as_object().erase("id");
  return result;
}

boost::json::value expected(const char* text) { return *json::parse(text); }

TEST(CaseRunner, ParsesAndPrints) {
  EXPECT_EQ(answer({{"id", "p"}, {"op", "parse"}, {"query", "{a,b}"}}),
            expected(R"({"id": "p", "ok": true, "errors": [], "printed": "{\n  a\n  b\n}"})"));
  EXPECT_EQ(answer({{"id", 2}, {"op", "parse"}, {"query", "{a"}}),
            expected(R"({"id": 2, "ok": false, "errors": [{
              "message": "Syntax Error: Expected Name, found <EOF>.",
              "locations": [{"line": 1, "column": 3}]}]})"));
}

TEST(CaseRunner, ValidatesAgainstTheSchema) {
  EXPECT_EQ(execute("{ pets { name } }", "null", "validate"),
            expected(R"({"ok": true, "errors": []})"));
  EXPECT_EQ(execute("{ pets { nome } }", "null", "validate"), expected(R"({"ok": false, "errors": [{
              "message": "Cannot query field \"nome\" on type \"Pet\". Did you mean \"name\"?",
              "locations": [{"line": 1, "column": 10}]}]})"));
}

TEST(CaseRunner, ChecksSchemasFromSeveralTexts) {
  EXPECT_EQ(
      answer(
          {{"id", 1}, {"op", "schema"}, {"schema", {"type Query { a: A }", "type A { b: Int }"}}}),
      expected(R"({"id": 1, "ok": true, "errors": []})"));
  // A line and a column alone would not say of which text.
  EXPECT_EQ(
      answer({{"id", 1}, {"op", "schema"}, {"schema", {"type Query { a: Int }", "scalar\n1"}}}),
      expected(R"({"id": 1, "ok": false, "errors": [{
              "message": "Syntax Error: Expected Name, found Int \"1\".",
              "locations": [{"line": 2, "column": 1}],
              "extensions": {"source": "schema 2"}}]})"));
}

TEST(CaseRunner, IntrospectsWithTheWholeQueryWhenThereIsNone) {
  const boost::json::value result =
      answer({{"id", 1}, {"op", "introspect"}, {"schema", "type Query { a: Int }"}});
  EXPECT_EQ(result.at("data").at("__schema").at("queryType").at("name"), "Query");
  EXPECT_EQ(answer({{"id", 1},
                    {"op", "introspect"},
                    {"schema", "type Query { a: Int }"},
                    {"query", "{ __type(name: \"Query\") { fields { name } } }"}}),
            expected(R"({"id": 1, "data": {"__type": {"fields": [{"name": "a"}]}}})"));
}

TEST(CaseRunner, TakesFieldsFromTheData) {
  EXPECT_EQ(execute("{ pet { __typename name } names size }",
                    R"({"pet": {"__typename": "Dog", "name": "Rex"}, "names": ["a", null]})"),
            expected(R"({"data": {"pet": {"__typename": "Dog", "name": "Rex"},
                                  "names": ["a", null], "size": null}})"));
}

TEST(CaseRunner, PutsCoercedArgumentsIntoTheData) {
  EXPECT_EQ(execute("{ all(b: 2, c: SMALL) size pet { name(note: \"n\") } }",
                    R"({"all": {"$args": true}, "size": {"$arg": "of"},
                        "pet": {"__typename": "Dog", "name": {"$arg": "note"}}})"),
            expected(R"({"data": {"all": {"a": 1, "b": [2], "c": "SMALL"}, "size": "LARGE",
                                  "pet": {"name": "n"}}})"));
  EXPECT_EQ(execute("{ at }", R"({"at": {"$arg": "d"}})"), expected(R"({"data": {"at": null}})"));
}

TEST(CaseRunner, RaisesErrorsInFieldsAndLists) {
  EXPECT_EQ(execute("{ names size }", R"({"names": ["a", {"$error": "m"}, {"$arg": "x"}],
                        "size": {"$error": "n", "extensions": {"code": "C", "k": [1]}}})"),
            expected(R"({"data": {"names": ["a", null, null], "size": null}, "errors": [
              {"message": "m", "locations": [{"line": 1, "column": 3}], "path": ["names", 1]},
              {"message": "n", "locations": [{"line": 1, "column": 9}], "path": ["size"],
               "extensions": {"code": "C", "k": [1]}}]})"));
  EXPECT_EQ(execute("{ pets { name } }", R"({"pets": [{"$error": "m"}]})"),
            expected(R"({"data": {"pets": null}, "errors": [
              {"message": "m", "locations": [{"line": 1, "column": 3}], "path": ["pets", 0]}]})"));
}

TEST(CaseRunner, GivesTheEnginesErrorsNoCode) {
  EXPECT_EQ(execute("{ size }", R"({"size": "HUGE"})"), expected(R"({"data": {"size": null},
              "errors": [{"message": "Enum \"Size\" cannot represent value: \"HUGE\"",
                          "locations": [{"line": 1, "column": 3}], "path": ["size"]}]})"));
  EXPECT_EQ(execute("query ($s: Size) { missing }", "null"), expected(R"({"errors": [
              {"message": "Variable \"$s\" is never used.",
               "locations": [{"line": 1, "column": 8}]},
              {"message": "Cannot query field \"missing\" on type \"Query\".",
               "locations": [{"line": 1, "column": 20}]}]})"));
}

TEST(CaseRunner, PassesCustomScalarsUnchanged) {
  EXPECT_EQ(execute("{ at }", R"({"at": {"no": ["date", 1.5]}})"),
            expected(R"({"data": {"at": {"no": ["date", 1.5]}}})"));
}

TEST(CaseRunner, StreamsTheListOfASubscription) {
  EXPECT_EQ(execute("subscription { tick }",
                    R"({"tick": [{"tick": 1}, {"tick": "x"}, 3, {"tick": {"$arg": "by"}}]})",
                    "subscribe"),
            expected(R"({"results": [{"data": {"tick": 1}},
              {"data": {"tick": null}, "errors": [
                {"message": "Int cannot represent non-integer value: \"x\"",
                 "locations": [{"line": 1, "column": 16}], "path": ["tick"]}]},
              {"data": {"tick": 3}}, {"data": {"tick": 2}}]})"));
  EXPECT_EQ(execute("subscription { tick }", "{}", "subscribe"), expected(R"({"errors": [
              {"message": "Subscription field must return Async Iterable. Received: undefined.",
               "locations": [{"line": 1, "column": 16}], "path": ["tick"]}]})"));
  EXPECT_EQ(execute("{ names }", "{}", "subscribe"),
            expected(R"({"errors": [{"message": "Expected subscription operation."}]})"));
}

TEST(CaseRunner, TakesHalvesOfSurrogatePairsAsTheyAre) {
  CaseRunner runner;
  EXPECT_EQ(*json::parse(runner.answer_line(R"({"id": 1, "op": "parse", "query": "{ \ud83d"})")),
            expected(R"({"id": 1, "ok": false, "errors": [{
              "message": "Syntax Error: Invalid character: U+D83D.",
              "locations": [{"line": 1, "column": 3}]}]})"));
  EXPECT_EQ(runner.answer_line(R"({"id": "\udc00\ud83d\ude00", "op": "parse", "query": "{a}"})"),
            "{\"id\":\"\\udc00\xF0\x9F\x98\x80\",\"ok\":true,\"errors\":[],\"printed\":"
            "\"{\\n  a\\n}\"}");
}

TEST(CaseRunner, SaysWhyALineIsNoCase) {
  CaseRunner runner;
  EXPECT_EQ(*json::parse(runner.answer_line("{nonsense")),
            expected(R"({"id": null, "unsupported": true,
              "reason": "not valid JSON at line 1, column 2: syntax error"})"));
  EXPECT_EQ(*json::parse(runner.answer_line(R"({"id": 3, "op": "dance"})")),
            expected(R"({"id": 3, "unsupported": true, "reason":
              "\"op\" is none of parse, validate, schema, introspect, execute and subscribe"})"));
  EXPECT_EQ(*json::parse(runner.answer_line(R"({"id": 4, "op": "validate", "query": "{a}"})")),
            expected(R"({"id": 4, "unsupported": true, "reason": "there is no schema"})"));
  EXPECT_EQ(
      *json::parse(runner.answer_line(R"({"id": 5, "op": "parse", "query": 5, "schema": null})")),
      expected(R"({"id": 5, "unsupported": true, "reason": "\"query\" is no string"})"));
  EXPECT_EQ(*json::parse(runner.answer_line("[]")),
            expected(R"({"id": null, "unsupported": true, "reason": "a case is a JSON object"})"));
}

}  // namespace
}  // namespace errand::graphql::comparison
