#include "errand/job/estimate.h"

#include <chrono>

#include <gtest/gtest.h>

#include "errand/base/random.h"

namespace errand::job {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kStart{1'000'000ms};

JobState running(double completed, Milliseconds reported) {
  JobState state;
  state.status = JobStatus::kRunning;
  state.attempt_started_at = kStart;
  state.progress = Progress{.completed = completed, .total = 100, .stage = {}, .message = {}};
  state.progress_at = kStart + reported;
  return state;
}

/// Attempts of 10 s to 100 s.
TypeHistory history(bool with_progress) {
  SeededRandom random(5);
  TypeHistory history;
  for (int i = 0; i < 200; ++i) {
    const Milliseconds total(10'000 + static_cast<int>(90'000 * random.uniform()));
    ProgressTrack track;
    if (with_progress) {
      track.note(0.5, total / 10);
      track.note(1, total);
    }
    history.observe(track, total);
  }
  return history;
}

TEST(Estimate, FollowsItsOwnPaceWithoutHistory) {
  const auto found = estimate(running(25, 1'000ms), nullptr, kStart + 1'000ms).value();
  EXPECT_EQ(found.completion, kStart + 4'000ms);
  EXPECT_EQ(found.earliest, std::nullopt);
  EXPECT_EQ(found.latest, std::nullopt);
  EXPECT_EQ(found.basis, EstimateBasis::kProgress);
  // Never in the past.
  EXPECT_EQ(estimate(running(25, 1'000ms), nullptr, kStart + 9'000ms)->completion,
            kStart + 9'000ms);
  EXPECT_EQ(estimate(running(1, 1'000ms), nullptr, kStart + 1'000ms), std::nullopt);
}

TEST(Estimate, FollowsHowLongEarlierAttemptsStillTookFromThere) {
  const TypeHistory of_type = history(true);
  const auto found = estimate(running(50, 5'000ms), &of_type, kStart + 5'000ms).value();
  EXPECT_EQ(found.basis, EstimateBasis::kProgress);
  EXPECT_GT(found.completion, kStart + 45'000ms);
  EXPECT_LT(found.completion, kStart + 55'000ms);
  EXPECT_LE(found.earliest, found.completion);
  EXPECT_GE(found.latest, found.completion);
}

TEST(Estimate, FollowsHistoryWithoutProgress) {
  const TypeHistory of_type = history(false);
  JobState state = running(50, 5'000ms);
  // Attempts of its type have not reported progress before.
  EXPECT_EQ(estimate(state, &of_type, kStart + 5'000ms)->basis, EstimateBasis::kHistory);
  state.progress.reset();
  const auto found = estimate(state, &of_type, kStart + 60'000ms).value();
  EXPECT_EQ(found.basis, EstimateBasis::kHistory);
  EXPECT_GT(found.earliest, kStart + 60'000ms);
  EXPECT_LT(found.latest, kStart + 110'000ms);
}

TEST(Estimate, SaysNothingWhereNothingIsKnown) {
  const TypeHistory of_type = history(true);
  const TypeHistory empty;
  JobState state = running(50, 5'000ms);
  state.progress->total = 0;
  EXPECT_EQ(estimate(state, nullptr, kStart), std::nullopt);
  EXPECT_EQ(estimate(state, &empty, kStart), std::nullopt);
  // Far beyond all that was seen.
  EXPECT_EQ(estimate(state, &of_type, kStart + 24h), std::nullopt);
  state.status = JobStatus::kPending;
  EXPECT_EQ(estimate(state, &of_type, kStart), std::nullopt);
}

TEST(Estimate, TakesNoProgressOfAnEarlierAttempt) {
  JobState state = running(50, 5'000ms);
  state.attempt_started_at = kStart + 10'000ms;
  EXPECT_EQ(estimate(state, nullptr, kStart + 11'000ms), std::nullopt);
}

}  // namespace
}  // namespace errand::job
