#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/simulation/simulation.h"
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include "errand/job/status.h"
#include "errand/job/transition_table.h"

namespace errand::simulation {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

// A seed takes many times as long under a sanitizer, and none of its own parts runs on another
// thread.
#if __has_feature(thread_sanitizer)
constexpr std::uint64_t kSeeds = 20;
#elif __has_feature(address_sanitizer)
constexpr std::uint64_t kSeeds = 60;
#else
constexpr std::uint64_t kSeeds = 2'000;
#endif

constexpr std::array<const char*, kEndingCount> kEndings = {"told",   "refused", "lost",  "written",
                                                            "before", "within",  "after", "untold"};

std::string text_of(const Move& move) {
  return fmt::format("{} -> {}", move.from ? to_string(*move.from) : "new", to_string(move.to));
}

/// All moves of the table of transitions that this simulation's commands and clocks can make: none
/// of those that begin or end by suspending or compensating.
std::set<Move> reachable_moves() {
  using enum job::JobStatus;
  const auto left_out = [](job::JobStatus status) {
    return status == kWaiting || status == kCompensating;
  };
  std::set<Move> moves = {{std::nullopt, kScheduled}, {std::nullopt, kPending}};
  for (const job::JobStatus from : job::kAllJobStatuses) {
    if (left_out(from)) continue;
    for (std::size_t command = 0; command < job::kCommandKindCount; ++command) {
      const job::Transition& cell = transition(from, static_cast<job::CommandKind>(command));
      for (const job::JobStatus to : job::kAllJobStatuses) {
        if (to != from && !left_out(to) && cell.allows(to)) moves.insert({from, to});
      }
    }
  }
  return moves;
}

/// How often each move met each ending.
void print_table(const Tally& tally) {
  fmt::print("[          ] {:26}", "transition, by how its commit ended");
  for (const char* ending : kEndings) fmt::print(" {:>9}", ending);
  fmt::print("\n");
  for (const auto& [move, counts] : tally.moves) {
    fmt::print("[          ] {:26}", text_of(move));
    for (const std::uint64_t count : counts) fmt::print(" {:>9}", count);
    fmt::print("\n");
  }
}

/// What many seeds came to.
struct Outcome {
  Tally tally;
  std::uint64_t seeds = 0;      ///< that were run to their end
  std::string violation;        ///< empty if nothing was violated
  std::uint64_t violating = 0;  ///< the lowest seed that violated something
};

/// Runs the seeds from `first` up to `end`, on a thread for each processor, until one of them
/// violates something or the time is over.
Outcome run_seeds(std::uint64_t first, std::uint64_t end,
                  std::chrono::steady_clock::time_point until) {
  // SQLite counts memory under one lock, for which the threads would wait.
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  Outcome outcome;
  std::mutex mutex;
  std::atomic<std::uint64_t> next = first;
  const auto run = [&] {
    // Of this thread alone: other tests that run meanwhile have times to keep, this one has not.
    (void)!::nice(10);
    while (std::chrono::steady_clock::now() < until) {
      const std::uint64_t seed = next++;
      if (seed >= end) return;
      Simulation simulation(seed);
      const std::string violation = simulation.run(500);
      const std::scoped_lock lock(mutex);
      outcome.tally += simulation.tally();
      ++outcome.seeds;
      if (violation.empty()) continue;
      next = end;
      if (outcome.violation.empty() || seed < outcome.violating) {
        outcome.violation = violation;
        outcome.violating = seed;
      }
    }
  };
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i) {
    threads.emplace_back(run);
  }
  threads.clear();  // joins
  return outcome;
}

TEST(EngineSimulation, HoldsItsInvariantsUnderFaults) {
  const std::uint64_t first = number_from("DEV_SIMULATION_FIRST_SEED", 1);
  const std::uint64_t minutes = number_from("DEV_TEST_MINUTES", 0);
  const std::uint64_t seeds = number_from("DEV_SIMULATION_SEEDS", minutes > 0 ? 200'000 : kSeeds);
  const auto begin = std::chrono::steady_clock::now();
  const auto until = minutes > 0 ? begin + std::chrono::minutes(minutes)
                                 : std::chrono::steady_clock::time_point::max();
  auto [tally, done, violation, violating] = run_seeds(first, first + seeds, until);
  ASSERT_EQ(violation, "") << "seed " << violating
                           << ": run it again with ./dev test sim --first-seed " << violating
                           << " --seeds 1";
  const auto count = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf(
      "[          ] %llu seeds: %llu operations, %llu jobs, %llu dispatches (%llu of a job "
      "again), %llu starts at a limit, %llu crashes, %llu unknown outcomes, %llu refused commits, "
      "%llu stale reports refused, %llu jobs pruned, %llu internal jobs made by events, %llu "
      "refused\n",
      count(done), count(tally.operations), count(tally.jobs), count(tally.dispatches),
      count(tally.executions_again), count(tally.limits_met), count(tally.crashes),
      count(tally.unknown_outcomes), count(tally.refused_commits),
      count(tally.stale_reports_refused), count(tally.pruned), count(tally.reactions),
      count(tally.reactions_refused));
  for (const job::JobStatus status : job::kAllJobStatuses) {
    if (const auto n = tally.ended_in[static_cast<std::size_t>(status)]; n > 0) {
      std::printf("[          ] %s: %llu\n", std::string(to_string(status)).c_str(), count(n));
    }
  }
  print_table(tally);
  // A simulation that no longer reaches its faults shows nothing.
  EXPECT_GT(tally.crashes, done);
  EXPECT_GT(tally.stale_reports_refused, done);
  EXPECT_GT(tally.executions_again, done);
  EXPECT_GT(tally.limits_met, 10 * done);
  EXPECT_GT(tally.pruned, done / 3);
  EXPECT_GT(tally.reactions, 10 * done);
  EXPECT_GT(tally.reactions_refused, done);
  if (done < 2'000) return;
  const std::set<Move> reachable = reachable_moves();
  for (const Move& move : reachable) {
    for (std::size_t i = 0; i < kEndingCount; ++i) {
      EXPECT_GT(tally.moves[move][i], 0U) << text_of(move) << ", " << kEndings[i];
    }
  }
  for (const auto& [move, counts] : tally.moves) {
    EXPECT_TRUE(reachable.contains(move)) << text_of(move) << " is not in the table of transitions";
  }
}

}  // namespace
}  // namespace errand::simulation
