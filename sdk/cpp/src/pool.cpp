#include "pool.h"

#include <system_error>
#include <utility>

namespace errand_worker::internal {

Pool::Pool(std::size_t threads_max, std::function<void(Task)> work, std::function<void()> idle)
    : threads_max_(threads_max), work_(std::move(work)), idle_(std::move(idle)) {}

Pool::~Pool() { join(); }

void Pool::add(Task task) {
  const std::scoped_lock lock(mutex_);
  queue_.push_back(std::move(task));
  call_one_more();
}

bool Pool::has_waiting() const {
  const std::scoped_lock lock(mutex_);
  return !queue_.empty();
}

void Pool::join() {
  std::vector<std::thread> threads;
  {
    const std::scoped_lock lock(mutex_);
    closing_ = true;
    queue_.clear();
    threads.swap(threads_);
  }
  wake_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

void Pool::run() {
  std::unique_lock lock(mutex_);
  on_the_way_ = false;
  for (;;) {
    while (!queue_.empty()) {
      Task task = std::move(queue_.front());
      queue_.pop_front();
      call_one_more();
      lock.unlock();
      work_(std::move(task));
      lock.lock();
    }
    lock.unlock();
    idle_();
    lock.lock();
    if (!queue_.empty()) continue;
    if (closing_) return;
    ++sleeping_;
    wake_.wait(lock);
    --sleeping_;
    on_the_way_ = false;
  }
}

void Pool::call_one_more() {
  if (queue_.empty() || on_the_way_ || closing_) return;
  if (sleeping_ > 0) {
    on_the_way_ = true;
    wake_.notify_one();
  } else if (threads_.size() < threads_max_) {
    try {
      threads_.emplace_back([this] { run(); });
      on_the_way_ = true;
    } catch (const std::system_error&) {
      // The machine gives no more threads: those that are there work the queue off.
      if (threads_.empty()) throw;
    }
  }
}

}  // namespace errand_worker::internal
