#pragma once

#include <memory>
#include <optional>

#include "errand/base/clock.h"
#include "errand/job/payload.h"

namespace errand::api {

/// Progress of a job or of one of its events: source of the schema's JobProgress.
struct ProgressView {
  const job::Progress* progress = nullptr;  ///< never null; of `owner`
  std::optional<Timestamp> at;              ///< when the worker said so
  std::shared_ptr<const void> owner;
};

}  // namespace errand::api
