#pragma once

#include <chrono>
#include <filesystem>

#include "errand/base/result.h"

namespace errand::benchmarks {

struct RoundOptions {
  std::filesystem::path program;
  std::filesystem::path folder;  ///< on the disk that is to be measured
  int connections = 64;
  int slots = 256;                            ///< jobs that the worker runs at once
  int outstanding = 512;                      ///< jobs submitted and not yet done, at most
  std::chrono::milliseconds how_long{5'000};  ///< of each measurement
};

/// One round of every measurement, so that figures and baselines come from the same minute.
struct Round {
  double syncs = 0;     ///< 4 KiB appended and synced, a second
  double health = 0;    ///< GET /healthz, a second
  double accepted = 0;  ///< durable mutations, a second, no worker there
  double accepted_p50_ms = 0;
  double accepted_p99_ms = 0;
  double done = 0;  ///< jobs from mutation to durable result, a second
  double done_p50_ms =
      0;  ///< from the mutation's sending to the worker's knowing that the result is durable
  double done_p99_ms = 0;
};

Result<Round> run_round(const RoundOptions& options);

}  // namespace errand::benchmarks
