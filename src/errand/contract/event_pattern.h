#pragma once

#include <span>
#include <string>
#include <string_view>

namespace errand::contract {

/// Whether `text` can name types of events in a setting: "*", a type such as
/// "dev.errand.job.failed", or the beginning of some with ".*" at its end.
[[nodiscard]] bool is_event_pattern(std::string_view text);

/// Whether one of `patterns` names `type`.
[[nodiscard]] bool takes_event_type(std::span<const std::string> patterns, std::string_view type);

}  // namespace errand::contract
