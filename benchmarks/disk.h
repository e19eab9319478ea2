#pragma once

#include <chrono>
#include <filesystem>

#include "errand/base/result.h"

namespace errand::benchmarks {

/// How often a second 4 KiB can be appended to a new file in `folder` and synced (fdatasync), one
/// after the other: what the disk gives to any log that syncs each record.
Result<double> syncs_per_second(const std::filesystem::path& folder,
                                std::chrono::milliseconds how_long);

}  // namespace errand::benchmarks
