#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "errand/async/task_group.h"
#include "errand/auth/policy.h"
#include "errand/worker/gateway.h"
#include "errand/worker/outlet.h"
#include "errand/worker/reports.h"

namespace errand::worker {

/// What all connections share: the connected workers, the way to the lane, the rules. Thread-safe.
class Hub {
 public:
  Hub(const Gateway::Options& options, const Gateway::Parts& parts);

  void attach(runtime::Lane& lane);
  void deliver(std::vector<engine::Action> actions);
  void drain(Milliseconds grace);

  [[nodiscard]] const Gateway::Options& options() const noexcept { return options_; }
  [[nodiscard]] const telemetry::Log& log() const noexcept { return log_; }
  [[nodiscard]] Reports& reports() noexcept { return reports_; }
  [[nodiscard]] runtime::Lane& lane() noexcept { return *lane_; }
  [[nodiscard]] async::TaskGroup& tasks() noexcept { return tasks_; }
  [[nodiscard]] bool draining() const noexcept { return draining_.load(); }
  [[nodiscard]] std::size_t workers() const;
  /// Longest message or body that is read.
  [[nodiscard]] std::size_t message_bytes_max() const noexcept;

  /// Who asks, if it may work at all.
  /// @return kUnauthenticated, kForbidden
  [[nodiscard]] Result<auth::PrincipalPtr> authenticate(const net::HttpRequest& request) const;

  /// Who reports over HTTP, and where it has but a callback token, on which attempt alone.
  struct Reporter {
    auth::PrincipalPtr principal;
    std::optional<HeldJob> only = std::nullopt;
  };
  /// @return as authenticate()
  [[nodiscard]] Result<Reporter> authenticate_reporter(const net::HttpRequest& request) const;

  /// The worker of that id is part of the server.
  void connect_hosted(const WorkerId& id, std::shared_ptr<Outlet> outlet);
  /// An attempt that an endpoint had accepted has ended by its report.
  void end_hosted(const HeldJob& held);

  /// The engine's view of a worker, if its principal may take from these queues.
  /// @return kForbidden naming the queue, the type or the selector that is in the way
  [[nodiscard]] Result<engine::RegisterWorker> registration(const Hello& hello,
                                                            const auth::Principal& principal);

  /// Of workers that are part of the server: for every tenant and queue, and for work alone.
  [[nodiscard]] const auth::PrincipalPtr& hosted_principal() const { return hosted_principal_; }

  /// An id that no worker of this run has had.
  [[nodiscard]] WorkerId make_worker_id();

  /// Gives a worker that is connected more credits. Tries again where the lane cannot take them
  /// just now: a credit that is lost is a slot that stays empty.
  /// @param executor  where it waits for that
  void add_credits(boost::asio::any_io_executor executor, WorkerId worker, std::uint32_t credits);

  /// Announced types that the schema does not have, or that workers do not run.
  [[nodiscard]] std::vector<JobTypeName> unknown_types(const Hello& hello) const;

  /// Puts a worker into the map, so that its jobs find it; before it is registered with the engine.
  void connect(const WorkerId& id, std::shared_ptr<Outlet> outlet);
  /// Takes it out, and out of the engine. Jobs that come for it from now on are released.
  void disconnect(const WorkerId& id);

  /// The offer, its arguments read from the store where they are not in memory.
  boost::asio::awaitable<Result<JobOffer>> load_offer(engine::Dispatch dispatch,
                                                      auth::PrincipalPtr principal);

  /// Gives the job back, or fails it where another worker would fare no better.
  void return_job(const engine::Dispatch& dispatch, const Error& why);

  /// A line about a job that was handed over.
  void log_offer(const engine::Dispatch& dispatch, const WorkerId& worker) const;

 private:
  [[nodiscard]] Result<void> check_selectors(const Hello& hello,
                                             const std::vector<JobTypeName>& types) const;
  [[nodiscard]] std::shared_ptr<Outlet> find(const WorkerId& id) const;
  static boost::asio::awaitable<void> add_credits_later(Hub& hub, WorkerId worker,
                                                        std::uint32_t credits);

  Gateway::Options options_;
  const auth::Authenticator& authenticator_;
  const JobTypes& types_;
  const store::Reader& reader_;
  async::BlockingPool& pool_;
  telemetry::Log log_;
  telemetry::Gauge connected_;
  auth::Policy policy_;
  Reports reports_;
  runtime::Lane* lane_ = nullptr;
  async::TaskGroup tasks_;
  std::atomic<bool> draining_ = false;

  const auth::PrincipalPtr hosted_principal_;
  std::string id_prefix_;  ///< differs from run to run, as worker ids stand in events
  std::atomic<std::uint64_t> next_id_ = 1;

  mutable std::mutex mutex_;
  std::unordered_map<WorkerId, std::shared_ptr<Outlet>> outlets_;  ///< guarded by mutex_
  std::vector<std::weak_ptr<Outlet>> hosted_;                      ///< guarded by mutex_
};

/// The engine's reason in the words of the protocol.
StopReason to_wire(engine::StopReason reason);

}  // namespace errand::worker
