#pragma once

#include <string_view>

namespace errand_worker {

/// Of this package; the build reads it from here.
inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace errand_worker
