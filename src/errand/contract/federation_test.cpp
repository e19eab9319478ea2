#include "errand/contract/federation.h"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/contract/contract_test_support.h"
#include "errand/graphql/type/build_schema.h"

namespace errand::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// A schema that links federation and imports `imports`.
std::string linked(const std::string& imports, const std::string& sdl,
                   const std::string& version = "v2.3") {
  return "extend schema @link(url: \"https://specs.apollo.dev/federation/" + version +
         "\", import: [" + imports + "])\n" + sdl;
}

TEST(Federation, IsOffWithoutLinkAndSetting) {
  const auto contract = contract_of("type Mutation { run: Int @job }");
  ASSERT_NE(contract, nullptr);
  EXPECT_FALSE(contract->is_subgraph());
  EXPECT_EQ(contract->subgraph_sdl(), "");
  for (const char* part : {"_service", "_entities", "_Any", "_Entity", "@key", "@link"}) {
    EXPECT_THAT(contract->served_sdl(), Not(HasSubstr(part)));
  }
  EXPECT_THAT(
      contract_errors("type Mutation { run: R @job }\ntype R @key(fields: \"id\") { id: ID! }"),
      ElementsAre(HasSubstr("Unknown directive \"@key\"")));
}

TEST(Federation, MakesJobsEntitiesOfASubgraphThatLinksIt) {
  const auto contract = contract_of(
      linked("\"@key\", \"@shareable\"", "type Mutation { run: Int @job, walk: Int @job }"));
  ASSERT_NE(contract, nullptr);
  EXPECT_TRUE(contract->is_subgraph());
  const std::string& sdl = contract->subgraph_sdl();
  EXPECT_THAT(sdl, HasSubstr("schema @link(url: \"https://specs.apollo.dev/federation/v2.3\", "
                             "import: [\"@key\", \"@shareable\"]) {\n  query: Query\n"));
  EXPECT_THAT(sdl, HasSubstr("type RunJob implements Job & Node @key(fields: \"id\") {\n"));
  EXPECT_THAT(sdl, HasSubstr("interface Job implements Node @key(fields: \"id\") {\n"));
  EXPECT_THAT(sdl, HasSubstr("type PageInfo @shareable {\n"));
  for (const char* part : {"_service", "_entities", "_Any", "_Entity", "_Service", "directive @key",
                           "directive @link", "FieldSet", "link__"}) {
    EXPECT_THAT(sdl, Not(HasSubstr(part)));
  }
  const std::string& served = contract->served_sdl();
  EXPECT_THAT(served, HasSubstr("union _Entity = RunJob | WalkJob\n"));
  EXPECT_THAT(served, HasSubstr("_entities(representations: [_Any!]!): [_Entity]!\n"));
  EXPECT_THAT(served, HasSubstr("_service: _Service!\n"));
  EXPECT_THAT(served, HasSubstr("directive @key(fields: federation__FieldSet!"));
  EXPECT_THAT(served, Not(HasSubstr("directive @federation__requires")));
}

TEST(Federation, UsesTheNamesThatTheSchemaImports) {
  const auto contract =
      contract_of(linked("{name: \"@key\", as: \"@id\"}", "type Mutation { run: Int @job }"));
  ASSERT_NE(contract, nullptr);
  const std::string& sdl = contract->subgraph_sdl();
  EXPECT_THAT(sdl, HasSubstr("type RunJob implements Job & Node @id(fields: \"id\") {\n"));
  EXPECT_THAT(sdl, HasSubstr("type PageInfo @federation__shareable {\n"));
}

TEST(Federation, GivesNoKeyToInterfacesBeforeVersion3) {
  const auto contract = contract_of(linked("\"@key\"", "type Mutation { run: Int @job }", "v2.2"));
  ASSERT_NE(contract, nullptr);
  EXPECT_THAT(contract->subgraph_sdl(), HasSubstr("interface Job implements Node {\n"));
  EXPECT_THAT(contract->subgraph_sdl(), HasSubstr("type RunJob implements Job & Node @key("));
}

TEST(Federation, IsSwitchedOnByTheSettingAsWell) {
  const auto contract = contract_of(
      "extend type Mutation { run: Report @job }\n"
      "extend type Account @key(fields: \"id\", resolvable: false) { id: ID! @external }\n"
      "type Report @tag(name: \"internal\") { account: Account }",
      {.federation = true});
  ASSERT_NE(contract, nullptr);
  const std::string& sdl = contract->subgraph_sdl();
  EXPECT_THAT(
      sdl, HasSubstr("schema @link(url: \"https://specs.apollo.dev/federation/v2.3\", "
                     "import: [\"@extends\", \"@external\", \"@key\", \"@shareable\", \"@tag\"])"));
  EXPECT_THAT(sdl, HasSubstr("type Account @extends @key(fields: \"id\", resolvable: false) {\n"));
}

TEST(Federation, PassesTheUsersDirectivesOn) {
  const auto contract = contract_of(
      linked("\"@key\", \"@shareable\", \"@tag\", \"@inaccessible\", \"@override\", "
             "\"@provides\", \"@external\", \"@composeDirective\", \"@interfaceObject\", "
             "\"@authenticated\", \"@requiresScopes\", \"@policy\"",
             R"(extend schema @link(url: "https://acme.example/audit/v1.0", import: ["@audit"])
  @composeDirective(name: "@audit")
directive @audit on FIELD_DEFINITION
type Mutation {
  pay(amount: Int! @tag(name: "in")): Receipt @job @override(from: "legacy") @audit @authenticated @requiresScopes(scopes: [["pay"]])
}
type Receipt @shareable {
  by: User @provides(fields: "name")
  media: Media
  secret: String @inaccessible @policy(policies: [["p"]])
}
type User @key(fields: "id", resolvable: false) { id: ID! name: String @external }
type Media @key(fields: "id", resolvable: false) @interfaceObject { id: ID! }
)",
             "v2.6"));
  ASSERT_NE(contract, nullptr);
  const std::string& sdl = contract->subgraph_sdl();
  for (const char* part :
       {"@composeDirective(name: \"@audit\")", "directive @audit on FIELD_DEFINITION\n",
        "): PayJob @override(from: \"legacy\") @audit @authenticated @requiresScopes(scopes: "
        "[[\"pay\"]])\n",
        "amount: Int! @tag(name: \"in\")", "type Receipt @shareable {",
        "by: User @provides(fields: \"name\")", "secret: String @inaccessible @policy(",
        "name: String @external",
        "type Media @key(fields: \"id\", resolvable: false) @interfaceObject {"}) {
    EXPECT_THAT(sdl, HasSubstr(part));
  }
  EXPECT_THAT(sdl, Not(HasSubstr("directive @key")));
}

TEST(Federation, KeepsDefinitionsThatTheSchemaHasItself) {
  const auto contract = contract_of(
      linked("\"@key\"",
             "directive @key(fields: federation__FieldSet!, resolvable: Boolean = true) repeatable "
             "on OBJECT | INTERFACE\nscalar federation__FieldSet\n"
             "type Mutation { run: Int @job }"));
  ASSERT_NE(contract, nullptr);
  EXPECT_THAT(contract->subgraph_sdl(), HasSubstr("directive @key(fields: federation__FieldSet!"));
}

TEST(Federation, ServesTheSdlOfASchemaWithoutJobs) {
  const auto contract =
      contract_of("type Query { a: Int }",
                  {.federation = true, .has_resolver = [](auto, auto) { return true; }});
  ASSERT_NE(contract, nullptr);
  EXPECT_THAT(contract->served_sdl(), HasSubstr("_service"));
  EXPECT_THAT(contract->served_sdl(), Not(HasSubstr("_entities")));
}

TEST(Federation, GoesWithAPrefix) {
  const auto contract = contract_of("schema { mutation: M }\ntype M { run: Int @job }",
                                    {.prefix = "Acme", .federation = true});
  ASSERT_NE(contract, nullptr);
  const std::string& sdl = contract->subgraph_sdl();
  EXPECT_THAT(sdl, HasSubstr("interface AcmeJob implements AcmeNode @key(fields: \"id\") {"));
  EXPECT_THAT(sdl, HasSubstr("type AcmePageInfo @shareable {"));
  EXPECT_THAT(sdl, HasSubstr("acmeJob(id: ID!): AcmeJob\n"));
}

TEST(Federation, SubgraphSdlBuildsWithTheDefinitionsAlone) {
  const auto contract = contract_of("type Mutation { run: Int @job }", {.federation = true});
  ASSERT_NE(contract, nullptr);
  const std::vector<graphql::language::Source> sources{
      {.body = contract->subgraph_sdl(), .name = "subgraph"},
      {.body = graphql::federation::Linkage::unlinked().definitions_sdl(
           // Those of costs are in the subgraph's SDL, for they are ours.
           [](std::string_view name) { return name != "cost" && name != "listSize"; }),
       .name = "definitions"}};
  EXPECT_TRUE(graphql::type::build_schema(sources).has_value());
}

TEST(Federation, SaysWhatIsWrongWithPlaceAndRemedy) {
  const auto errors = [](const std::string& sdl) {
    return contract_errors(
        linked("\"@key\", \"@requires\", \"@external\"", "type Mutation { run: R @job }\n" + sdl));
  };
  EXPECT_THAT(errors("type R @key(fields: \"id\") { id: ID! }"),
              ElementsAre("schema.graphql:3:8: only jobs can be fetched here by a key, so R can "
                          "only be referred to; add resolvable: false"));
  EXPECT_THAT(errors("type R @key(fields: \"x\", resolvable: false) { id: ID! }"),
              ElementsAre(HasSubstr("schema.graphql:3:21: @key names R.x, which is not there")));
  EXPECT_THAT(errors("type R { a: Int @requires(fields: \"b\") b: Int @external }"),
              ElementsAre(HasSubstr("schema.graphql:3:17: only jobs can be fetched here by a key, "
                                    "so R.a never gets what it requires; remove @requires")));
  EXPECT_THAT(errors("type R { a: Int }\nscalar _Any\nextend type Query { _service: Int }"),
              ::testing::Contains(HasSubstr("the type _Any is part of every subgraph; remove")));
  EXPECT_THAT(contract_errors(linked("\"@kee\"", "type Mutation { run: Int @job }")),
              ElementsAre(HasSubstr("schema.graphql:1:79: federation v2.3 has no @kee")));
  EXPECT_THAT(contract_errors(linked("\"@key\"",
                                     "type Mutation { run: R @job }\n"
                                     "type R @shareable { a: Int }")),
              ElementsAre(HasSubstr("schema.graphql:3:8: Unknown directive \"@shareable\"")));
}

}  // namespace
}  // namespace errand::contract
