#include "tests/simulation/submission_simulation.h"

#include <cstdint>
#include <cstdio>
#include <string>

#include <gtest/gtest.h>

#include "errand/base/deliberate_bug.h"

namespace errand::simulation {
namespace {

constexpr int kOperations = 60;

TEST(SubmissionSimulation, AuthorizesFirstAndMakesOneJobAKey) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    EXPECT_EQ(simulate_submissions(seed, kOperations), "") << "seed " << seed;
  }
}

TEST(SubmissionSimulation, FindsAReplayThatIsAnsweredBeforeAuthorization) {
  deliberate_bug = DeliberateBug::kReplayBeforeAuthorization;
  std::uint64_t seed = 0;
  std::string violation;
  while (violation.empty() && seed < 2'000) violation = simulate_submissions(++seed, kOperations);
  deliberate_bug = DeliberateBug::kNone;
  EXPECT_NE(violation, "");
  std::printf("[          ] replay answered before authorization: found by seed %llu: %s\n",
              static_cast<unsigned long long>(seed), violation.c_str());
}

}  // namespace
}  // namespace errand::simulation
