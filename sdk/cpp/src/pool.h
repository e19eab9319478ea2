#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "attempt.h"
#include "errand_worker/handler.h"

namespace errand_worker::internal {

/// The threads that run handlers.
///
/// A thread is woken or started only when no other one is on its way to the queue: a burst of small
/// jobs is then worked off by few threads instead of waking one for each, while jobs that block
/// still get a thread each, one after the other. Thread-safe.
class Pool {
 public:
  struct Task {
    std::shared_ptr<Attempt> attempt;
    const Handler* handler = nullptr;
  };

  /// @param threads_max  how many tasks run at once; threads start when needed
  /// @param work         runs a task, on one of the threads; throws nothing
  /// @param idle         called by a thread that found no further task
  Pool(std::size_t threads_max, std::function<void(Task)> work, std::function<void()> idle);
  ~Pool();  ///< join()
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  void add(Task task);
  /// Whether a task waits for a thread.
  bool has_waiting() const;
  /// Drops the tasks that wait and waits for those that run. No add() afterwards.
  void join();

 private:
  void run();
  void call_one_more();

  const std::size_t threads_max_;
  const std::function<void(Task)> work_;
  const std::function<void()> idle_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::deque<Task> queue_;
  std::vector<std::thread> threads_;
  std::size_t sleeping_ = 0;
  bool on_the_way_ = false;  ///< a thread was woken or started and has not looked at the queue yet
  bool closing_ = false;
};

}  // namespace errand_worker::internal
