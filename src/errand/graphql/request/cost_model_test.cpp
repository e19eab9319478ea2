#include "errand/graphql/request/cost_model.h"

#include <string>
#include <utility>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "errand/graphql/language/parser.h"
#include "errand/graphql/type/build_schema.h"

namespace errand::graphql::request {
namespace {

constexpr const char* kSdl = R"(
directive @cost(weight: String!) on ARGUMENT_DEFINITION | ENUM | FIELD_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT | SCALAR
directive @listSize(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!], requireOneSlicingArgument: Boolean = true) on FIELD_DEFINITION

type Query {
  me: User
  users(first: Int = 20, after: String): Users
    @listSize(slicingArguments: ["first"], sizedFields: ["nodes", "edges"], requireOneSlicingArgument: false)
  list(first: Int, last: Int): [User!] @listSize(slicingArguments: ["first", "last"])
  five: [User] @listSize(assumedSize: 5)
  plain: [User]
  search: [Found] @listSize(assumedSize: 10)
  dear(by: Int @cost(weight: "7"), in: Filter): Int @cost(weight: "100")
  heavy: Heavy
  named: Named
  byIds(ids: [ID!]!): [User] @listSize(slicingArguments: ["ids"])
}
input Filter { text: String @cost(weight: "3") deep: Filter }
type Users { nodes: [User!]! edges: [Edge!]! total: Int }
type Edge { node: User }
interface Named { name: String }
type User implements Named { id: ID! name: String tags: [String!] friends: Users }
type Group implements Named { name: String @cost(weight: "50") users: [User] }
union Found = User | Group
type Heavy @cost(weight: "30") { a: Int b: Size }
enum Size @cost(weight: "0.5") { S }
)";

class CostModelTest : public ::testing::Test {
 protected:
  CostModel::Measured measure(std::string text, const char* variables = "{}",
                              const Limits& limits = {}) const {
    auto parsed = language::parse({.body = std::move(text)});
    EXPECT_TRUE(parsed.has_value());
    const execution::ExecutableDocument document(std::move(*parsed));
    return CostModel(*schema_, limits)
        .measure(document, *document.operations().front(),
                 boost::json::parse(variables).as_object());
  }
  double cost(std::string text, const char* variables = "{}") const {
    return measure(std::move(text), variables).cost;
  }

  std::shared_ptr<const type::Schema> schema_ = [] {
    const language::Source source{.body = kSdl, .name = "schema.graphql"};
    return *type::build_schema({&source, 1});
  }();
};

TEST_F(CostModelTest, AnObjectWeighsTwoAndALeafOne) {
  EXPECT_EQ(cost("{ me { id name } }"), 4);
  EXPECT_EQ(cost("{ me { tags } }"), 3);  // a list of leaves is one
}

TEST_F(CostModelTest, CostDirectivesOfFieldsOutrankThoseOfTypes) {
  EXPECT_EQ(cost("{ dear }"), 100);
  EXPECT_EQ(cost("{ heavy { a b } }"), 31.5);
  EXPECT_EQ(cost("{ named { name } }"), 52);  // the dearest of its implementations
}

TEST_F(CostModelTest, ArgumentsAndInputFieldsCountWhereTheyAreGiven) {
  EXPECT_EQ(cost("{ dear(by: 1) }"), 107);
  EXPECT_EQ(cost("{ dear(in: {text: \"a\", deep: {text: \"b\"}}) }"), 106);
  const char* text = "query ($in: Filter) { dear(in: $in) }";
  EXPECT_TRUE(measure(text).reads_variables);
  EXPECT_EQ(cost(text, R"({"in":{"text":"a"}})"), 103);
}

TEST_F(CostModelTest, SlicingArgumentsMultiplyTheSizedFieldsAlone) {
  EXPECT_EQ(cost("{ users(first: 100) { total nodes { id } } }"), 2 + 1 + 100 * 3);
  EXPECT_EQ(cost("{ users(first: 100) { edges { node { id name } } } }"), 2 + 100 * (2 + 4));
  EXPECT_EQ(cost("{ users { nodes { id } } }"), 2 + 20 * 3);  // the argument's default
  EXPECT_EQ(cost("{ users(first: 100) { ...F } } fragment F on Users { ...G } "
                 "fragment G on Users { nodes { id } }"),
            2 + 100 * 3);
  EXPECT_EQ(cost("{ list(first: 3) { id } }"), 3 * 3);
  EXPECT_EQ(cost("{ byIds(ids: [1, 2, 3, 4]) { id } }"), 4 * 3);
}

TEST_F(CostModelTest, OtherListsHaveTheirAssumedSizes) {
  EXPECT_EQ(cost("{ five { id } }"), 5 * 3);
  EXPECT_EQ(cost("{ plain { id } }"), 10 * 3);
  EXPECT_EQ(cost("{ me { friends { nodes { id } } } }"), 2 + 2 + 10 * 3);
}

TEST_F(CostModelTest, SelectionsOfDifferentTypesExcludeEachOther) {
  EXPECT_EQ(cost("{ search { __typename ... on User { id name } ... on Group { name } } }"),
            10 * (2 + 50));
  EXPECT_EQ(cost("{ me { ... on User { id } ... on User { name } } }"), 4);
}

TEST_F(CostModelTest, VariablesCountWhereTheySayHowMany) {
  const char* text = "query ($n: Int) { users(first: $n) { nodes { id } } }";
  EXPECT_TRUE(measure(text).reads_variables);
  EXPECT_EQ(cost(text, R"({"n":50})"), 2 + 50 * 3);
  EXPECT_FALSE(
      measure("query ($a: String) { users(first: 5, after: $a) { total } }").reads_variables);
}

TEST_F(CostModelTest, IntrospectionIsFree) {
  EXPECT_EQ(cost("{ __typename __schema { types { name } } me { __typename } }"), 2);
}

TEST_F(CostModelTest, AListBeyondTheLimitIsNamedWithItsPlace) {
  const auto measured = measure("{\n  users(first: 101) { total } }");
  ASSERT_TRUE(measured.list_size.has_value());
  EXPECT_EQ(measured.list_size->code, ErrorCode::kMaxListSizeLimit);
  EXPECT_EQ(language::to_string(*measured.list_size),
            "GraphQL request:2:3: \"first\" of the field \"users\" asks for 101 items; this server "
            "gives at most "
            "100 at a time. Ask for fewer, and go on from the last one.");
  EXPECT_FALSE(measure("{ users(first: 100) { total } }").list_size);
  EXPECT_FALSE(measure("{ users(first: 101) { total } }", "{}", {.list_size_max = 0}).list_size);
}

TEST_F(CostModelTest, OneSlicingArgumentIsRequiredWhereItIsSaid) {
  const auto message = [&](const char* text) {
    const auto measured = measure(text);
    return measured.list_size ? measured.list_size->message : "";
  };
  EXPECT_EQ(message("{ list { id } }"),
            "The field \"list\" needs one of the arguments first, last.");
  EXPECT_EQ(message("{ list(first: 1, last: 1) { id } }"),
            "The field \"list\" needs only one of the arguments first, last.");
  EXPECT_EQ(message("{ list(last: 1) { id } }"), "");
}

TEST_F(CostModelTest, MultiplyingFragmentsAndListsStayLinearAndFinite) {
  std::string text = "{ plain { ...F0 } }";
  for (int i = 0; i < 150; ++i) {
    const std::string next = "...F" + std::to_string(i + 1);
    text += " fragment F" + std::to_string(i) + " on User { friends { nodes { " + next + " " +
            next + " } } }";
  }
  text += " fragment F150 on User { id }";
  const double result = cost(text);
  EXPECT_GE(result, 1e15);
  EXPECT_LT(result, 1e16);
}

}  // namespace
}  // namespace errand::graphql::request
