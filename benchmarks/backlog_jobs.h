#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "benchmarks/server_process.h"

#include "errand/base/result.h"

namespace errand::benchmarks {

/// The jobs of `./dev bench backlog`. They share the queue "bench", but for those that nobody
/// takes.
inline constexpr std::string_view kQuick = "quick";  ///< no backlog in its line
inline constexpr std::string_view kWork = "work";    ///< a backlog of lower priority in its line

struct BacklogJob {
  std::string type;
  std::uint64_t number = 0;  ///< of those that are measured, from 1
  int priority = 0;
  std::int64_t delay_s = 0;  ///< 0: none
};

/// SDL of quick, work and `idle_types` more, each in a queue of its own.
std::string backlog_schema(int idle_types);

/// Job `index` of a backlog: in twenty, nine of `work`, nine of types that nobody takes in turn,
/// and two of `work` that are SCHEDULED, over a day.
BacklogJob backlog_job(std::uint64_t index, int idle_types);

/// The HTTP request whose mutation makes `job`.
std::string mutation(const ServerProcess& server, const BacklogJob& job);

/// The job's id in the answer to mutation().
Result<std::string_view> accepted_id(int status, std::string_view body);

}  // namespace errand::benchmarks
