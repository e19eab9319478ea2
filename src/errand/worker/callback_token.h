#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "errand/worker/worker_message.h"

namespace errand::worker {

/// The bearer token with which an endpoint reports over HTTP on an attempt that it has accepted:
/// "ecb_<job>.<wire token>". It is good for that attempt alone, as the wire token within is.
std::string callback_token(const HeldJob& held);

/// The attempt that a bearer token of callback_token() names; nullopt for any other text. What it
/// names is not checked yet.
std::optional<HeldJob> parse_callback_token(std::string_view token);

}  // namespace errand::worker
