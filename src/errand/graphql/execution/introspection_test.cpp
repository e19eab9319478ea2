#include <string>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "errand/graphql/execution/execution_test_harness.h"

namespace errand::graphql::execution {
namespace {

using testing::Fixture;

constexpr const char* kSdl = R"(
"The schema."
schema { query: Root mutation: Change }

"Asks."
type Root {
  "One of them."
  node(id: ID!, kinds: [Kind!] = [A, B], old: Int @deprecated): Node
  gone: Int @deprecated(reason: "use node")
}
type Change { set(in: In!): [Thing!]! }
interface Node { id: ID! }
type Thing implements Node { id: ID! when: DateTime }
type Other implements Node { id: ID! }
union Any = Thing | Other
enum Kind { A B @deprecated OLD }
input In @oneOf { a: Int b: [String] }
scalar DateTime @specifiedBy(url: "https://tools.ietf.org/html/rfc3339")
directive @tag(name: String! = "x\"y") repeatable on FIELD_DEFINITION | OBJECT
)";

boost::json::value data(const Fixture& f, std::string_view query) {
  const boost::json::value response = boost::json::parse(f.execute(query));
  EXPECT_FALSE(response.as_object().contains("errors")) << json::to_text(response);
  return response.at("data");
}

void expect_json(const boost::json::value& actual, std::string_view expected) {
  EXPECT_EQ(actual, boost::json::parse({expected.data(), expected.size()}))
      << json::to_text(actual);
}

// https://spec.graphql.org/September2025/#sec-The-__Type-Type
TEST(Introspection, TellsAnObjectTypeWithItsFields) {
  const Fixture f(kSdl);
  expect_json(
      data(
          f,
          R"({ __type(name: "Root") { kind name description specifiedByURL isOneOf interfaces { name }
      possibleTypes { name } enumValues { name } inputFields { name } ofType { name }
      fields { name description isDeprecated deprecationReason
        args { name defaultValue type { kind name ofType { kind name ofType { name } } } }
        type { kind name } } } })"),
      R"({"__type":{"kind":"OBJECT","name":"Root","description":"Asks.","specifiedByURL":null,
      "isOneOf":null,"interfaces":[],"possibleTypes":null,"enumValues":null,"inputFields":null,"ofType":null,
      "fields":[{"name":"node","description":"One of them.","isDeprecated":false,"deprecationReason":null,
        "args":[{"name":"id","defaultValue":null,"type":{"kind":"NON_NULL","name":null,
                 "ofType":{"kind":"SCALAR","name":"ID","ofType":null}}},
                {"name":"kinds","defaultValue":"[A, B]","type":{"kind":"LIST","name":null,
                 "ofType":{"kind":"NON_NULL","name":null,"ofType":{"name":"Kind"}}}}],
        "type":{"kind":"INTERFACE","name":"Node"}}]}})");
}

TEST(Introspection, ShowsDeprecatedPartsOnlyWhenAsked) {
  const Fixture f(kSdl);
  expect_json(
      data(
          f,
          R"({ root: __type(name: "Root") { fields(includeDeprecated: true) { name isDeprecated deprecationReason
        args(includeDeprecated: true) { name isDeprecated } } }
      kind: __type(name: "Kind") { enumValues { name } all: enumValues(includeDeprecated: true) { name deprecationReason } } })"),
      R"({"root":{"fields":[
        {"name":"node","isDeprecated":false,"deprecationReason":null,
         "args":[{"name":"id","isDeprecated":false},{"name":"kinds","isDeprecated":false},{"name":"old","isDeprecated":true}]},
        {"name":"gone","isDeprecated":true,"deprecationReason":"use node","args":[]}]},
      "kind":{"enumValues":[{"name":"A"},{"name":"OLD"}],
        "all":[{"name":"A","deprecationReason":null},{"name":"B","deprecationReason":"No longer supported"},
               {"name":"OLD","deprecationReason":null}]}})");
}

TEST(Introspection, TellsAbstractInputAndScalarTypes) {
  const Fixture f(kSdl);
  expect_json(
      data(
          f,
          R"({ node: __type(name: "Node") { kind fields { name } possibleTypes { name } interfaces { name } }
      any: __type(name: "Any") { kind fields { name } possibleTypes { name } }
      input: __type(name: "In") { kind isOneOf inputFields { name type { kind ofType { name } } } }
      time: __type(name: "DateTime") { kind specifiedByURL }
      none: __type(name: "Nothing") { kind } })"),
      R"({"node":{"kind":"INTERFACE","fields":[{"name":"id"}],"possibleTypes":[{"name":"Thing"},{"name":"Other"}],"interfaces":[]},
      "any":{"kind":"UNION","fields":null,"possibleTypes":[{"name":"Thing"},{"name":"Other"}]},
      "input":{"kind":"INPUT_OBJECT","isOneOf":true,"inputFields":[
        {"name":"a","type":{"kind":"SCALAR","ofType":null}},{"name":"b","type":{"kind":"LIST","ofType":{"name":"String"}}}]},
      "time":{"kind":"SCALAR","specifiedByURL":"https://tools.ietf.org/html/rfc3339"},
      "none":null})");
}

TEST(Introspection, TellsTheSchemaWithItsDirectives) {
  const Fixture f(kSdl);
  const boost::json::value schema =
      data(f, R"({ __schema { __typename description queryType { name } mutationType { name }
      subscriptionType { name } types { name }
      directives { name isRepeatable locations args { name defaultValue } } } })")
          .at("__schema");
  EXPECT_EQ(schema.at("__typename"), "__Schema");
  EXPECT_EQ(schema.at("description"), "The schema.");
  expect_json(schema.at("queryType"), R"({"name":"Root"})");
  expect_json(schema.at("mutationType"), R"({"name":"Change"})");
  EXPECT_TRUE(schema.at("subscriptionType").is_null());
  std::vector<std::string> names;
  for (const boost::json::value& type : schema.at("types").as_array()) {
    names.emplace_back(type.at("name").as_string());
  }
  // A built-in scalar comes after the first type that refers to it.
  const std::vector<std::string> first = {"Root",  "ID",    "Int", "Change", "Node",
                                          "Thing", "Other", "Any", "Kind"};
  ASSERT_GT(names.size(), first.size());
  EXPECT_EQ(std::vector<std::string>(names.begin(), names.begin() + 9), first);
  for (const char* needed :
       {"Int", "ID", "String", "Boolean", "__Schema", "__Type", "__Field", "__InputValue",
        "__EnumValue", "__Directive", "__TypeKind", "__DirectiveLocation"}) {
    EXPECT_NE(std::find(names.begin(), names.end(), needed), names.end()) << needed;
  }
  expect_json(schema.at("directives").as_array().front(),
              R"({"name":"tag","isRepeatable":true,"locations":["FIELD_DEFINITION","OBJECT"],
                  "args":[{"name":"name","defaultValue":"\"x\\\"y\""}]})");
}

}  // namespace
}  // namespace errand::graphql::execution
