#include "errand/job/route.h"

#include <gtest/gtest.h>

namespace errand::job {
namespace {

std::string route(const std::map<std::string, std::string>& labels) {
  const std::vector<std::string> names{"region", "gpu"};
  return route_of(labels, names);
}

TEST(Route, HoldsTheLabelsThatCountAndNoOthers) {
  EXPECT_EQ(route({{"team", "ops"}}), "");
  EXPECT_EQ(route({{"region", "eu"}, {"team", "a"}}), route({{"region", "eu"}, {"team", "b"}}));
  EXPECT_NE(route({{"region", "eu"}}), route({{"region", "us"}}));
  EXPECT_NE(route({{"region", "eu"}}), route({{"gpu", "eu"}}));
}

TEST(Route, AWorkerWithoutSelectorsTakesEveryJob) {
  EXPECT_TRUE(selects({}, route({})));
  EXPECT_TRUE(selects({}, route({{"region", "eu"}})));
}

TEST(Route, ASelectorNamesTheValuesThatItsWorkerTakes) {
  const Selectors europe{{"region", {"eu", "uk"}}};
  EXPECT_TRUE(selects(europe, route({{"region", "eu"}})));
  EXPECT_TRUE(selects(europe, route({{"gpu", "a100"}, {"region", "uk"}})));
  EXPECT_FALSE(selects(europe, route({{"region", "us"}})));
  EXPECT_FALSE(selects(europe, route({})));
}

TEST(Route, ASelectorWithoutValuesWantsTheLabelToBeAbsent) {
  const Selectors plain{{"gpu", {}}};
  EXPECT_TRUE(selects(plain, route({{"region", "eu"}})));
  EXPECT_FALSE(selects(plain, route({{"gpu", "a100"}})));
}

TEST(Route, EverySelectorMustFit) {
  const Selectors both{{"gpu", {"a100"}}, {"region", {"eu"}}};
  EXPECT_TRUE(selects(both, route({{"gpu", "a100"}, {"region", "eu"}})));
  EXPECT_FALSE(selects(both, route({{"gpu", "a100"}, {"region", "us"}})));
}

}  // namespace
}  // namespace errand::job
