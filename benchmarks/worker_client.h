#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "errand/base/result.h"

namespace errand::benchmarks {

/// A worker on a thread of its own that completes each job at once: what is measured is the server,
/// not the work. Speaks errand.worker.v1 over one WebSocket (docs/protocol/worker.md).
class WorkerClient {
 public:
  struct Options {
    std::uint16_t port = 0;
    std::string token;
    std::string job_type;
    int slots = 256;
    /// Called on the worker's thread when the outcome of the job with this `input.number` is
    /// durable.
    std::function<void(std::uint64_t number)> completed;
  };

  explicit WorkerClient(Options options);
  ~WorkerClient();  ///< stop()
  WorkerClient(const WorkerClient&) = delete;
  WorkerClient& operator=(const WorkerClient&) = delete;

  /// Closes the connection and joins the thread. @return what went wrong while it ran.
  Result<void> stop();

 private:
  struct Session;
  void run();

  Options options_;
  std::unique_ptr<Session> session_;
  std::atomic<bool> stopping_{false};
  Result<void> outcome_;
  std::thread thread_;
};

}  // namespace errand::benchmarks
