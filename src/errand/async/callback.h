#pragma once

#include <functional>
#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace errand::async {

/// Turns a callback interface into an awaitable: `start` is called with a `done` function that is
/// to be called exactly once, from any thread; the coroutine resumes on its own executor with the
/// value. It cannot be cancelled: what was started answers.
///
///     auto reply = co_await async::from_callback<Reply>(
///         [&](auto done) { lane.submit(command, std::move(done)); });
template <class T, class Start>
boost::asio::awaitable<T> from_callback(Start start) {
  namespace asio = boost::asio;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(T)>(
      [](auto handler, Start begin) {
        auto executor = asio::get_associated_executor(handler);
        begin(std::move_only_function<void(T)>(
            [handler = std::move(handler),
             work = asio::make_work_guard(executor)](T value) mutable {
              auto target = work.get_executor();
              asio::post(target, [handler = std::move(handler), work = std::move(work),
                                  value = std::move(value)]() mutable {
                std::move(handler)(std::move(value));
              });
            }));
      },
      asio::use_awaitable, std::move(start));
}

}  // namespace errand::async
