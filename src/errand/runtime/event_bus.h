#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "errand/base/ids.h"
#include "errand/job/internal_type.h"
#include "errand/job/state.h"
#include "errand/store/batch.h"

namespace errand::runtime {

/// What a subscriber wants to hear of. Where tenant and job are given, both must hold; where
/// neither is, it is every job of every tenant.
struct Interest {
  std::optional<TenantId> tenant = std::nullopt;
  std::optional<JobId> job = std::nullopt;
  job::JobKind kind = job::JobKind::kUser;  ///< internal jobs are told of apart
  bool snapshots = true;                    ///< false: of a log, whose position alone matters
  std::size_t snapshots_max = 1'024;        ///< jobs whose snapshots may wait; > 0
};

/// What has happened since the last take().
struct News {
  /// The latest snapshot of each job that changed, in the order of their last events. Snapshots in
  /// between are left out.
  std::vector<job::StatePtr> snapshots;
  /// Position of the last event that concerned the subscriber; 0 if there was none. A follower of
  /// the log reads the store from its own cursor, so that nothing is lost and nothing waits here.
  LogPosition position{};
  /// More than `snapshots_max` jobs changed: some are missing, read the store.
  bool overflow = false;
  /// The job of Interest::job was deleted, pruned or forgotten: no more is to come of it.
  bool gone = false;
  /// The server is about to stop: who holds an answer for news gives it now.
  bool draining = false;
  /// The bus has been closed: nothing will come any more.
  bool closed = false;
};

class EventBus;

/// One subscriber. Ends with its destructor, after which its wake function is not called and not
/// running either. Thread-safe.
class Subscription {
 public:
  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  /// All that waits, without waiting. From then on the next change wakes again.
  [[nodiscard]] News take();

 private:
  friend class EventBus;
  struct State;
  struct Index;

  Subscription(std::shared_ptr<Index> index, std::shared_ptr<State> state);

  std::shared_ptr<Index> index_;
  std::shared_ptr<State> state_;
};

/// Tells of every commit, after it, to whoever subscribed before it. Thread-safe.
///
/// Memory is bounded per subscriber: snapshots of one job coalesce, logs are read from the store.
/// To lose nothing: subscribe, then read the store, then wait for news.
class EventBus {
 public:
  EventBus();
  ~EventBus();
  EventBus(const EventBus&) = delete;
  EventBus& operator=(const EventBus&) = delete;

  /// `wake` is called, from the publishing thread, when the first news come after the start or
  /// after a take(). It must be quick and must not call the bus or the subscription; typically
  /// async::Event::notify().
  [[nodiscard]] std::unique_ptr<Subscription> subscribe(Interest interest,
                                                        std::function<void()> wake);

  /// Publishes what a commit wrote.
  void publish(const std::vector<store::JobWrite>& writes);

  /// Tells the subscribers of these jobs that they were deleted.
  void publish_gone(const std::vector<JobId>& jobs);

  /// Tells every subscription, present and future, by News::draining.
  void drain();

  /// Ends every subscription, present and future, with News::closed.
  void close();

  /// Number of subscriptions, for metrics and tests.
  [[nodiscard]] std::size_t size() const;

 private:
  std::shared_ptr<Subscription::Index> index_;
};

}  // namespace errand::runtime
