#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "benchmarks/server_process.h"

#include "errand/base/result.h"

namespace errand::benchmarks {

/// When the worker has a slot for a job, and from when on its wait counts.
enum class StartCase : std::uint8_t {
  /// Slots are free, and no other job of the type waits: from the sending of the mutation, as the
  /// commit that accepts the job starts it too.
  kFreeWorker,
  /// A slot gets free with each answer to a mutation: from the answer. Every other mutation makes a
  /// job of the backlog's priority, so that as many of these run.
  kFreedSlot,
};

struct StartLoad {
  StartCase kind = StartCase::kFreeWorker;
  double per_second = 400;  ///< mutations, at even distances
  std::chrono::milliseconds how_long{5'000};
};

struct StartLatencies {
  std::vector<std::chrono::nanoseconds> to_start;   ///< up to the worker's having the job
  std::vector<std::chrono::nanoseconds> to_answer;  ///< from a mutation's sending to its answer
};

/// Sends jobs at a steady pace and has a worker complete them at once.
Result<StartLatencies> measure_starts(const ServerProcess& server, const StartLoad& load);

}  // namespace errand::benchmarks
