#pragma once

#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace errand::async {

/// Wakes one waiting coroutine, from any thread. Notifications coalesce: any number of notify()
/// calls before a wait() make it return once.
///
/// One coroutine waits at a time, and it runs on `executor`, which must be a strand (or belong to
/// a context with one thread).
class Event {
 public:
  explicit Event(boost::asio::any_io_executor executor);
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  /// Thread-safe, cheap, never blocks for long.
  void notify();

  /// Returns at once if notify() was called since the last wait(), else when it is.
  /// Throws `operation_aborted` when the coroutine is cancelled.
  boost::asio::awaitable<void> wait();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace errand::async
