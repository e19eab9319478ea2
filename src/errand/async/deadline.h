#pragma once

#include <chrono>
#include <exception>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "errand/base/result.h"

namespace errand::async {

using Deadline = std::chrono::steady_clock::time_point;

/// Sleeps until `when`. Throws `operation_aborted` when the coroutine is cancelled.
boost::asio::awaitable<void> sleep_until(Deadline when);

/// Sleeps for `duration`. Throws `operation_aborted` when the coroutine is cancelled.
boost::asio::awaitable<void> sleep_for(std::chrono::milliseconds duration);

/// Sleeps until `when`, or until `stop` is requested. The coroutine must run on a strand. Throws
/// `operation_aborted` when it is cancelled.
/// @return whether it slept to the end.
boost::asio::awaitable<bool> sleep_until(Deadline when, std::stop_token stop);

/// Whether the running coroutine was asked to end. Loops without other waits check it.
boost::asio::awaitable<bool> is_cancelled();

/// Runs `operation`, but no longer than until `deadline`: then it is cancelled, awaited, and
/// kDeadlineExceeded returned. Exceptions of `operation` come through. The deadline is a point in
/// time, so that it can be handed down and is never started anew.
template <class T>
boost::asio::awaitable<Result<T>> with_deadline(Deadline deadline,
                                                boost::asio::awaitable<T> operation) {
  namespace asio = boost::asio;
  // A Result needs no default constructor and holds void too.
  auto wrapped = [](asio::awaitable<T> inner) -> asio::awaitable<std::optional<Result<T>>> {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(inner);
      co_return Result<void>{};
    } else {
      co_return Result<T>(co_await std::move(inner));
    }
  };
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, deadline);
  auto [order, error, value, timer_error] =
      co_await asio::experimental::make_parallel_group(
          asio::co_spawn(executor, wrapped(std::move(operation)), asio::deferred),
          timer.async_wait(asio::deferred))
          .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  // The operation may have ended well in the very moment the timer fired: its value counts.
  if (!error && value) co_return std::move(*value);
  if (order[0] == 1) co_return fail(ErrorCode::kDeadlineExceeded, "The deadline has passed.");
  std::rethrow_exception(error);
}

}  // namespace errand::async
