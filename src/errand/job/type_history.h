#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "errand/base/clock.h"
#include "errand/job/forecast.h"

namespace errand::job {

/// Shares of the work at which the time spent so far is compared with what is left. 1 is of use
/// where an attempt goes on for a while after its last unit.
inline constexpr std::array kMilestones = {0.05, 0.1, 0.2, 0.3, 0.4,  0.5,
                                           0.6,  0.7, 0.8, 0.9, 0.95, 1.0};

/// When an attempt reached each milestone, from the progress it has reported. A plain value.
class ProgressTrack {
 public:
  ProgressTrack() = default;
  /// Begins where `fraction` was reached after `elapsed`; what was before is not known.
  ProgressTrack(double fraction, Milliseconds elapsed)
      : fraction_(fraction), elapsed_ms_(static_cast<double>(elapsed.count())) {}

  /// `fraction`, in [0, 1], was reported as done after `elapsed`. Milestones since the report
  /// before count as reached at an even pace. Progress that goes back says nothing.
  void note(double fraction, Milliseconds elapsed);

  /// Time from the attempt's start to a milestone, in ms; nullopt if it is not known.
  [[nodiscard]] std::optional<double> reached(std::size_t milestone) const;

 private:
  double fraction_ = 0;
  double elapsed_ms_ = 0;
  std::array<float, kMilestones.size()> reached_{};  ///< 0: not known
};

/// What is remembered of the attempts of one job type that succeeded: how long they took, and what
/// was left of them at each milestone. Some 10 KiB. A plain value.
class TypeHistory {
 public:
  /// An attempt succeeded after `duration`.
  void observe(const ProgressTrack& track, Milliseconds duration);

  /// How long an attempt takes in all, if it has gone on for `elapsed`. In ms.
  [[nodiscard]] std::optional<Forecast::Range> total(double elapsed) const;

  /// How long an attempt goes on from the time at which `fraction` was done after `elapsed`, if
  /// `since` has passed from then on. In ms.
  /// @return nullopt where too few attempts passed by the milestones beside `fraction`, or before
  ///         the first one.
  [[nodiscard]] std::optional<Forecast::Range> left(double fraction, double elapsed,
                                                    double since) const;

  /// A JSON text for the store.
  [[nodiscard]] std::string to_json() const;
  /// The inverse. @return nullopt for anything that this version's to_json() does not write.
  static std::optional<TypeHistory> parse(std::string_view text);

  friend bool operator==(const TypeHistory&, const TypeHistory&) = default;

 private:
  Forecast total_;
  std::array<Forecast, kMilestones.size()> left_;
};

/// Histories are never changed once made, so that all threads can read the one copy.
using TypeHistoryPtr = std::shared_ptr<const TypeHistory>;

}  // namespace errand::job
