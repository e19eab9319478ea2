#pragma once

#include <CLI/CLI.hpp>

#include "errand/cli/commands.h"

namespace errand::cli {

/// `errand job verify`, which reads the database as the `errand audit` commands do.
void add_job_verify_command(CLI::App& job, Context& context);

}  // namespace errand::cli
