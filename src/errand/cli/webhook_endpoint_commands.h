#pragma once

#include <CLI/CLI.hpp>

#include "errand/cli/commands.h"

namespace errand::cli {

/// `errand webhook list|show|create|update|delete|pause|resume|rotate|enable`, below `webhook`.
void add_webhook_endpoint_commands(CLI::App& webhook, Context& context);

}  // namespace errand::cli
