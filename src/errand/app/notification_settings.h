#pragma once

#include <vector>

#include "errand/app/setting.h"

namespace errand::app {

/// The rows of the settings below `notifications`.
void add_notification_settings(std::vector<Setting>& t);

}  // namespace errand::app
