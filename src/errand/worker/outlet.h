#pragma once

#include <memory>
#include <vector>

#include "errand/auth/principal.h"
#include "errand/engine/reply.h"
#include "errand/worker/server_message.h"

namespace errand::worker {

/// Where the jobs of one connected worker go. Called on the lane's thread: quick, never waits.
class Outlet {
 public:
  virtual ~Outlet() = default;
  /// Jobs that were started together, which go together where the way has batches. Not empty.
  virtual void offer(std::vector<engine::Dispatch> dispatches) = 0;
  virtual void stop(engine::StopNotice notice) = 0;
  /// No job will come any more.
  /// @param grace  until the server stops; 0 where it does not
  virtual void drain(DrainReason reason, Milliseconds grace) = 0;
  [[nodiscard]] virtual const auth::Principal& principal() const = 0;
};

}  // namespace errand::worker
