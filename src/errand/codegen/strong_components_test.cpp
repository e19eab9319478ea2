#include "errand/codegen/strong_components.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace errand::codegen {
namespace {

using ::testing::ElementsAre;

TEST(StrongComponents, come_after_what_they_refer_to) {
  EXPECT_THAT(strong_components({{1}, {2}, {}}),
              ElementsAre(ElementsAre(2), ElementsAre(1), ElementsAre(0)));
}

TEST(StrongComponents, hold_what_refers_to_each_other) {
  // 0 -> 1 <-> 2 -> 3, and 3 to itself.
  EXPECT_THAT(strong_components({{1}, {2}, {1, 3}, {3}}),
              ElementsAre(ElementsAre(3), ElementsAre(1, 2), ElementsAre(0)));
}

TEST(StrongComponents, of_nothing_are_none) { EXPECT_TRUE(strong_components({}).empty()); }

TEST(StrongComponents, of_a_chain_need_no_deep_stack) {
  std::vector<std::vector<std::size_t>> edges(200'000);
  for (std::size_t i = 0; i + 1 < edges.size(); ++i) edges[i].push_back(i + 1);
  EXPECT_EQ(strong_components(edges).size(), edges.size());
  edges.back().push_back(0);
  EXPECT_EQ(strong_components(edges).size(), 1U);
}

}  // namespace
}  // namespace errand::codegen
