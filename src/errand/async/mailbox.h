#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "errand/async/event.h"

namespace errand::async {

/// A bounded queue from any thread to one coroutine. When it is full the producer is told and
/// decides: nothing waits here but the consumer.
template <class T>
class Mailbox {
 public:
  /// @param executor  strand of the consuming coroutine
  /// @param capacity  most items that wait; > 0
  Mailbox(boost::asio::any_io_executor executor, std::size_t capacity)
      : capacity_(capacity), event_(std::move(executor)) {}

  /// Adds an item. Thread-safe.
  /// @return false when the mailbox is full or closed; `item` is dropped then.
  bool try_push(T item) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_ || items_.size() >= capacity_) return false;
      items_.push_back(std::move(item));
    }
    event_.notify();
    return true;
  }

  /// Takes no more items; those inside are still handed out. Thread-safe.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    event_.notify();
  }

  /// The next item, as soon as there is one; nullopt once the mailbox is closed and empty.
  /// Throws `operation_aborted` when the coroutine is cancelled.
  boost::asio::awaitable<std::optional<T>> pop() {
    while (true) {
      {
        const std::lock_guard lock(mutex_);
        if (!items_.empty()) {
          std::optional<T> item(std::move(items_.front()));
          items_.pop_front();
          co_return item;
        }
        if (closed_) co_return std::nullopt;
      }
      co_await event_.wait();
    }
  }

  /// Takes everything that waits, without waiting. Thread-safe.
  std::deque<T> take_all() {
    const std::lock_guard lock(mutex_);
    return std::exchange(items_, {});
  }

  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return items_.size();
  }

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::deque<T> items_;
  bool closed_ = false;
  Event event_;
};

}  // namespace errand::async
