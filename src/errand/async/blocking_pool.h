#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include "errand/async/callback.h"
#include "errand/base/result.h"

namespace errand::async {

namespace internal {
template <class T>
struct AsResult {
  using type = Result<T>;
};
template <class T>
struct AsResult<Result<T>> {
  using type = Result<T>;
};
}  // namespace internal

/// Threads for calls that block: reads of the store, files, name lookups. Bounded: when too many
/// calls wait, a further one is refused at once with kUnavailable.
///
/// Thread-safe. stop() lets running calls end and refuses those that wait. Stop or destroy it
/// before the execution contexts of its callers: a thread may still be within the post that resumes
/// one.
class BlockingPool {
 public:
  struct Options {
    std::size_t threads = 4;        ///< > 0
    std::size_t queue_max = 1'024;  ///< calls that wait; > 0
  };

  explicit BlockingPool(const Options& options);
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  /// Runs `function` on a thread of the pool and resumes the caller on its own executor.
  /// `function` gives a value or a Result; by value it owns all it needs. An exception of it is
  /// kInternal. Not cancelled by the caller's cancellation: calls are short.
  template <class F>
  auto run(F function)
      -> boost::asio::awaitable<typename internal::AsResult<std::invoke_result_t<F&>>::type> {
    using R = typename internal::AsResult<std::invoke_result_t<F&>>::type;
    co_return co_await from_callback<R>(
        [this, function = std::move(function)](std::move_only_function<void(R)> done) mutable {
          submit([function = std::move(function), done = std::move(done)](Outcome outcome) mutable {
            if (outcome == Outcome::kRefused) {
              done(fail(ErrorCode::kUnavailable, "Too many reads wait; try again in a moment."));
              return;
            }
            done(call<R>(function));
          });
        });
  }

  /// Ends the threads. Idempotent; blocks until running calls have ended.
  void stop();

 private:
  enum class Outcome { kRun, kRefused };
  using Call = std::move_only_function<void(Outcome)>;

  template <class R, class F>
  static R call(F& function) {
    try {
      if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
        function();
        return R{};
      } else {
        return R(function());
      }
    } catch (const std::exception& e) {
      return fail(ErrorCode::kInternal, e.what());
    } catch (...) {
      return fail(ErrorCode::kInternal, "An unknown exception.");
    }
  }

  void submit(Call call);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace errand::async
