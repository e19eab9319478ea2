#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

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

  /// As execute() of each request, all handed over at once, so that few commits take them.
  /// @return the answers in the order of `requests`.
  boost::asio::awaitable<std::vector<Result<engine::Reply>>> execute_all(
      std::vector<engine::Request> requests) const {
    using Answers = std::vector<Result<engine::Reply>>;
    if (requests.empty()) co_return Answers();
    struct Gathering {
      Answers answers;
      std::atomic<std::size_t> left;
      std::move_only_function<void(Answers)> done;
    };
    Lane* const lane = lane_;
    co_return co_await async::from_callback<Answers>(
        [lane,
         requests = std::move(requests)](std::move_only_function<void(Answers)> done) mutable {
          const auto gathering = std::make_shared<Gathering>();
          gathering->answers.resize(requests.size());
          gathering->left = requests.size();
          gathering->done = std::move(done);
          for (std::size_t i = 0; i < requests.size(); ++i) {
            lane->submit(std::move(requests[i]), [gathering, i](Result<engine::Reply> reply) {
              gathering->answers[i] = std::move(reply);
              if (--gathering->left == 0) gathering->done(std::move(gathering->answers));
            });
          }
        });
  }

  /// As Lane::estimates().
  [[nodiscard]] const EstimateBoard& estimates() const { return lane_->estimates(); }

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
