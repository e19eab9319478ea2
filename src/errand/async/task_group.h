#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace errand::async {

/// Owns coroutines: starts them, sees their errors, cancels them and waits for their end.
///
/// All members are thread-safe. Every coroutine must have ended (join()) before the group goes.
class TaskGroup {
 public:
  /// Told when a coroutine ended by an exception that is not its own cancellation. Runs on the
  /// coroutine's executor.
  using OnError = std::function<void(std::string_view name, std::exception_ptr error)>;

  explicit TaskGroup(OnError on_error = {});
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Starts `task` on `executor`. After cancel() it is dropped unstarted.
  /// @param name  says in the log what failed
  void spawn(boost::asio::any_io_executor executor, std::string name,
             boost::asio::awaitable<void> task);

  /// Asks every coroutine to end, by Asio's cancellation; takes no new ones.
  void cancel();

  /// Returns when no coroutine is left. The awaiting one must not belong to the group. One waiter
  /// at a time.
  boost::asio::awaitable<void> join();

  [[nodiscard]] std::size_t size() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace errand::async
