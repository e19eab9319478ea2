#include "errand/job/forecast.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "errand/base/assert.h"

namespace errand::job {
namespace {

/// Pairs that the line remembers: fewer than the misses, so that it follows a drift first.
constexpr std::uint32_t kLineMemory = 100;
/// Pairs from which on the line has a slope, and misses of it count.
constexpr std::uint32_t kLineMin = 5;
/// Share of outcomes beyond each bound.
constexpr double kTail = 0.1;
/// How far one outcome moves a level. In N outcomes the share outside differs from kTail by no more
/// than (kLevelMax - kLevelMin) / (N * kStep), as long as a level is not at its end.
constexpr double kStep = 0.01;
constexpr double kLevelMin = 0.005;
constexpr double kLevelMax = 0.49;

}  // namespace

double Forecast::line(double known) const noexcept {
  const bool sloped = pairs_ >= kLineMin && variance_ > 1e-9;
  const double slope = sloped ? std::clamp(covariance_ / variance_, 0.0, 1.0) : 0.0;
  return mean_outcome_ + slope * (known - mean_known_);
}

void Forecast::observe(double known, double outcome) {
  ERRAND_ASSERT(std::isfinite(known) && std::isfinite(outcome));
  if (pairs_ >= kLineMin) {
    const double miss = outcome - line(known);
    correct_levels(miss);
    misses_.add(miss);
  }
  fit_line(known, outcome);
}

void Forecast::correct_levels(double miss) {
  if (misses_.weight() < kOutcomesMin) return;
  const auto correct = [](double& level, bool outside) {
    level = std::clamp(level + kStep * (kTail - (outside ? 1 : 0)), kLevelMin, kLevelMax);
  };
  const bool below = miss < misses_.quantile(lower_).value_or(miss);
  const bool above = miss > misses_.quantile(1 - upper_).value_or(miss);
  correct(lower_, below);
  correct(upper_, above);
}

void Forecast::fit_line(double known, double outcome) {
  pairs_ = std::min(pairs_ + 1, kLineMemory);
  const double share = 1.0 / pairs_;
  const double from_known = known - mean_known_;
  const double from_outcome = outcome - mean_outcome_;
  mean_known_ += share * from_known;
  mean_outcome_ += share * from_outcome;
  // The sums of squares of a weighted mean (D. West, "Updating Mean and Variance Estimates", 1979).
  variance_ = (1 - share) * (variance_ + share * from_known * from_known);
  covariance_ = (1 - share) * (covariance_ + share * from_known * from_outcome);
}

std::optional<Forecast::Range> Forecast::range(double known, double floor) const noexcept {
  const double at = line(known);
  if (misses_.weight() < kOutcomesMin || misses_.weight_above(floor - at) < 1) return std::nullopt;
  const auto low = misses_.quantile(lower_, floor - at);
  const auto middle = misses_.quantile(0.5, floor - at);
  const auto high = misses_.quantile(1 - upper_, floor - at);
  if (!low || !middle || !high) return std::nullopt;
  return Range{at + *low, at + *middle, at + *high};
}

void Forecast::append_json(std::string& text) const {
  fmt::format_to(std::back_inserter(text), "[{},{:.6g},{:.6g},{:.6g},{:.6g},{:.4g},{:.4g},", pairs_,
                 mean_known_, mean_outcome_, variance_, covariance_, lower_, upper_);
  misses_.append_json(text);
  text.push_back(']');
}

std::optional<Forecast> Forecast::from_json(const boost::json::value& json) {
  const boost::json::array* parts = json.if_array();
  std::array<double, 7> numbers{};
  if (parts == nullptr || parts->size() != numbers.size() + 1) return std::nullopt;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (!parts->at(i).is_number()) return std::nullopt;
    numbers[i] = parts->at(i).to_number<double>();
    // No logarithm of a duration comes near, nor a product of two.
    if (!(std::abs(numbers[i]) < 1e5)) return std::nullopt;
  }
  auto misses = DurationDigest::from_json(parts->back());
  const auto is_level = [](double level) { return level >= kLevelMin && level <= kLevelMax; };
  if (!misses || !(numbers[0] >= 0 && numbers[0] <= kLineMemory) || !(numbers[3] >= 0) ||
      !is_level(numbers[5]) || !is_level(numbers[6])) {
    return std::nullopt;
  }
  Forecast forecast;
  forecast.pairs_ = static_cast<std::uint32_t>(numbers[0]);
  forecast.mean_known_ = numbers[1];
  forecast.mean_outcome_ = numbers[2];
  forecast.variance_ = numbers[3];
  forecast.covariance_ = numbers[4];
  forecast.lower_ = numbers[5];
  forecast.upper_ = numbers[6];
  forecast.misses_ = std::move(*misses);
  return forecast;
}

}  // namespace errand::job
