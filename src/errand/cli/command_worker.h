#pragma once

#include <string>
#include <string_view>

#include "errand_worker/handler.h"
#include "errand_worker/log.h"

#include "errand/telemetry/log.h"
#include "errand/worker/command_runner.h"

namespace errand::cli {

/// Runs a command for each job that a worker of the C++ SDK takes, as the server would.
/// Thread-safe.
errand_worker::Handler command_handler(worker::CommandRunner runner);

/// Writes what the SDK logs to `log`, so that all lines of the program look alike.
errand_worker::Logger sdk_logger(telemetry::Log log);

}  // namespace errand::cli
