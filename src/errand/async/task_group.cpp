#include "errand/async/task_group.h"

#include <functional>
#include <mutex>
#include <unordered_set>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include "errand/async/callback.h"
#include "errand/base/assert.h"

namespace errand::async {

namespace asio = boost::asio;

namespace {

struct Task {
  Task(asio::any_io_executor e, std::string n) : executor(std::move(e)), name(std::move(n)) {}

  asio::any_io_executor executor;
  std::string name;
  asio::cancellation_signal cancellation;  ///< emitted on the executor only
};

bool is_cancellation(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& e) {
    return e.code() == asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

struct Nothing {};

}  // namespace

struct TaskGroup::State {
  OnError on_error;
  mutable std::mutex mutex;
  std::unordered_set<std::shared_ptr<Task>> tasks;
  bool cancelled = false;
  std::move_only_function<void(Nothing)> joined;  ///< of the coroutine in join()

  void ended(const std::shared_ptr<Task>& task, const std::exception_ptr& error) {
    if (error && on_error && !is_cancellation(error)) on_error(task->name, error);
    std::move_only_function<void(Nothing)> wake;
    {
      const std::lock_guard lock(mutex);
      tasks.erase(task);
      if (tasks.empty()) wake = std::exchange(joined, nullptr);
    }
    if (wake) wake(Nothing{});
  }
};

TaskGroup::TaskGroup(OnError on_error) : state_(std::make_shared<State>()) {
  state_->on_error = std::move(on_error);
}

TaskGroup::~TaskGroup() = default;

void TaskGroup::spawn(asio::any_io_executor executor, std::string name,
                      asio::awaitable<void> task) {
  auto entry = std::make_shared<Task>(executor, std::move(name));
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->cancelled) return;
    state_->tasks.insert(entry);
  }
  // Started on the executor, so that no cancellation is emitted while the slot is being bound.
  asio::post(executor, [state = state_, entry, task = std::move(task)]() mutable {
    asio::co_spawn(entry->executor, std::move(task),
                   asio::bind_cancellation_slot(entry->cancellation.slot(),
                                                [state, entry](const std::exception_ptr& error) {
                                                  state->ended(entry, error);
                                                }));
    const bool cancelled = [&] {
      const std::lock_guard lock(state->mutex);
      return state->cancelled;
    }();
    // cancel() may have emitted before the slot was bound.
    if (cancelled) entry->cancellation.emit(asio::cancellation_type::terminal);
  });
}

void TaskGroup::cancel() {
  const std::lock_guard lock(state_->mutex);
  state_->cancelled = true;
  for (const auto& task : state_->tasks) {
    asio::post(task->executor,
               [task] { task->cancellation.emit(asio::cancellation_type::terminal); });
  }
}

asio::awaitable<void> TaskGroup::join() {
  const auto state = state_;
  co_await from_callback<Nothing>([state](std::move_only_function<void(Nothing)> done) {
    {
      const std::lock_guard lock(state->mutex);
      ERRAND_ASSERT(!state->joined);
      if (!state->tasks.empty()) {
        state->joined = std::move(done);
        return;
      }
    }
    done(Nothing{});
  });
}

std::size_t TaskGroup::size() const {
  const std::lock_guard lock(state_->mutex);
  return state_->tasks.size();
}

}  // namespace errand::async
