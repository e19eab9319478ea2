#pragma once

#include <memory>

#include "errand/app/config.h"
#include "errand/base/result.h"
#include "errand/contract/handler_rule.h"
#include "errand/sandbox/request.h"
#include "errand/sandbox/sandbox.h"

namespace errand::app {

/// The sandbox of the settings, on this machine. Blocks for some milliseconds.
/// @return kConfigInvalid naming the setting that is wrong; kUnavailable as Sandbox::create()
Result<std::shared_ptr<const sandbox::Sandbox>> open_sandbox(const Config::Sandbox& settings);

/// What @job(handler: {command:}) has the sandbox run, with the variables that it names as this
/// process has them.
sandbox::Request command_of(const contract::CommandHandlerRule& rule);

}  // namespace errand::app
