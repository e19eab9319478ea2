#pragma once

#include <CLI/CLI.hpp>

#include "errand/cli/commands.h"

namespace errand::cli {

/// `errand worker run`: a worker that runs the commands of a schema.
void add_worker_run_command(CLI::App& worker, Context& context);

}  // namespace errand::cli
