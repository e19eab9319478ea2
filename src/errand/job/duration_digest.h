#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

namespace errand::job {

/// A bounded summary of durations, or of ratios of durations, that gives their quantiles and
/// forgets old ones. All values are natural logarithms.
///
/// A histogram with buckets of one width: each new value counts 1 and takes 1/kMemory off all
/// before it, so that it follows a drift and weighs kMemory values at most. The width begins at
/// kFinest and doubles when more than kBucketsMax buckets are occupied. Error: a quantile lies
/// within one width of the value that stands at its rank; the width is at most the larger of
/// kFinest and 2 / (kBucketsMax - 1) of the span of the values ever added: a quarter for durations
/// that differ by a factor of 1,000. A plain value.
class DurationDigest {
 public:
  static constexpr std::size_t kBucketsMax = 64;
  static constexpr double kFinest = 1.0 / (1 << 20);
  static constexpr double kMemory = 200;

  /// Counts `value`, which is finite. Beyond +-64 it counts as that: nothing lasts e^64 ms.
  void add(double value);

  /// Counts all that `other` counts, as it is weighted there.
  void merge(const DurationDigest& other);

  /// Number of values, old ones as parts of one.
  [[nodiscard]] double weight() const noexcept { return weight_above(kLowest); }
  /// Of those above `floor`.
  [[nodiscard]] double weight_above(double floor) const noexcept;

  /// The value that the share `level` of those above `floor` does not exceed, so that the next one
  /// lies below it with about that probability. Grows with `level`.
  /// @param level  in [0, 1]
  /// @return nullopt if there is nothing above `floor`.
  [[nodiscard]] std::optional<double> quantile(double level, double floor = kLowest) const noexcept;

  /// The digest as a flat JSON array: doublings of the width, then for each bucket its distance
  /// from the one before and its weight, to three digits.
  void append_json(std::string& text) const;
  /// The inverse. @return nullopt for anything that append_json() does not write.
  static std::optional<DurationDigest> from_json(const boost::json::value& json);

  friend bool operator==(const DurationDigest&, const DurationDigest&) = default;

 private:
  static constexpr double kLowest = -std::numeric_limits<double>::infinity();

  struct Bucket {
    std::int32_t index = 0;  ///< covers [index, index + 1) times the width
    float weight = 0;        ///< > 0

    friend bool operator==(const Bucket&, const Bucket&) = default;
  };

  [[nodiscard]] double width() const noexcept;
  void put(std::int32_t index, float weight);
  void coarsen();
  void fit();

  std::vector<Bucket> buckets_;  ///< by index, each once
  int doublings_ = 0;
};

}  // namespace errand::job
