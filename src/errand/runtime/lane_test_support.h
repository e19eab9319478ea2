#pragma once

#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "errand/base/random.h"
#include "errand/runtime/event_bus.h"
#include "errand/runtime/lane.h"
#include "errand/store/conformance/builders.h"
#include "errand/store/conformance/invariants.h"
#include "errand/store/memory_store.h"

namespace errand::runtime {

/// A clock that stands still until it is told to go on. Thread-safe.
class TestClock final : public Clock {
 public:
  [[nodiscard]] Now now() const override {
    const std::lock_guard lock(mutex_);
    return {Timestamp(Milliseconds(1'790'000'000'000) + passed_),
            MonotonicTime(Milliseconds(1'000'000) + passed_)};
  }
  void advance(Milliseconds by) {
    const std::lock_guard lock(mutex_);
    passed_ += by;
  }

 private:
  mutable std::mutex mutex_;
  Milliseconds passed_{0};
};

/// Counts commits, and can hold them back to see what gathers meanwhile.
class GatedStore final : public store::Store {
 public:
  std::expected<void, store::CommitError> commit(const store::Batch& batch) override {
    {
      std::unique_lock lock(mutex_);
      ++arrived_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return open_; });
      jobs_per_commit_.push_back(batch.jobs.size());
    }
    return inner.commit(batch);
  }
  Result<void> reopen() override { return inner.reopen(); }
  [[nodiscard]] std::uint64_t epoch() const override { return inner.epoch(); }
  [[nodiscard]] LogPosition last_position() const override { return inner.last_position(); }
  [[nodiscard]] Uuid last_batch_id() const override { return inner.last_batch_id(); }
  Result<store::Pruned> prune(Timestamp now, const store::PruneLimits& limits) override {
    auto pruned = inner.prune(now, limits);
    {
      const std::lock_guard lock(mutex_);
      if (pruned) pruned_ += pruned->jobs;
      ++prunings_;
    }
    changed_.notify_all();
    return pruned;
  }
  Result<std::size_t> prune_idempotency(Timestamp now, std::size_t limit) override {
    return inner.prune_idempotency(now, limit);
  }
  Result<std::size_t> prune_records(Timestamp now, std::size_t limit) override {
    return inner.prune_records(now, limit);
  }
  [[nodiscard]] const store::Reader& reader() const override { return inner.reader(); }

  void close_gate() { set(false); }
  void open_gate() { set(true); }
  /// Waits until commit() has been called `count` times in all.
  void await_arrivals(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_ >= count; });
  }
  /// Waits until `count` jobs have been pruned in all.
  void await_pruned(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return pruned_ >= count; });
  }
  /// Calls of prune() so far.
  std::size_t prunings() {
    const std::lock_guard lock(mutex_);
    return prunings_;
  }
  std::vector<std::size_t> jobs_per_commit() {
    const std::lock_guard lock(mutex_);
    return jobs_per_commit_;
  }

  store::MemoryStore inner;

 private:
  void set(bool open) {
    {
      const std::lock_guard lock(mutex_);
      open_ = open;
    }
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  std::size_t arrived_ = 0;
  std::size_t pruned_ = 0;
  std::size_t prunings_ = 0;
  std::vector<std::size_t> jobs_per_commit_;
};

/// Takes the lane's actions; waits for them.
class ActionLog {
 public:
  void operator()(std::vector<engine::Action> actions) {
    {
      const std::lock_guard lock(mutex_);
      for (auto& action : actions) actions_.push_back(std::move(action));
    }
    changed_.notify_all();
  }
  /// The dispatch number `index` (from 0), once it is there.
  engine::Dispatch dispatch(std::size_t index) {
    std::unique_lock lock(mutex_);
    std::optional<engine::Dispatch> found;
    changed_.wait(lock, [&] {
      std::size_t seen = 0;
      for (const auto& action : actions_) {
        const auto* dispatch = std::get_if<engine::Dispatch>(&action);
        if (dispatch != nullptr && seen++ == index) found = *dispatch;
      }
      return found.has_value();
    });
    return std::move(*found);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<engine::Action> actions_;
};

using ReplyFuture = std::future<Result<engine::Reply>>;

inline ReplyFuture ask(Lane& lane, engine::Request request) {
  auto promise = std::make_shared<std::promise<Result<engine::Reply>>>();
  auto future = promise->get_future();
  lane.submit(std::move(request),
              [promise](Result<engine::Reply> reply) { promise->set_value(std::move(reply)); });
  return future;
}

inline engine::EnqueueJob enqueue(std::uint64_t number, job::JobSpec spec) {
  SeededRandom random(number);
  engine::EnqueueJob request;
  request.id = JobId{Uuid::v7(Timestamp(Milliseconds(1'790'000'000'000)), random)};
  request.spec = std::move(spec);
  request.input = R"({"a":1})";
  request.spec.input.size_bytes = request.input.size();
  request.correlation_id = "order-1047";
  request.actor = {job::ActorKind::kClient, SubjectId("user:anna")};
  return request;
}

inline engine::EnqueueJob enqueue(std::uint64_t number) {
  return enqueue(number, store::conformance::BatchBuilder::spec());
}

inline job::StatePtr state_of(ReplyFuture future) {
  const auto reply = future.get();
  if (!reply) return nullptr;
  const auto* job = std::get_if<engine::JobReply>(&*reply);
  return job == nullptr ? nullptr : job->state;
}

}  // namespace errand::runtime
