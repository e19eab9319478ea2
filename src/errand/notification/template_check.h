#pragma once

#include <string>
#include <string_view>

#include "errand/base/result.h"
#include "errand/contract/job_type.h"

namespace errand::notification {

/// Whether `text` is a template that this server renders.
/// @return kConfigInvalid beginning with "line 3: "
Result<void> check_template_syntax(std::string_view text);

/// Whether all variables in `text`, which check_template_syntax() took, are there for messages
/// about jobs of `type`.
/// @return kConfigInvalid beginning with "line 3: "
Result<void> check_template_names(std::string_view text, const contract::JobType& type);

}  // namespace errand::notification
