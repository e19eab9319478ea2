#pragma once

#include <vector>

#include "errand/app/setting.h"

namespace errand::app {

/// All settings, in the order of `errand config show`. Thread-safe.
const std::vector<Setting>& settings_table();

}  // namespace errand::app
