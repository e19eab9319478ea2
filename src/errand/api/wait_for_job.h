#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "errand/api/backend.h"
#include "errand/api/context.h"
#include "errand/api/job_watch.h"

namespace errand::api {

/// What ends a wait for a job.
struct JobWait {
  MonotonicTime until{};                   ///< at the latest
  std::vector<job::JobStatus> statuses{};  ///< one of them; empty: any terminal one
  bool ends_with_drain = true;             ///< when the server is about to stop
};

/// Waits until the job has come so far, at most until `wait.until`.
///
/// The hold cannot leak: it ends by the job, by time, by the bus draining or closing, or by the
/// cancellation of the coroutine; and no more than ApiOptions::waiting_max requests are held,
/// beyond which the present state is returned at once.
/// @param watch  subscribed to the job before `state` was true
/// @return the latest state that is known; `state` itself if nothing came; nullptr where the job
///         was deleted before it came so far.
boost::asio::awaitable<job::StatePtr> wait_for_job(BackendPtr backend,
                                                   std::unique_ptr<JobWatch> watch,
                                                   job::StatePtr state, JobWait wait);

/// While it lives a client is held because it asked to be. That time does not count against its
/// request, which at the end has as much left as at the beginning; fields may be held side by side.
class HeldTime {
 public:
  HeldTime(const Backend& backend, Context& context);
  ~HeldTime();
  HeldTime(const HeldTime&) = delete;
  HeldTime& operator=(const HeldTime&) = delete;

 private:
  const Backend& backend_;
  Context& context_;
  std::optional<Milliseconds> left_;  ///< nullopt: the request has no deadline
};

}  // namespace errand::api
