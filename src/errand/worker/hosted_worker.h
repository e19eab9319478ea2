#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "errand/async/event.h"
#include "errand/auth/principal.h"
#include "errand/worker/attempt.h"
#include "errand/worker/gateway.h"
#include "errand/worker/hub.h"
#include "errand/worker/outlet.h"

namespace errand::worker {

/// A worker that is part of the server: it takes jobs of some types from the engine as any worker
/// does, and lets a Handler run them. Leases, fencing, heartbeats, stops and reports are those of
/// remote workers; only that no socket lies between.
///
/// Thread-safe. Made and started by Gateway::host(); ends with finish().
class HostedWorker final : public Outlet, public std::enable_shared_from_this<HostedWorker> {
 public:
  /// @param executor  of all attempts, each on a strand of its own
  HostedWorker(Hub& hub, boost::asio::any_io_executor executor, Gateway::Hosted hosted);

  /// Announces itself to the engine and keeps leases alive until finish(). Once, after the lane has
  /// started.
  void start();

  /// Takes nothing more, lets attempts go on until `patience`, asks those that are left to stop and
  /// gives their jobs back, which costs them no attempt. Once.
  boost::asio::awaitable<void> finish(std::chrono::steady_clock::time_point patience);

  /// Attempts that run now.
  [[nodiscard]] std::size_t running() const;

  void offer(std::vector<engine::Dispatch> dispatches) override;
  void stop(engine::StopNotice notice) override;
  void drain(DrainReason reason, Milliseconds grace) override;
  [[nodiscard]] const auth::Principal& principal() const override { return *principal_; }

 private:
  using Key = std::pair<JobId, FencingToken>;

  static boost::asio::awaitable<void> run(std::shared_ptr<HostedWorker> self,
                                          engine::Dispatch dispatch);
  static boost::asio::awaitable<void> beat(std::shared_ptr<HostedWorker> self);
  static boost::asio::awaitable<void> finish_on_strand(
      std::shared_ptr<HostedWorker> self, std::chrono::steady_clock::time_point patience);
  static boost::asio::awaitable<void> until_idle(std::shared_ptr<HostedWorker> self);
  boost::asio::awaitable<Outcome> handle(AttemptPtr attempt);
  boost::asio::awaitable<void> report(AttemptPtr attempt, Outcome outcome);
  void report_progress(const HeldJob& held, Progress progress,
                       std::move_only_function<void()> done);
  void begin(const Key& key, const AttemptPtr& attempt);
  void end(const Key& key);
  void heard(const HeartbeatAck& ack);
  void free_slot();
  [[nodiscard]] Reports::Sender sender() const { return {principal_, id_}; }
  [[nodiscard]] std::vector<AttemptPtr> attempts() const;

  Hub& hub_;
  const boost::asio::any_io_executor executor_;
  const Gateway::Hosted hosted_;
  const auth::PrincipalPtr principal_;
  const WorkerId id_;
  const boost::asio::any_io_executor strand_;  ///< of finish()
  std::atomic<bool> draining_ = false;

  /// From its dispatch to the end of its report.
  struct Entry {
    AttemptPtr attempt;                        ///< null while its input is being read
    std::optional<engine::StopNotice> stop{};  ///< that came meanwhile
  };

  mutable std::mutex mutex_;
  std::map<Key, Entry> attempts_;  ///< guarded by mutex_, as the next
  bool shutting_down_ = false;     ///< attempts are asked to stop
  async::Event ended_;             ///< an attempt has
  std::atomic<bool> finished_ = false;
};

}  // namespace errand::worker
