#include "errand/job/duration_digest.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "errand/base/assert.h"

namespace errand::job {
namespace {

constexpr double kLargest = 64;
/// A bucket below this is dropped: its last value is some 900 values old.
constexpr float kNegligible = 0.01F;
/// With one more, a bucket would cover all values.
constexpr int kDoublingsMax = 27;

}  // namespace

double DurationDigest::width() const noexcept { return std::ldexp(kFinest, doublings_); }

void DurationDigest::add(double value) {
  ERRAND_ASSERT(std::isfinite(value));
  constexpr auto kKept = static_cast<float>(1 - 1 / kMemory);
  for (Bucket& bucket : buckets_) bucket.weight *= kKept;
  std::erase_if(buckets_, [](const Bucket& bucket) { return bucket.weight < kNegligible; });
  put(static_cast<std::int32_t>(std::floor(std::clamp(value, -kLargest, kLargest) / width())), 1);
  fit();
}

void DurationDigest::merge(const DurationDigest& other) {
  DurationDigest finer = other;
  while (doublings_ < finer.doublings_) coarsen();
  while (finer.doublings_ < doublings_) finer.coarsen();
  for (const Bucket& bucket : finer.buckets_) put(bucket.index, bucket.weight);
  fit();
}

void DurationDigest::put(std::int32_t index, float weight) {
  const auto place = std::ranges::lower_bound(buckets_, index, {}, &Bucket::index);
  if (place != buckets_.end() && place->index == index) {
    place->weight += weight;
  } else {
    buckets_.insert(place, {index, weight});
  }
}

void DurationDigest::coarsen() {
  ++doublings_;
  std::vector<Bucket> coarser;
  for (const Bucket& bucket : buckets_) {
    const std::int32_t index = bucket.index >> 1;  // rounds down, also below 0
    if (!coarser.empty() && coarser.back().index == index) {
      coarser.back().weight += bucket.weight;
    } else {
      coarser.push_back({index, bucket.weight});
    }
  }
  buckets_ = std::move(coarser);
}

void DurationDigest::fit() {
  while (buckets_.size() > kBucketsMax) coarsen();
}

double DurationDigest::weight_above(double floor) const noexcept {
  double weight = 0;
  const double at = floor / width();
  for (const Bucket& bucket : buckets_) {
    // Within a bucket the values are taken to be spread evenly.
    const double below = std::clamp(at - bucket.index, 0.0, 1.0);
    weight += bucket.weight * (1 - below);
  }
  return weight;
}

std::optional<double> DurationDigest::quantile(double level, double floor) const noexcept {
  const double above = weight_above(floor);
  if (above <= 0) return std::nullopt;
  // The n-th of N values stands at the level n / (N + 1), in the middle of its own weight.
  const double rank = std::clamp(level * (above + 1) - 0.5, 0.0, above);
  double rest = rank + (weight_above(kLowest) - above);
  for (const Bucket& bucket : buckets_) {
    if (rest <= bucket.weight || &bucket == &buckets_.back()) {
      const double part = std::clamp(rest / bucket.weight, 0.0, 1.0);
      return std::max(floor, (bucket.index + part) * width());
    }
    rest -= bucket.weight;
  }
  return std::nullopt;
}

void DurationDigest::append_json(std::string& text) const {
  fmt::format_to(std::back_inserter(text), "[{}", doublings_);
  std::int32_t last = 0;
  for (const Bucket& bucket : buckets_) {
    fmt::format_to(std::back_inserter(text), ",{},{:.3g}", bucket.index - last, bucket.weight);
    last = bucket.index;
  }
  text.push_back(']');
}

std::optional<DurationDigest> DurationDigest::from_json(const boost::json::value& json) {
  const boost::json::array* numbers = json.if_array();
  if (numbers == nullptr || numbers->size() % 2 == 0 || numbers->size() > 2 * kBucketsMax + 1) {
    return std::nullopt;
  }
  const auto integer = [](const boost::json::value& value) -> std::optional<std::int64_t> {
    const std::int64_t* number = value.if_int64();
    constexpr std::int64_t kMost = 1 << 30;
    if (number == nullptr || *number > kMost || *number < -kMost) return std::nullopt;
    return *number;
  };
  const auto doublings = integer(numbers->at(0));
  if (!doublings || *doublings < 0 || *doublings > kDoublingsMax) return std::nullopt;
  DurationDigest digest;
  digest.doublings_ = static_cast<int>(*doublings);
  std::int64_t index = 0;
  for (std::size_t i = 1; i < numbers->size(); i += 2) {
    const auto step = integer(numbers->at(i));
    if (!step || (i > 1 && *step <= 0)) return std::nullopt;
    index += *step;
    const boost::json::value& number = numbers->at(i + 1);
    if (!number.is_number()) return std::nullopt;
    const auto weight = number.to_number<double>();
    if (!(weight > 0) || weight > 1e6) return std::nullopt;
    if (std::abs(static_cast<double>(index)) * digest.width() > kLargest + digest.width()) {
      return std::nullopt;
    }
    digest.buckets_.push_back({static_cast<std::int32_t>(index), static_cast<float>(weight)});
  }
  return digest;
}

}  // namespace errand::job
