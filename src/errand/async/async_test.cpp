#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "errand/async/blocking_pool.h"
#include "errand/async/callback.h"
#include "errand/async/deadline.h"
#include "errand/async/event.h"
#include "errand/async/mailbox.h"
#include "errand/async/task_group.h"

namespace errand::async {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

/// An io_context on some threads.
class Threads {
 public:
  explicit Threads(int count = 2) {
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([this] { context_.run(); });
    }
  }
  ~Threads() {
    work_.reset();
    for (auto& thread : threads_) thread.join();
  }
  asio::any_io_executor strand() { return asio::make_strand(context_); }

  template <class T>
  T run(asio::awaitable<T> task) {
    return asio::co_spawn(strand(), std::move(task), asio::use_future).get();
  }

 private:
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_ =
      asio::make_work_guard(context_);
  std::vector<std::thread> threads_;
};

TEST(WithDeadline, GivesTheValueOfWhatEndsInTime) {
  Threads threads;
  const auto op = []() -> asio::awaitable<std::string> { co_return "done"; };
  const auto result = threads.run(with_deadline(std::chrono::steady_clock::now() + 1h, op()));
  EXPECT_EQ(result.value(), "done");
}

TEST(WithDeadline, CancelsWhatTakesTooLong) {
  Threads threads;
  std::atomic<bool> unwound = false;
  const auto op = [&unwound]() -> asio::awaitable<void> {
    struct Guard {
      std::atomic<bool>& flag;
      ~Guard() { flag = true; }
    } guard{unwound};
    co_await sleep_for(1h);
  };
  const auto result = threads.run(with_deadline(std::chrono::steady_clock::now() + 1ms, op()));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_TRUE(unwound);
}

TEST(WithDeadline, LetsExceptionsThroughAtOnce) {
  Threads threads;
  const auto op = []() -> asio::awaitable<int> {
    throw std::runtime_error("broken");
    co_return 1;
  };
  const auto run = [&] {
    static_cast<void>(threads.run(with_deadline(std::chrono::steady_clock::now() + 1h, op())));
  };
  EXPECT_THROW(run(), std::runtime_error);
}

TEST(TaskGroup, CancelsAndJoinsItsCoroutines) {
  Threads threads;
  TaskGroup group;
  std::atomic<int> ended = 0;
  const auto op = [&ended]() -> asio::awaitable<void> {
    struct Guard {
      std::atomic<int>& count;
      ~Guard() { ++count; }
    } guard{ended};
    co_await sleep_for(1h);
  };
  for (int i = 0; i < 100; ++i) group.spawn(threads.strand(), "sleeper", op());
  group.cancel();
  threads.run(group.join());
  EXPECT_EQ(group.size(), 0U);
  EXPECT_EQ(ended, 100);
  group.spawn(threads.strand(), "late", op());  // dropped unstarted
  EXPECT_EQ(group.size(), 0U);
}

TEST(TaskGroup, TellsErrorsButNotCancellations) {
  Threads threads;
  std::atomic<int> errors = 0;
  TaskGroup group([&errors](std::string_view name, const std::exception_ptr&) {
    if (name == "broken") ++errors;
  });
  group.spawn(threads.strand(), "broken", []() -> asio::awaitable<void> {
    throw std::runtime_error("broken");
    co_return;
  }());
  group.spawn(threads.strand(), "sleeper",
              []() -> asio::awaitable<void> { co_await sleep_for(1h); }());
  group.cancel();
  threads.run(group.join());
  EXPECT_EQ(errors, 1);
}

TEST(Mailbox, HandsItemsOverInOrderFromAnyThread) {
  Threads threads;
  const auto strand = threads.strand();
  Mailbox<int> mailbox(strand, 1'000'000);
  auto consumer = asio::co_spawn(
      strand,
      [](Mailbox<int>* box) -> asio::awaitable<std::vector<int>> {
        std::vector<int> got;
        while (auto item = co_await box->pop()) got.push_back(*item);
        co_return got;
      }(&mailbox),
      asio::use_future);
  for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(mailbox.try_push(i));
  mailbox.close();
  EXPECT_FALSE(mailbox.try_push(1));
  const auto got = consumer.get();
  ASSERT_EQ(got.size(), 10'000U);
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(got[static_cast<std::size_t>(i)], i);
}

TEST(Mailbox, RefusesWhenItIsFull) {
  Threads threads;
  Mailbox<int> mailbox(threads.strand(), 2);
  EXPECT_TRUE(mailbox.try_push(1));
  EXPECT_TRUE(mailbox.try_push(2));
  EXPECT_FALSE(mailbox.try_push(3));
  EXPECT_EQ(mailbox.take_all().size(), 2U);
  EXPECT_TRUE(mailbox.try_push(4));
}

TEST(Event, WaitIsCancelledAndCoalesces) {
  Threads threads;
  const auto strand = threads.strand();
  Event event(strand);
  event.notify();
  event.notify();
  const auto twice = [](Event* e) -> asio::awaitable<Result<void>> {
    co_await e->wait();
    co_return co_await with_deadline(std::chrono::steady_clock::now() + 1ms, e->wait());
  };
  const auto second = asio::co_spawn(strand, twice(&event), asio::use_future).get();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kDeadlineExceeded);
}

TEST(BlockingPool, ResumesTheCallerOnItsOwnStrand) {
  Threads threads;
  BlockingPool pool({.threads = 2, .queue_max = 10});
  const auto strand = asio::make_strand(threads.strand());
  const auto task = [&pool, &strand]() -> asio::awaitable<bool> {
    const auto caller = std::this_thread::get_id();
    const auto result =
        co_await pool.run([caller] { return std::this_thread::get_id() != caller; });
    co_return result.value() && strand.running_in_this_thread();
  };
  EXPECT_TRUE(asio::co_spawn(strand, task(), asio::use_future).get());
}

TEST(BlockingPool, PassesErrorsOnAndTurnsExceptionsIntoErrors) {
  Threads threads;
  BlockingPool pool({.threads = 1, .queue_max = 10});
  const auto failed =
      threads.run(pool.run([]() -> Result<int> { return fail(ErrorCode::kNotFound, "none"); }));
  EXPECT_EQ(failed.error().code, ErrorCode::kNotFound);
  const auto threw = threads.run(pool.run([]() -> int { throw std::runtime_error("broken"); }));
  EXPECT_EQ(threw.error().code, ErrorCode::kInternal);
  const auto nothing = threads.run(pool.run([] {}));
  EXPECT_TRUE(nothing);
}

TEST(BlockingPool, RefusesWhenTooManyWaitAndWhenStopped) {
  Threads threads;
  BlockingPool pool({.threads = 1, .queue_max = 1});
  std::promise<void> release;
  std::promise<void> started;
  auto first = asio::co_spawn(threads.strand(), pool.run([&] {
    started.set_value();
    release.get_future().wait();
    return 1;
  }),
                              asio::use_future);
  started.get_future().wait();
  // One waits, one of the two others is refused.
  auto second = asio::co_spawn(threads.strand(), pool.run([] { return 2; }), asio::use_future);
  auto third = asio::co_spawn(threads.strand(), pool.run([] { return 3; }), asio::use_future);
  release.set_value();
  EXPECT_EQ(first.get().value(), 1);
  const auto a = second.get();
  const auto b = third.get();
  EXPECT_TRUE(a || b);
  for (const auto& result : {a, b}) {
    if (!result) EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  }
  pool.stop();
  EXPECT_EQ(threads.run(pool.run([] { return 4; })).error().code, ErrorCode::kUnavailable);
}

TEST(FromCallback, ResumesWhereverDoneIsCalled) {
  Threads threads;
  std::thread other;
  const int value =
      threads.run(from_callback<int>([&other](std::move_only_function<void(int)> done) {
        other = std::thread([done = std::move(done)]() mutable { done(42); });
      }));
  other.join();
  EXPECT_EQ(value, 42);
}

}  // namespace
}  // namespace errand::async
