#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/random.h"
#include "errand/base/result.h"
#include "errand/engine/engine.h"
#include "errand/engine/reply.h"
#include "errand/engine/request.h"
#include "errand/runtime/estimate_board.h"
#include "errand/runtime/event_bus.h"
#include "errand/store/store.h"
#include "errand/telemetry/log.h"
#include "errand/telemetry/metrics.h"

namespace errand::runtime {

/// Where a lane counts. Default handles count nowhere.
struct LaneMetrics {
  telemetry::Histogram commit_seconds;   ///< one store commit
  telemetry::Histogram commit_requests;  ///< requests answered by one plan
  telemetry::Counter commits_failed;     ///< refused or of unknown outcome
  telemetry::Counter requests_refused;   ///< the queue was full
  telemetry::Counter jobs_pruned;        ///< ended jobs that were deleted after their retention
};

/// The thread that drives an engine on a store: the one writer.
///
/// Group commit without a timer (DESIGN 7): a round takes all requests that wait, up to the
/// engine's bounds, and goes decide → commit → apply → answer, act and publish. What comes
/// meanwhile is the next round. Where the store refuses, the round's requests are refused and the
/// lane goes on. Where the outcome is unknown it stops taking requests, reopens the store, asks
/// whether the batch is there, answers accordingly, and rebuilds the engine's memory before
/// anything else.
///
/// While nothing waits it prunes jobs whose retention is over, in short transactions; under steady
/// load it takes a small part of the time for it.
class Lane {
 public:
  using Done = std::move_only_function<void(Result<engine::Reply>)>;
  /// Takes the actions of one commit: dispatches and stop notices, in order.
  using Actions = std::function<void(std::vector<engine::Action>)>;
  /// Sees what each commit wrote, for metrics and the log.
  using Committed = std::function<void(const std::vector<store::JobWrite>&)>;

  struct Options {
    engine::Options engine;                    ///< its batch bounds are the group commit's
    std::size_t queue_requests_max = 20'000;   ///< requests that wait; > 0
    std::size_t queue_bytes_max = 64UL << 20;  ///< of their weight; > 0
    Milliseconds reopen_wait{200};             ///< between tries to reopen a broken store; > 0
    Milliseconds key_prune_interval{600'000};  ///< between prunings of idempotency keys; > 0
    Milliseconds prune_interval{5'000};        ///< between prunings of expired jobs; > 0
    store::PruneLimits prune;                  ///< of one pruning
  };

  /// `store`, `bus`, `clock` and `random` outlive the lane; the store's writer belongs to it from
  /// start() to the end of stop().
  /// @param actions    called on the lane's thread; quick, must not wait. May be empty.
  /// @param committed  as `actions`, before them
  Lane(const Options& options, store::Store& store, EventBus& bus, const Clock& clock,
       Random& random, Actions actions, telemetry::Log log = {}, LaneMetrics metrics = {},
       Committed committed = {});
  /// Calls stop().
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// Builds the engine's memory from the store and begins the thread. Once.
  Result<void> start();

  /// Hands a request to the engine. Thread-safe, never blocks for long.
  ///
  /// `done` is called once, on the lane's thread after the commit, or on the caller's if the
  /// request is refused at once: kUnavailable when too much waits, the store is being reopened, or
  /// the lane is stopping. It must be quick and must not wait.
  void submit(engine::Request request, Done done);

  /// Looks at the clock again now, for timers and for jobs to prune. For clocks that are advanced
  /// by hand, which no sleep notices.
  void wake();

  /// As wake(), and calls `settled` once nothing is due any more at the clock's time: every timer
  /// has fired, expired jobs are pruned. On the lane's thread, quick; on the caller's if the lane
  /// does not run.
  void wake(std::move_only_function<void()> settled);

  /// Whether requests are taken: between start() and stop(), and not while the store is reopened.
  /// Thread-safe; for readiness.
  [[nodiscard]] bool healthy() const;

  /// What is known of how long jobs take, as of the last commit. Thread-safe.
  [[nodiscard]] const EstimateBoard& estimates() const;

  /// Takes no more requests, finishes those that wait, ends the thread. Idempotent. Leases stay as
  /// they are: after a restart each gets one full length.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace errand::runtime
