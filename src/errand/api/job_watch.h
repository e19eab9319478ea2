#pragma once

#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "errand/async/event.h"
#include "errand/runtime/event_bus.h"

namespace errand::api {

/// A subscription to the event bus that a coroutine can wait on. Used on one strand.
class JobWatch {
 public:
  JobWatch(boost::asio::any_io_executor executor, runtime::EventBus& bus,
           runtime::Interest interest)
      : event_(std::make_shared<async::Event>(std::move(executor))),
        subscription_(bus.subscribe(std::move(interest), [event = event_] { event->notify(); })) {}

  /// What came since the last call, at once; empty where nothing did.
  runtime::News take() { return subscription_->take(); }

  /// Returns when there is something to take(), or after wake(). Throws operation_aborted when the
  /// coroutine is cancelled.
  boost::asio::awaitable<void> wait() { return event_->wait(); }

  /// Makes a wait() return.
  void wake() { event_->notify(); }

 private:
  std::shared_ptr<async::Event> event_;
  std::unique_ptr<runtime::Subscription> subscription_;  // goes first: it calls the event
};

}  // namespace errand::api
