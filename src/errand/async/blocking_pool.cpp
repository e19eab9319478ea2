#include "errand/async/blocking_pool.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "errand/base/assert.h"

namespace errand::async {

struct BlockingPool::Impl {
  explicit Impl(const Options& o) : options(o) {}

  const Options options;
  std::mutex mutex;
  std::condition_variable ready;
  std::deque<Call> calls;
  bool stopping = false;
  std::vector<std::jthread> threads;

  void work() {
    while (true) {
      Call call;
      {
        std::unique_lock lock(mutex);
        ready.wait(lock, [this] { return stopping || !calls.empty(); });
        if (stopping) return;
        call = std::move(calls.front());
        calls.pop_front();
      }
      call(Outcome::kRun);
    }
  }
};

BlockingPool::BlockingPool(const Options& options) : impl_(std::make_unique<Impl>(options)) {
  ERRAND_ASSERT(options.threads > 0 && options.queue_max > 0);
  for (std::size_t i = 0; i < options.threads; ++i) {
    impl_->threads.emplace_back([impl = impl_.get()] { impl->work(); });
  }
}

BlockingPool::~BlockingPool() { stop(); }

void BlockingPool::submit(Call call) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (!impl_->stopping && impl_->calls.size() < impl_->options.queue_max) {
      impl_->calls.push_back(std::move(call));
      impl_->ready.notify_one();
      return;
    }
  }
  call(Outcome::kRefused);
}

void BlockingPool::stop() {
  std::deque<Call> refused;
  std::vector<std::jthread> threads;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
    refused.swap(impl_->calls);
    threads.swap(impl_->threads);
  }
  impl_->ready.notify_all();
  for (Call& call : refused) call(Outcome::kRefused);
  threads.clear();  // joins
}

}  // namespace errand::async
