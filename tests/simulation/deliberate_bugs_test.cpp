// Shows that the simulation finds what it is there to find: each deliberate bug, within 2,000
// seeds.

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "tests/simulation/simulation.h"
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "errand/base/deliberate_bug.h"

namespace errand::simulation {
namespace {

constexpr std::uint64_t kSeeds = 2'000;

struct NamedBug {
  DeliberateBug bug;
  const char* name;
};

// All but kReplayBeforeAuthorization, which lies before the engine: submission_simulation_test.cpp.
constexpr std::array<NamedBug, kDeliberateBugCount - 1> kBugs = {{
    {DeliberateBug::kLeaseNotFenced, "lease not fenced"},
    {DeliberateBug::kEventLostAfterCommit, "event lost after commit"},
    {DeliberateBug::kAppliedBeforeCommit, "applied before commit"},
    {DeliberateBug::kLimitSlotLeaked, "refused batch leaks a limit slot"},
    {DeliberateBug::kSnapshotWithoutItsEvent, "snapshot without its event"},
    {DeliberateBug::kTimerDroppedAtRestart, "timer dropped at restart"},
    {DeliberateBug::kDueFiredTwice, "due fired twice"},
    {DeliberateBug::kIdempotencyRace, "idempotency race"},
    {DeliberateBug::kSequenceReused, "sequence reused"},
    {DeliberateBug::kLeaseRestoredWithoutTime, "lease restored with no time left"},
    {DeliberateBug::kCursorOffByOne, "cursor off by one at a batch edge"},
    {DeliberateBug::kLimitCountedLate, "limit counted late"},
    {DeliberateBug::kDeadlineCheckedAtEnqueueOnly, "deadline checked only at enqueue"},
    {DeliberateBug::kTerminalStatusOverwritten, "terminal status overwritten by a late report"},
    {DeliberateBug::kReactionLost, "reaction lost"},
    {DeliberateBug::kReactionDoubled, "reaction doubled"},
    {DeliberateBug::kCatchUpCountedOn, "catch-up counted on that may be about to end"},
    {DeliberateBug::kCatchUpOvertaken, "catch-up overtaken"},
}};

/// What a process that runs seeds with a bug tells, seed by seed.
struct Report {
  std::uint64_t seed = 0;
  std::array<char, 120> violation{};  ///< empty: none
};

/// Runs seeds until one finds something. A failed assertion counts: it ends the process, as it
/// would end the server before anything is written.
[[noreturn]] void run_seeds(DeliberateBug bug, int pipe) {
  deliberate_bug = bug;
  if (std::freopen("/dev/null", "w", stderr) == nullptr) std::_Exit(2);
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Report report{.seed = seed};
    (void)!::write(pipe, &report, sizeof report);
    const std::string violation = Simulation(seed).run(500);
    if (violation.empty()) continue;
    violation.copy(report.violation.data(), report.violation.size() - 1);
    (void)!::write(pipe, &report, sizeof report);
    std::_Exit(0);
  }
  std::_Exit(1);
}

class DeliberateBugs : public ::testing::TestWithParam<NamedBug> {};

TEST_P(DeliberateBugs, AreFound) {
  const auto& [bug, name] = GetParam();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::close(ends[0]);
    run_seeds(bug, ends[1]);
  }
  ::close(ends[1]);
  Report last;
  for (Report report; ::read(ends[0], &report, sizeof report) == sizeof report;) last = report;
  ::close(ends[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  const bool asserted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
  EXPECT_TRUE(asserted || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
      << name << " was not found in " << kSeeds << " seeds";
  std::printf("[          ] %s: found by seed %llu: %s\n", name,
              static_cast<unsigned long long>(last.seed),
              asserted ? "an assertion failed" : last.violation.data());
}

std::string test_name(const ::testing::TestParamInfo<NamedBug>& info) {
  std::string text = info.param.name;
  for (char& c : text) {
    if (c == ' ' || c == '-') c = '_';
  }
  return text;
}

INSTANTIATE_TEST_SUITE_P(Each, DeliberateBugs, ::testing::ValuesIn(kBugs), test_name);

}  // namespace
}  // namespace errand::simulation
