#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include <boost/json/value.hpp>

#include "errand/job/duration_digest.h"

namespace errand::job {

/// Learns from what came of earlier cases which outcome to expect when something is known, and
/// between which bounds eight in ten lie. All values are natural logarithms of durations in ms.
///
/// The middle is a straight line through the lately seen (known, outcome) pairs, its slope held
/// between 0 (what is known tells nothing) and 1 (outcomes are a fixed multiple of it). Around it
/// stand the quantiles of how far outcomes fell from what was forecast for them: since those
/// misses were made by this very procedure, a line that lags behind a drift is allowed for. Which
/// two quantiles is corrected after each outcome (I. Gibbs, E. Candes, "Adaptive Conformal
/// Inference Under Distribution Shift", 2021), each side on its own, so that one in ten falls
/// outside on either side in the long run, whatever the distribution. A plain value.
class Forecast {
 public:
  /// Outcomes, old ones as parts of one, from which on there is a range.
  static constexpr double kOutcomesMin = 20;

  struct Range {
    double low = 0;     ///< one in ten is lower
    double middle = 0;  ///< half are lower
    double high = 0;    ///< one in ten is higher; >= middle >= low
  };

  /// Learns that `outcome` came where `known` was known. Both are finite.
  void observe(double known, double outcome);

  /// What to expect where `known` is known.
  /// @param floor  the outcome is known to lie above it
  /// @return nullopt with fewer than kOutcomesMin outcomes, or less than one of them so far out.
  [[nodiscard]] std::optional<Range> range(
      double known, double floor = -std::numeric_limits<double>::infinity()) const noexcept;

  void append_json(std::string& text) const;
  /// The inverse. @return nullopt for anything that append_json() does not write.
  static std::optional<Forecast> from_json(const boost::json::value& json);

  friend bool operator==(const Forecast&, const Forecast&) = default;

 private:
  [[nodiscard]] double line(double known) const noexcept;
  void correct_levels(double miss);
  void fit_line(double known, double outcome);

  std::uint32_t pairs_ = 0;  ///< seen so far, up to kLineMemory
  double mean_known_ = 0;
  double mean_outcome_ = 0;
  double variance_ = 0;    ///< of the known
  double covariance_ = 0;  ///< of the known and the outcome
  double lower_ = 0.1;     ///< level of the low bound
  double upper_ = 0.1;     ///< of the high bound, from above
  DurationDigest misses_;
};

}  // namespace errand::job
