#include "errand/contract/contract.h"

#include <string>
#include <vector>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/contract/contract_test_support.h"
#include "errand/json/writer.h"

namespace errand::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Contract, WantsSomethingThatAnswersEachRootField) {
  const std::string sdl =
      "type Query { me: String, you: String }\n"
      "type Mutation { save: String }\n"
      "type Subscription { tick: Int }";
  EXPECT_THAT(
      contract_errors(sdl),
      ElementsAre(
          "schema.graphql:1:14: Query.me has nothing that answers it; give it a C++ resolver "
          "or an upstream, or remove it",
          "schema.graphql:1:26: Query.you has nothing that answers it; give it a C++ "
          "resolver or an upstream, or remove it",
          "schema.graphql:2:17: Mutation.save has nothing that answers it; if it is work "
          "that outlives a request, mark it with @job; else give it a C++ resolver or an "
          "upstream, or remove it",
          "schema.graphql:3:21: Subscription.tick has nothing that answers it; give it a C++ "
          "resolver or an upstream, or remove it"));
  EXPECT_THAT(contract_errors(sdl, {.has_resolver = [](auto, auto) { return true; }}), IsEmpty());
}

TEST(Contract, WantsJobsInTheMutationTypeAlone) {
  EXPECT_THAT(contract_errors("type Query { a: Int @job }\n"
                              "type Mutation { b: T @job }\n"
                              "type T { c: Int @job, d: Int @notify(on: [FAILED], channels: []) }",
                              {.refuse_unsupported = false}),
              ElementsAre("schema.graphql:1:21: @job belongs to fields of the mutation type; move "
                          "Query.a there, or remove @job",
                          "schema.graphql:3:17: @job belongs to fields of the mutation type; move "
                          "T.c there, or remove @job",
                          "schema.graphql:3:30: @notify goes with @job; add @job, or remove it"));
}

TEST(Contract, SaysHowToGetOutOfTheWayOfOurNames) {
  const std::string sdl =
      "type Query { jobs: Int }\n"
      "type Mutation { run(options: Int): Job @job }\n"
      "type Job { n: Int }\n"
      "enum RunJob { A }";
  const ContractOptions resolved{.has_resolver = [](auto, auto) { return true; }};
  EXPECT_THAT(
      contract_errors(sdl, resolved),
      ElementsAre(
          "schema.graphql:1:14: Query.jobs has the name of a field of Errand's; rename it, or set "
          "[schema] prefix = \"Errand\", so that Errand's field becomes errandJobs",
          "schema.graphql:3:6: the type Job has the name of a type of Errand's; rename it, or set "
          "[schema] prefix = \"Errand\", so that Errand's type becomes ErrandJob",
          "schema.graphql:4:6: the type RunJob has the name of the object type that Mutation.run "
          "gets; rename it, or set [schema] prefix = \"Errand\", so that Errand's type becomes "
          "ErrandRunJob",
          "schema.graphql:2:21: Mutation.run has an argument options, as Errand's own; rename it, "
          "or "
          "set [schema] options_argument = \"jobOptions\""));
  const ContractOptions remedied{
      .prefix = "Errand", .options_argument = "jobOptions", .has_resolver = resolved.has_resolver};
  const auto contract = contract_of(sdl, remedied);
  ASSERT_NE(contract, nullptr);
  const auto& served = *contract->served_schema();
  EXPECT_EQ(served.mutation_type()->field("run")->type.str(), "ErrandRunJob");
  EXPECT_NE(served.mutation_type()->field("run")->argument("jobOptions"), nullptr);
  EXPECT_NE(served.query_type()->field("errandJobs"), nullptr);
  EXPECT_NE(served.query_type()->field("jobs"), nullptr);
  EXPECT_NE(served.type("ErrandJob"), nullptr);
  EXPECT_EQ(served.type("ErrandDateTime"), nullptr);
}

TEST(Contract, RefusesTwoMutationsWithOneObjectType) {
  EXPECT_THAT(contract_errors("type Mutation { run: Int @job, Run: Int @job }"),
              ElementsAre("schema.graphql:1:32: Mutation.Run and Mutation.run would both have the "
                          "object type RunJob; rename one of them"));
}

TEST(Contract, RefusesArgumentsInResultTypes) {
  EXPECT_THAT(
      contract_errors("type Mutation { run: [R!] @job }\n"
                      "type R { next: U }\nunion U = S\ntype S { f(x: Int): Int }"),
      ElementsAre(
          "schema.graphql:4:12: S.f is part of a job's result, which is stored and cannot be "
          "asked anew, so it takes no arguments; remove them, or give each value a field of "
          "its own"));
}

TEST(Contract, RefusesResultsThatCannotBeStored) {
  EXPECT_THAT(contract_errors("type Mutation { run: R @job, walk: I @job }\n"
                              "type R { query: Mutation }\ninterface I { i: Int }"),
              ElementsAre("schema.graphql:3:11: no object type implements I, so no result can be "
                          "one; add one, or use another type",
                          "schema.graphql:1:6: the root type Mutation cannot be part of a job's "
                          "result, which is stored; give the result a type of its own"));
}

TEST(Contract, RefusesOurDirectivesDeclaredAgain) {
  EXPECT_THAT(contract_errors("directive @job on FIELD_DEFINITION\ntype Mutation { a: Int @job }"),
              ElementsAre("schema.graphql:1:12: @job is a directive of Errand's; remove this "
                          "definition, it is always there"));
}

TEST(Contract, RefusesBadOptions) {
  EXPECT_THAT(
      contract_errors("type Mutation { a: Int @job }", {.prefix = "a-b", .options_argument = "1"}),
      ElementsAre("[schema] prefix = \"a-b\" is no GraphQL name; write \"Errand\"",
                  "[schema] options_argument = \"1\" is no GraphQL name; write \"options\""));
}

TEST(Contract, LetsUsersDeclareOurScalarsOrNot) {
  EXPECT_NE(
      contract_of("scalar DateTime\ntype Mutation { a(t: DateTime, d: Duration): UUID @job }"),
      nullptr);
}

TEST(Contract, ListsAndRedactsSensitiveValues) {
  const auto contract = contract_of(
      "type Mutation { pay(input: Pay!, pin: String @sensitive, note: String): Int @job }\n"
      "input Pay { card: Card, cards: [Card!], again: Pay, amount: Int }\n"
      "input Card { number: String! @sensitive, owner: String }");
  ASSERT_NE(contract, nullptr);
  const JobType& pay = contract->job_types().front();
  EXPECT_THAT(pay.sensitive, ElementsAre("Card.number", "pay(pin:)"));
  const auto redacted = contract->redact(
      pay, boost::json::parse(R"({"input":{"card":{"number":"4","owner":"A"},"amount":1,
               "cards":[{"number":"5"}],"again":{"card":{"number":"6"}}},
             "pin":"0000","note":null})")
               .as_object());
  EXPECT_EQ(json::to_text(redacted),
            R"({"input":{"card":{"number":"[redacted]","owner":"A"},"amount":1,)"
            R"("cards":[{"number":"[redacted]"}],"again":{"card":{"number":"[redacted]"}}},)"
            R"("pin":"[redacted]","note":null})");
}

TEST(Contract, TakesInputTypesThatAllReferToEachOther) {
  // As in filters that tools generate: the number of paths through them is beyond all counting.
  std::string sdl = "type Mutation { run(input: In0): Int @job }\n";
  for (int i = 0; i < 40; ++i) {
    sdl += "input In" + std::to_string(i) + " { n: Int @constraint(min: 1) s: String @sensitive";
    for (int j = 0; j < 40; ++j) sdl += " f" + std::to_string(j) + ": In" + std::to_string(j);
    sdl += " }\n";
  }
  const auto contract = contract_of(sdl);
  ASSERT_NE(contract, nullptr);
  EXPECT_EQ(contract->job_types().front().sensitive.size(), 40U);
}

TEST(Contract, KeepsItsHashWhenOnlyTheOrderOfThingsChanges) {
  const auto one = contract_of(
      "type Mutation { run(a: Int, e: E): R! @job }\ntype R { x: Int, y: E }\nenum E { A B }");
  const auto two = contract_of(
      "enum E { B A }\n\"text\" type R { y: E, x: Int }\n"
      "type Mutation { run(e: E, a: Int): R! @job(queue: \"other\") }");
  const auto three = contract_of(
      "type Mutation { run(a: Int, e: E): R! @job }\ntype R { x: Int!, y: E }\nenum E { A B }");
  ASSERT_TRUE(one != nullptr && two != nullptr && three != nullptr);
  EXPECT_EQ(one->job_types()[0].contract_hash, two->job_types()[0].contract_hash);
  EXPECT_NE(one->job_types()[0].contract_hash, three->job_types()[0].contract_hash);
  EXPECT_EQ(one->job_types()[0].contract_hash.size(), 32U);
}

}  // namespace
}  // namespace errand::contract
