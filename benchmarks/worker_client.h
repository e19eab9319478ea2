#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "errand/base/result.h"

namespace errand::benchmarks {

/// A worker on a thread of its own that completes each job at once: what is measured is the server,
/// not the work. Speaks errand.worker.v1 over one WebSocket (docs/protocol/worker.md).
class WorkerClient {
 public:
  using Clock = std::chrono::steady_clock;

  struct Options {
    std::uint16_t port = 0;
    std::string token;
    std::string job_type;
    int slots = 256;
    /// Whether all slots are free at once, and each again when its job is done. Otherwise each
    /// credit comes from grant().
    bool always_free = true;
    /// Called on the worker's thread when a job has come; may be empty.
    std::function<void(std::string_view id, std::uint64_t number, Clock::time_point)> started =
        nullptr;
    /// Called on the worker's thread when the outcome of the job with this `input.number` is
    /// durable; may be empty.
    std::function<void(std::uint64_t number)> completed = nullptr;
  };

  explicit WorkerClient(Options options);
  ~WorkerClient();  ///< stop()
  WorkerClient(const WorkerClient&) = delete;
  WorkerClient& operator=(const WorkerClient&) = delete;

  /// Takes `credits` more jobs. From any thread.
  void grant(int credits);

  /// Closes the connection and joins the thread. @return what went wrong while it ran.
  Result<void> stop();

 private:
  class Session;

  std::unique_ptr<Session> session_;
  Result<void> outcome_;
  std::thread thread_;
};

}  // namespace errand::benchmarks
