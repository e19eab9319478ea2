#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>

namespace errand_worker::internal {

/// How long to wait before connecting again: full jitter (M. Brooker, "Exponential Backoff And
/// Jitter", AWS, 2015) over first, 2 * first, 4 * first, ... longest, though at least a tenth of
/// that, so that a server that refuses at once is not hammered.
///
/// @param failures  connections that failed in a row, from 1
/// @param draw      uniform in [0, 1)
inline std::chrono::milliseconds reconnect_delay(int failures, double draw,
                                                 std::chrono::milliseconds first,
                                                 std::chrono::milliseconds longest) {
  const double grown = static_cast<double>(first.count()) * std::exp2(std::min(failures - 1, 20));
  const double bound = std::min(static_cast<double>(longest.count()), grown);
  return std::chrono::milliseconds(std::llround(bound * (0.1 + 0.9 * draw)));
}

}  // namespace errand_worker::internal
