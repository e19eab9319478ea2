#include <string>
#include <variant>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/contract/contract_test_support.h"
#include "errand/graphql/type/print_schema.h"

namespace errand::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

/// SDL with the mutation `run`, which another server runs.
std::string schema_of(const std::string& types, const std::string& result,
                      const std::string& selection = "") {
  return types + " type Mutation { run(id: ID!, n: Int): " + result +
         " @job(handler: {graphql: {url: \"https://api.example.com/graphql\"" +
         (selection.empty() ? "" : ", selection: \"" + selection + "\"") + "}}) }";
}

struct Planned {
  std::string document;
  std::string result;
  std::map<std::string, std::string> type_names;
  std::shared_ptr<const Contract> contract;

  [[nodiscard]] std::string type(const std::string& name) const {
    const auto* named = contract->served_schema()->type(name);
    return named == nullptr ? "" : graphql::type::print_type(*named);
  }
};

Planned plan(const std::string& types, const std::string& result,
             const std::string& selection = "") {
  const auto contract = contract_of(schema_of(types, result, selection));
  if (contract == nullptr) return {};
  const JobType& job = contract->job_types().front();
  const auto& rule = std::get<GraphqlHandlerRule>(job.handler);
  return {rule.document, job.result_type.str(), rule.type_names, contract};
}

std::string error_of(const std::string& types, const std::string& result,
                     const std::string& selection = "") {
  const auto errors = contract_errors(schema_of(types, result, selection));
  return errors.size() == 1 ? errors.front() : std::to_string(errors.size()) + " errors";
}

TEST(UpstreamOperation, HasAVariableForEachArgument) {
  EXPECT_EQ(plan("", "Int!").document, "mutation run($id: ID!, $n: Int) { run(id: $id, n: $n) }");
}

TEST(UpstreamOperation, KeepsATypeThatIsSelectedAsAWhole) {
  const auto planned =
      plan("type File { url: String! } type Report { id: ID! files: [File!]! }", "[Report!]");
  EXPECT_THAT(planned.document, HasSubstr("run(id: $id, n: $n) { id files { url } } }"));
  EXPECT_EQ(planned.result, "[Report!]");
  EXPECT_THAT(planned.type_names, ElementsAre());
}

TEST(UpstreamOperation, LeavesOutWhatNeedsArgumentsAndTakesThemAwayFromTheRest) {
  const auto planned = plan(
      "type Report { id: ID! page(n: Int!): String size(unit: String = \"MB\"): Int }", "Report!");
  EXPECT_THAT(planned.document, HasSubstr("{ id size } }"));
  EXPECT_EQ(planned.result, "RunJobReport!");
  EXPECT_EQ(planned.type("RunJobReport"), "type RunJobReport {\n  id: ID!\n  size: Int\n}\n");
  EXPECT_THAT(planned.type_names, ElementsAre(Pair("Report", "RunJobReport")));
}

TEST(UpstreamOperation, GoesThreeLevelsDownAndNotInCircles) {
  const auto planned = plan(
      "type A { a: Int b: B } type B { b: Int a: A c: C } type C { c: Int d: D } "
      "type D { d: Int }",
      "A");
  EXPECT_THAT(planned.document, HasSubstr("{ a b { b c { c } } } }"));
  EXPECT_EQ(planned.type("RunJobA"), "type RunJobA {\n  a: Int\n  b: RunJobB\n}\n");
  EXPECT_EQ(planned.type("RunJobB"), "type RunJobB {\n  b: Int\n  c: RunJobC\n}\n");
  EXPECT_EQ(planned.type("RunJobC"), "type RunJobC {\n  c: Int\n}\n");
}

TEST(UpstreamOperation, MakesNullableWhatIsNotSelectedEverywhere) {
  const auto planned = plan(
      "type User { id: ID! friend: User name: String! } type Report { owner: User! by: User! }",
      "Report", "{ owner { id name } by { id } }");
  EXPECT_EQ(planned.type("RunJobUser"), "type RunJobUser {\n  id: ID!\n  name: String\n}\n");
}

TEST(UpstreamOperation, AsksAbstractTypesForTheirNames) {
  const auto planned = plan(
      "interface Media { id: ID! } type Image implements Media { id: ID! width: Int! } "
      "type Sound implements Media { id: ID! seconds: Float } ",
      "Media!");
  EXPECT_THAT(planned.document,
              HasSubstr("{ __typename id ... on Image { width } ... on Sound { seconds } } }"));
  EXPECT_EQ(planned.result, "Media!");
}

TEST(UpstreamOperation, KeepsWhatFitsOfAUnionWhoseObjectsDisagree) {
  const auto planned = plan(
      "type A { x: Int a: Int } type B { x: String b: Int } union U = A | B type Report { u: [U!] "
      "}",
      "Report");
  EXPECT_THAT(planned.document, HasSubstr("u { __typename ... on A { x a } ... on B { b } }"));
  EXPECT_EQ(planned.type("RunJobB"), "type RunJobB {\n  b: Int\n}\n");
  EXPECT_EQ(planned.type("RunJobU"), "union RunJobU = RunJobA | RunJobB\n");
  EXPECT_THAT(planned.type_names, UnorderedElementsAre(Pair("A", "RunJobA"), Pair("B", "RunJobB"),
                                                       Pair("Report", "RunJobReport")));
}

TEST(UpstreamOperation, MakesAnInterfaceOfWhatLesserObjectsShare) {
  const auto planned = plan(
      "interface Media { id: ID! big(by: Int!): Int } "
      "type Image implements Media { id: ID! big(by: Int!): Int width: Int! } "
      "type Sound implements Media { id: ID! big(by: Int!): Int seconds: Float }",
      "Media");
  EXPECT_EQ(planned.type("RunJobMedia"), "interface RunJobMedia {\n  id: ID!\n}\n");
  EXPECT_EQ(planned.type("RunJobImage"),
            "type RunJobImage implements RunJobMedia {\n  id: ID!\n  width: Int!\n}\n");
}

TEST(UpstreamOperation, TakesTheSelectionThatIsGiven) {
  const auto planned =
      plan("type Page { text: String } type Report { id: ID! page(n: Int!): Page! other: Int }",
           "Report!", "{ id first: page(n: 1) { ...P } } fragment P on Page { text }");
  EXPECT_THAT(planned.document,
              HasSubstr("{ id first: page(n: 1) { ...P } } } fragment P on Page { text }"));
  EXPECT_EQ(planned.type("RunJobReport"), "type RunJobReport {\n  id: ID!\n  first: Page!\n}\n");
}

TEST(UpstreamOperation, LetsASelectionUseTheArgumentsOfTheMutation) {
  EXPECT_THAT(
      plan("type Report { rows(first: Int): Int }", "Report", "{ rows(first: $n) }").document,
      HasSubstr("run(id: $id, n: $n) { rows(first: $n) } }"));
}

TEST(UpstreamOperation, PutsTypenameIntoASelectionThatForgetsIt) {
  const auto planned =
      plan("type A { a: Int } type B { b: Int } union U = A | B type Report { u: U }", "Report",
           "{ u { ... on A { a } ...F } } fragment F on U { ... on B { b } }");
  EXPECT_THAT(planned.document,
              HasSubstr("u { __typename ... on A { a } ...F } } } fragment F on U { __typename ... "
                        "on B { b } }"));
  EXPECT_EQ(planned.result, "Report");
}

TEST(UpstreamOperation, NamesNewTypesClearOfOthers) {
  const auto planned =
      plan("type Report { id: ID n: Int } type RunJobReport { x: Int }", "Report", "{ id }");
  EXPECT_EQ(planned.result, "RunJobReport_");
}

TEST(UpstreamOperation, IsRefusedWhereTheSelectionIsWrong) {
  const std::string types =
      "type A { a: Int } type B { b: Int } union U = A | B "
      "type Report { id: ID! u: U r(n: Int!): Int }";
  EXPECT_THAT(error_of(types, "Report", "{ nope }"),
              HasSubstr("the selection of run is not valid: Cannot query field \"nope\" on type "
                        "\"Report\""));
  EXPECT_THAT(error_of(types, "Report", "id"), HasSubstr("begins with no brace"));
  EXPECT_THAT(error_of(types, "Report", "{ id"), HasSubstr("cannot be read: Syntax Error"));
  EXPECT_THAT(error_of(types, "Report", "{ id @skip(if: true) }"), HasSubstr("(@skip)"));
  EXPECT_THAT(error_of(types, "Report", "{ u { ... on A { a } } }"),
              HasSubstr("selects no field of B"));
  EXPECT_THAT(error_of(types, "Report", "{ id } type X { x: Int }"),
              HasSubstr("followed by something that is no fragment"));
  EXPECT_THAT(error_of(types, "Int", "{ id }"), HasSubstr("has nothing to select from"));
  EXPECT_THAT(error_of("type Report { r(n: Int!): Int }", "Report"),
              HasSubstr("is empty: Report has no field"));
}

}  // namespace
}  // namespace errand::contract
