#include "errand/async/event.h"

#include <atomic>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "errand/base/assert.h"

namespace errand::async {

namespace asio = boost::asio;

struct Event::State {
  explicit State(asio::any_io_executor e)
      : executor(std::move(e)), timer(executor, asio::steady_timer::time_point::max()) {}

  asio::any_io_executor executor;
  asio::steady_timer timer;  ///< touched on the executor only
  bool waiting = false;      ///< touched on the executor only
  std::atomic<bool> notified = false;
};

Event::Event(asio::any_io_executor executor)
    : state_(std::make_shared<State>(std::move(executor))) {}

Event::~Event() = default;

void Event::notify() {
  if (state_->notified.exchange(true)) return;  // the waiter is on its way already
  // Posted, because timers are not thread-safe. On the strand the waiter either has not begun to
  // wait (then it sees the flag) or is suspended (then cancel() wakes it).
  asio::post(state_->executor, [state = state_] { state->timer.cancel(); });
}

asio::awaitable<void> Event::wait() {
  const auto state = state_;
  ERRAND_ASSERT(!state->waiting);
  while (!state->notified.exchange(false)) {
    state->waiting = true;
    // Not thrown: notify() and cancellation both end the wait by operation_aborted.
    co_await state->timer.async_wait(asio::as_tuple(asio::use_awaitable));
    state->waiting = false;
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) {
      throw boost::system::system_error(asio::error::operation_aborted);
    }
  }
}

}  // namespace errand::async
