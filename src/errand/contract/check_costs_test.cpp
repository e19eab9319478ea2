#include "errand/contract/check_costs.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/contract/contract_test_support.h"

namespace errand::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const ContractOptions kResolved{.has_resolver = [](auto, auto) { return true; }};

TEST(Costs, StandInTheServedSchema) {
  const auto contract = contract_of(
      "type Mutation { run(n: Int @cost(weight: \"3\")): Int @job @cost(weight: \"10\") }\n"
      "type Query { items(first: Int): [Item!] @listSize(slicingArguments: [\"first\"]) }\n"
      "type Item @cost(weight: \"0.5\") { a: Int }",
      kResolved);
  ASSERT_NE(contract, nullptr);
  const std::string& sdl = contract->served_sdl();
  EXPECT_THAT(sdl, HasSubstr("directive @cost("));
  EXPECT_THAT(sdl, HasSubstr("directive @listSize("));
  EXPECT_THAT(sdl, HasSubstr("n: Int @cost(weight: \"3\")"));
  EXPECT_THAT(sdl, HasSubstr("): RunJob @cost(weight: \"10\")"));
  EXPECT_THAT(sdl, HasSubstr("@listSize(slicingArguments: [\"first\"])"));
  EXPECT_THAT(sdl, HasSubstr("type Item @cost(weight: \"0.5\")"));
}

TEST(Costs, OfOurConnectionsAreDeclaredWithAndWithoutPrefix) {
  for (const std::string prefix : {"", "acme"}) {
    const auto contract =
        contract_of("type Mutation { run: Int @job }", ContractOptions{.prefix = prefix});
    ASSERT_NE(contract, nullptr);
    EXPECT_THAT(
        contract->served_sdl(),
        HasSubstr("JobConnection! @listSize(assumedSize: 20, slicingArguments: [\"first\"], "
                  "sizedFields: [\"edges\", \"nodes\"], requireOneSlicingArgument: false)"));
  }
}

TEST(Costs, FaultsAreToldWithTheirPlaces) {
  EXPECT_THAT(
      contract_errors("type Query {\n"
                      "a: Int @cost(weight: \"much\")\n"
                      "b(n: String): [Int] @listSize(slicingArguments: [\"n\"], assumedSize: -1)\n"
                      "c: Page @listSize(sizedFields: [\"all\"])\n"
                      "d: Int @listSize(assumedSize: 3)\n"
                      "}\ntype Page { all: Int }",
                      kResolved),
      ElementsAre(
          "schema.graphql:2:22: @cost(weight: \"much\"): is no number; write one in quotes, such "
          "as "
          "\"10\" or \"0.5\"",
          "schema.graphql:3:69: @listSize(assumedSize:): a list cannot have fewer than 0 items; "
          "write 0 or more",
          "schema.graphql:3:49: @listSize(slicingArguments:): \"n\" is no argument of b that says "
          "how many; name one of type Int, or a list",
          "schema.graphql:4:32: @listSize(sizedFields:): \"all\" is no list of the type Page; name "
          "a field that is one",
          "schema.graphql:5:8: @listSize: d is no list; name the lists of its type in "
          "sizedFields, or remove it"));
}

}  // namespace
}  // namespace errand::contract
