#pragma once

#include <memory>

#include <boost/asio/awaitable.hpp>

#include "errand/api/backend.h"
#include "errand/api/job_watch.h"

namespace errand::api {

/// Waits until the job has ended, at most until `until`.
///
/// The hold cannot leak: it ends by the job, by time, by the bus closing, or by the cancellation of
/// the coroutine; and no more than ApiOptions::waiting_max requests are held, beyond which the
/// present state is returned at once.
/// @param watch  subscribed to the job before `state` was true
/// @return the latest state that is known; `state` itself if nothing came.
boost::asio::awaitable<job::StatePtr> wait_for_job(BackendPtr backend,
                                                   std::unique_ptr<JobWatch> watch,
                                                   job::StatePtr state, MonotonicTime until);

}  // namespace errand::api
