#pragma once

#include <functional>
#include <string_view>

#include <boost/json/object.hpp>

namespace errand_worker {

enum class LogLevel {
  kDebug,  ///< single jobs
  kInfo,   ///< start, stop, connected
  kWarn,   ///< the worker coped: not connected, an attempt failed, a report was refused
  kError,  ///< someone must act
};

/// "debug", "info", "warn", "error".
std::string_view to_string(LogLevel level);

/// Where a worker writes what happens. `sentence` is fixed, what varies is in `fields`: `job_id`,
/// `type`, `attempt`, `correlation_id`, `reason`, ... Inputs, results and tokens are never logged.
///
/// Called on the thread of Worker::run(), which also sends the heartbeats: must be brief and must
/// not throw.
using Logger = std::function<void(LogLevel level, std::string_view sentence,
                                  const boost::json::object& fields)>;

/// One JSON object a line on standard error: `time` (RFC 3339, UTC), `level`, `message`, fields.
Logger json_logger();

/// Says nothing.
Logger silent_logger();

}  // namespace errand_worker
