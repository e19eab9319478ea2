#include "errand/async/deadline.h"

namespace errand::async {

namespace asio = boost::asio;

asio::awaitable<void> sleep_until(Deadline when) {
  asio::steady_timer timer(co_await asio::this_coro::executor, when);
  co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<void> sleep_for(std::chrono::milliseconds duration) {
  co_await sleep_until(std::chrono::steady_clock::now() + duration);
}

asio::awaitable<bool> is_cancelled() {
  const auto state = co_await asio::this_coro::cancellation_state;
  co_return state.cancelled() != asio::cancellation_type::none;
}

}  // namespace errand::async
