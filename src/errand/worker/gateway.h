#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "errand/async/blocking_pool.h"
#include "errand/auth/authenticator.h"
#include "errand/base/clock.h"
#include "errand/base/random.h"
#include "errand/crypto/master_key.h"
#include "errand/engine/reply.h"
#include "errand/net/router.h"
#include "errand/runtime/lane.h"
#include "errand/store/reader.h"
#include "errand/telemetry/log.h"
#include "errand/telemetry/metrics.h"
#include "errand/worker/attempt.h"
#include "errand/worker/job_types.h"

namespace errand::worker {

/// Lets workers pull jobs: `errand.worker.v1` over WebSocket at /worker, and the same messages over
/// HTTP long poll below /worker/v1/ (docs/protocol/worker.md).
///
/// Thread-safe. To put it together:
///
///     Gateway gateway(options, parts);
///     Lane lane(..., [&](auto actions) { gateway.deliver(std::move(actions)); });
///     gateway.attach(lane);
///     gateway.add_routes(router);
///
/// and to take it down: drain(), stop the HTTP server, stop(), stop the lane, end the io_context,
/// destroy.
class Gateway {
 public:
  struct Options {
    std::size_t result_bytes_max = 1 << 20;
    Milliseconds heartbeat{10'000};      ///< what workers are told; well below the lease
    Milliseconds lease{30'000};          ///< what workers are told; the engine's
    Milliseconds hello_timeout{10'000};  ///< for the first message of a WebSocket
    std::size_t reports_max = 1'000;     ///< unanswered ones of a connection; then it is not read
    std::string server = "errand";       ///< program and version, for workers' logs
    std::string lineage;                 ///< of the store
  };

  /// All outlive the gateway.
  struct Parts {
    const auth::Authenticator& authenticator;
    const crypto::MasterKey& master_key;
    const JobTypes& types;
    const store::Reader& reader;
    async::BlockingPool& pool;
    Random& random;
    telemetry::Log log;
    telemetry::Metrics* metrics = nullptr;  ///< may be null
  };

  Gateway(const Options& options, const Parts& parts);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// Names the lane. Once, before requests come.
  void attach(runtime::Lane& lane);

  /// Adds /worker, /worker/v1/poll and /worker/v1/messages.
  void add_routes(net::Router& router);

  /// A worker that is part of the server.
  struct Hosted {
    std::string name;                ///< in logs and in the list of workers
    std::vector<JobTypeName> types;  ///< at least one; internal types are served so alone
    std::uint32_t slots = 1;         ///< attempts at once; > 0
    engine::WorkerWay way = engine::WorkerWay::kInProcess;
    std::shared_ptr<Handler> handler;
  };
  /// Names a hosted handler for unhost().
  enum class HostedId : std::uint64_t {};

  /// Lets a handler run jobs within this process. After the lane has started, before drain().
  /// `executor` runs the attempts; its context has threads.
  HostedId host(boost::asio::any_io_executor executor, Hosted hosted);

  /// Gives a handler no more jobs; what it has it may finish. Before drain(). Unknown ids, and
  /// those that were taken back already, are let pass.
  void unhost(HostedId id);

  /// Hands jobs and stop notices to their workers: the lane's sink of actions. Quick; never waits.
  void deliver(std::vector<engine::Action> actions);

  /// From now on nobody gets a job: polls are answered, new connections refused, connected workers
  /// told. Reports are still taken. `grace` is what the workers are told.
  void drain(Milliseconds grace);

  /// Lets attempts of hosted handlers go on until `patience`, then asks them to stop; waits for
  /// what still runs in the background. After the HTTP server has stopped.
  boost::asio::awaitable<void> stop(std::chrono::steady_clock::time_point patience);

  /// Connected workers, waiting polls included.
  [[nodiscard]] std::size_t workers() const;

  class Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace errand::worker
