#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "errand/base/result.h"
#include "errand/sandbox/sandbox.h"
#include "errand/telemetry/log.h"
#include "errand/worker/attempt.h"
#include "errand/worker/server_message.h"
#include "errand/worker/worker_message.h"

namespace errand::worker {

/// Runs a command for attempts, in the server as in a worker that connects to it: the job as JSON
/// on its standard input, JSON lines on its standard output, and what its end means
/// (docs/operating/sandbox.md). Thread-safe: any number of runs at once, each on its caller's
/// thread.
class CommandRunner {
 public:
  /// @param command  what is run. `input` is the runner's; `limits.wall` ends a little behind
  ///                 the attempt; the environment gets the variables of the job besides.
  /// @return kConfigInvalid when this machine cannot run the command with all its limits.
  static Result<CommandRunner> create(sandbox::Request command,
                                      std::shared_ptr<const sandbox::Sandbox> sandbox,
                                      telemetry::Log log);

  /// One attempt. All that it refers to outlives run().
  struct Call {
    const JobOffer& job;
    std::chrono::steady_clock::time_point ends_at;  ///< of the attempt, or of the job's deadline
    sandbox::StopSignal& stop;
    std::function<void(Progress)> progress;
    /// Whether whoever used `stop` wants the job back, rather than ended.
    std::function<bool()> given_back;
  };

  /// Runs the command to its end, and blocks meanwhile. The thread must live as long as that.
  [[nodiscard]] Outcome run(const Call& call) const;

 private:
  CommandRunner(sandbox::Request command, std::shared_ptr<const sandbox::Sandbox> sandbox,
                telemetry::Log log);

  [[nodiscard]] sandbox::Request request(const Call& call) const;
  void write_log(const JobOffer& job, const sandbox::Ended& ended) const;

  sandbox::Request command_;
  std::shared_ptr<const sandbox::Sandbox> sandbox_;
  telemetry::Log log_;
};

}  // namespace errand::worker
