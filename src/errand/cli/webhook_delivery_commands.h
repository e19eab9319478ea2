#pragma once

#include <CLI/CLI.hpp>

#include "errand/cli/commands.h"

namespace errand::cli {

/// `errand webhook deliveries`, `redeliver`, `recover` and `test`.
void add_webhook_delivery_commands(CLI::App& webhook, Context& context);

}  // namespace errand::cli
