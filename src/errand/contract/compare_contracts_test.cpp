#include "errand/contract/compare_contracts.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/contract/contract_test_support.h"

namespace errand::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> changes(const std::string& old_sdl, const std::string& new_sdl) {
  const auto old_contract = contract_of(old_sdl);
  const auto new_contract = contract_of(new_sdl);
  std::vector<std::string> result;
  for (const ContractChange& change : compare_contracts(*old_contract, *new_contract)) {
    result.push_back(std::string(to_string(change.severity)) + " " + change.coordinate + ": " +
                     change.message);
  }
  return result;
}

TEST(CompareContracts, FindsNothingBetweenEquals) {
  constexpr const char* kSdl = "type Mutation { run(a: Int): Int @job }";
  EXPECT_THAT(changes(kSdl, kSdl), IsEmpty());
}

TEST(CompareContracts, SeesJobTypesComeAndGo) {
  EXPECT_THAT(
      changes("type Mutation { a: Int @job, b: Int @job }",
              "type Mutation { b: Int @job, c: Int @job }"),
      ElementsAre("BREAKING a: The job type was removed.", "SAFE c: The job type was added."));
}

TEST(CompareContracts, JudgesInputsByWhatClientsSendAndJobsHold) {
  EXPECT_THAT(
      changes(
          "type Mutation { run(gone: Int, n: Int!, m: Int, d: Int = 1, i: I, e: E): Int @job }\n"
          "input I { a: [Int!], b: Int }\nenum E { A B }",
          "type Mutation { run(n: Int, m: Int!, d: Int = 2, i: I, e: E, need: Int!, may: Int):\n"
          "  Int @job }\n"
          "input I { a: [Int], c: Int! }\nenum E { B C }"),
      ElementsAre(
          "BREAKING E.A: The enum value was removed.", "BREAKING I.b: The input field was removed.",
          "BREAKING I.c: A required input field was added.",
          "BREAKING run(gone:): The argument was removed.",
          "BREAKING run(m:): The type changed from Int to Int!.",
          "BREAKING run(need:): A required argument was added.",
          "DANGEROUS run(d:): The default value changed.", "SAFE E.C: An enum value was added.",
          "SAFE I.a: The type changed from [Int!] to [Int].",
          "SAFE run(may:): An optional argument was added.",
          "SAFE run(n:): The type changed from Int! to Int."));
}

TEST(CompareContracts, JudgesResultsByWhatIsStored) {
  EXPECT_THAT(
      changes("type Mutation { run: R @job }\n"
              "type R { gone: Int, n: Int!, m: Int, l: [Int!], u: U, e: E }\n"
              "union U = A | B\ntype A { a: Int }\ntype B { b: Int }\ntype C { c: Int }\n"
              "enum E { X }",
              "type Mutation { run: R! @job }\n"
              "type R { n: Int, m: Int!, l: [Int], u: U, e: E, more: Int, must: Int! }\n"
              "union U = A | C\ntype A { a: Int }\ntype B { b: Int }\ntype C { c: Int }\n"
              "enum E { X Y }"),
      ElementsAre(
          "BREAKING R.gone: The field was removed.",
          "BREAKING R.l: The field's type changed from [Int!] to [Int].",
          "BREAKING R.n: The field's type changed from Int! to Int.",
          "BREAKING U: B is no longer a possible type.", "DANGEROUS E.Y: An enum value was added.",
          "DANGEROUS R.m: The field's type changed from Int to Int!. Stored results may hold null "
          "there.",
          "DANGEROUS R.must: A non-null field was added; stored results and older workers lack it.",
          "DANGEROUS U: C became a possible type.",
          "DANGEROUS run: The result's type changed from R to R!. Stored results may hold null "
          "there.",
          "SAFE R.more: A field was added."));
}

TEST(CompareContracts, SeesSettingsThatClientsNotice) {
  EXPECT_THAT(
      changes("type Mutation { run: Int @job(queue: \"a\") @auth(scopes: [\"x\"]) }",
              "type Mutation { run: Int @job(queue: \"b\", idempotency: REQUIRED)\n"
              "  @auth(scopes: [\"y\"]) }"),
      ElementsAre("BREAKING run: An idempotency key is now required.",
                  "BREAKING run: The scope y is now required.",
                  "DANGEROUS run: The queue changed from a to b; jobs that are there stay in "
                  "the old one.",
                  "SAFE run: The scope x is no longer required."));
}

TEST(CompareContracts, SurvivesTypesThatReferToThemselves) {
  EXPECT_THAT(
      changes("type Mutation { run(i: I): R @job }\ninput I { i: I }\ntype R { r: R }",
              "type Mutation { run(i: I): R @job }\ninput I { i: I, n: Int }\n"
              "type R { r: R, n: Int }"),
      ElementsAre("SAFE I.n: An optional input field was added.", "SAFE R.n: A field was added."));
}

TEST(CompareSnapshots, ComparesWhatAStoreHasKept) {
  const auto old_contract = contract_of("type Mutation { run: Int @job }");
  const auto new_contract = contract_of("type Mutation { run: String @job }");
  const auto result =
      compare_snapshots(JobTypeName("run"), old_contract->job_types()[0].contract_snapshot,
                        new_contract->job_types()[0].contract_snapshot);
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(is_breaking(*result));
  EXPECT_FALSE(compare_snapshots(JobTypeName("run"), "{}", "[]").has_value());
}

}  // namespace
}  // namespace errand::contract
