#pragma once

#include <type_traits>
#include <utility>
#include <variant>

#include <boost/asio/awaitable.hpp>

#include "errand/async/callback.h"
#include "errand/runtime/lane.h"

namespace errand::runtime {

/// The lane for coroutines. Cheap to copy; the lane outlives it. Thread-safe.
///
/// The io_context of a waiting coroutine must live until Lane::stop() has returned: the lane's
/// thread may still be inside its post() when the coroutine has long gone on.
class LaneClient {
 public:
  explicit LaneClient(Lane& lane) : lane_(&lane) {}

  /// Resumes on the caller's executor, after the commit. Not cancelled by the caller's
  /// cancellation: what was submitted happens.
  boost::asio::awaitable<Result<engine::Reply>> execute(engine::Request request) const {
    Lane* const lane = lane_;
    co_return co_await async::from_callback<Result<engine::Reply>>(
        [lane, request = std::move(request)](Lane::Done done) mutable {
          lane->submit(std::move(request), std::move(done));
        });
  }

  /// As execute(), for a request that is answered with a `T` when it succeeds.
  template <class T>
  boost::asio::awaitable<Result<T>> execute_as(engine::Request request) const {
    Result<engine::Reply> reply = co_await execute(std::move(request));
    if (!reply) co_return std::unexpected(std::move(reply.error()));
    if (T* value = std::get_if<T>(&*reply)) co_return std::move(*value);
    co_return fail(ErrorCode::kInternal, "The engine answered with another kind of reply.");
  }

 private:
  Lane* lane_;
};

}  // namespace errand::runtime
