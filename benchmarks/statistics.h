#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace errand::benchmarks {

/// The value below which `share` of `values` lie, in milliseconds; 0 of none. Reorders them.
inline double percentile_ms(std::vector<std::chrono::nanoseconds>& values, double share) {
  if (values.empty()) return 0;
  const auto index = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + index, values.end());
  return std::chrono::duration<double, std::milli>(values[static_cast<std::size_t>(index)]).count();
}

/// The middle one of `values`, which are not empty.
inline double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace errand::benchmarks
