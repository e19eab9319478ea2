#include "tests/simulation/submission_simulation.h"

#include <gtest/gtest.h>

namespace errand::simulation {
namespace {

TEST(SubmissionSimulation, AuthorizesFirstAndMakesOneJobAKey) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    EXPECT_EQ(simulate_submissions(seed, 60), "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace errand::simulation
