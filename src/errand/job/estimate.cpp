#include "errand/job/estimate.h"

#include <algorithm>
#include <cmath>

namespace errand::job {
namespace {

/// Least share of the work from which a pace is told.
constexpr double kFractionMin = 0.02;
/// Some thirty years: what lies beyond is no estimate.
constexpr double kLongestMs = 1e12;

std::optional<Estimate> estimate_from(const std::optional<Forecast::Range>& range, Timestamp from,
                                      EstimateBasis basis, Timestamp now) {
  if (!range || !(range->high <= kLongestMs)) return std::nullopt;
  const auto at = [&](double ms) { return std::max(now, from + Milliseconds(std::llround(ms))); };
  return Estimate{at(range->middle), at(range->low), at(range->high), basis};
}

std::optional<Estimate> by_pace(double done, double spent_ms, Timestamp from, Timestamp now) {
  if (done < kFractionMin) return std::nullopt;
  const double left_ms = spent_ms * (1 - done) / done;
  if (!(left_ms >= 0 && left_ms <= kLongestMs)) return std::nullopt;
  const auto at = std::max(now, from + Milliseconds(std::llround(left_ms)));
  return Estimate{.completion = at,
                  .earliest = std::nullopt,
                  .latest = std::nullopt,
                  .basis = EstimateBasis::kProgress};
}

}  // namespace

std::string_view to_string(EstimateBasis basis) noexcept {
  return basis == EstimateBasis::kProgress ? "PROGRESS" : "HISTORY";
}

std::optional<double> fraction(const Progress& progress) {
  if (!(progress.total > 0)) return std::nullopt;
  return std::clamp(progress.completed / progress.total, 0.0, 1.0);
}

std::optional<Estimate> estimate(const JobState& state, const TypeHistory* history, Timestamp now) {
  if (state.status != JobStatus::kRunning || !state.attempt_started_at) return std::nullopt;
  const Timestamp started = *state.attempt_started_at;
  const auto ms = [](Milliseconds length) { return static_cast<double>(length.count()); };
  std::optional<double> done;
  Timestamp reported = started;
  if (state.progress && state.progress_at && *state.progress_at >= started) {
    done = fraction(*state.progress);
    reported = *state.progress_at;
  }
  if (history != nullptr && done) {
    const auto left = history->left(*done, ms(reported - started), ms(now - reported));
    if (auto found = estimate_from(left, reported, EstimateBasis::kProgress, now)) return found;
  }
  if (history != nullptr) {
    const auto total = history->total(ms(now - started));
    if (auto found = estimate_from(total, started, EstimateBasis::kHistory, now)) return found;
  }
  return done ? by_pace(*done, ms(reported - started), reported, now) : std::nullopt;
}

}  // namespace errand::job
