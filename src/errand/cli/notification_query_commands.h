#pragma once

#include "errand/cli/commands.h"

namespace errand::cli {

/// `list`, `why` and `preferences` of `errand notification`, which ask a running server.
void add_notification_query_commands(CLI::App& notification, Context& context);

}  // namespace errand::cli
