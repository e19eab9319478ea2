#pragma once

#include <string>

#include "errand/base/result.h"
#include "errand/sandbox/machine.h"
#include "errand/sandbox/request.h"

namespace errand::sandbox {

/// What the init program is told to do for `request`, which check() has let pass: the bytes behind
/// plan::kPlanFd.
/// @param scratch  the private folder; "" for isolated, which has one in memory
Result<std::string> plan_text(const Request& request, const Machine& machine,
                              const Capabilities& capabilities, const std::string& scratch);

}  // namespace errand::sandbox
