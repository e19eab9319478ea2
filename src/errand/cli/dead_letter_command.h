#pragma once

#include "errand/cli/commands.h"

namespace errand::cli {

/// Adds what is done about jobs that failed to the command `job`: dead-letters, requeue, discard,
/// failures.
void add_dead_letter_commands(CLI::App& job, Context& context);

}  // namespace errand::cli
