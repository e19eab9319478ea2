#include "errand/async/deadline.h"

#include <memory>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

namespace errand::async {

namespace asio = boost::asio;

asio::awaitable<void> sleep_until(Deadline when) {
  asio::steady_timer timer(co_await asio::this_coro::executor, when);
  co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<void> sleep_for(std::chrono::milliseconds duration) {
  co_await sleep_until(std::chrono::steady_clock::now() + duration);
}

asio::awaitable<bool> sleep_until(Deadline when, std::stop_token stop) {
  const auto executor = co_await asio::this_coro::executor;
  const auto timer = std::make_shared<asio::steady_timer>(executor, when);
  const std::stop_callback wake(stop, [executor, timer] {
    // On the strand, so that it cannot come between the check below and the wait.
    asio::post(executor, [timer] { timer->cancel(); });
  });
  if (stop.stop_requested()) co_return false;
  const auto [error] = co_await timer->async_wait(asio::as_tuple(asio::use_awaitable));
  if (!error) co_return true;
  if (!stop.stop_requested()) throw boost::system::system_error(error);
  co_return false;
}

asio::awaitable<bool> is_cancelled() {
  const auto state = co_await asio::this_coro::cancellation_state;
  co_return state.cancelled() != asio::cancellation_type::none;
}

}  // namespace errand::async
