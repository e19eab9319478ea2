#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/simulation/simulation.h"
#include <gtest/gtest.h>

#include "errand/job/status.h"

namespace errand::simulation {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

TEST(EngineSimulation, HoldsItsInvariantsUnderFaults) {
  const std::uint64_t first = number_from("DEV_SIMULATION_FIRST_SEED", 1);
  const std::uint64_t seeds = number_from("DEV_SIMULATION_SEEDS", 300);
  const auto until =
      std::chrono::steady_clock::now() + std::chrono::minutes(number_from("DEV_TEST_MINUTES", 0));
  Tally tally;
  std::uint64_t seed = first;
  for (; seed < first + seeds || std::chrono::steady_clock::now() < until; ++seed) {
    Simulation simulation(seed);
    const std::string violation = simulation.run(500);
    tally += simulation.tally();
    ASSERT_EQ(violation, "") << "seed " << seed
                             << ": run again with DEV_SIMULATION_FIRST_SEED=" << seed
                             << " DEV_SIMULATION_SEEDS=1";
  }
  const auto count = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf(
      "[          ] %llu seeds: %llu operations, %llu jobs, %llu dispatches (%llu of a job "
      "again), %llu crashes, %llu unknown outcomes, %llu refused commits, %llu stale reports "
      "refused\n",
      count(seed - first), count(tally.operations), count(tally.jobs), count(tally.dispatches),
      count(tally.executions_again), count(tally.crashes), count(tally.unknown_outcomes),
      count(tally.refused_commits), count(tally.stale_reports_refused));
  for (const job::JobStatus status : job::kAllJobStatuses) {
    if (const auto n = tally.ended_in[static_cast<std::size_t>(status)]; n > 0) {
      std::printf("[          ] %s: %llu\n", std::string(to_string(status)).c_str(), count(n));
    }
  }
  // A simulation that no longer reaches its faults shows nothing.
  EXPECT_GT(tally.crashes, seeds);
  EXPECT_GT(tally.stale_reports_refused, seeds);
  EXPECT_GT(tally.executions_again, seeds);
  if (seeds >= 100) {
    EXPECT_GT(tally.unknown_outcomes, seeds / 10);
    EXPECT_GT(tally.refused_commits, seeds / 10);
  }
}

}  // namespace
}  // namespace errand::simulation
