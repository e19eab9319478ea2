#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "errand/async/blocking_pool.h"
#include "errand/base/result.h"
#include "errand/sandbox/sandbox.h"
#include "errand/telemetry/log.h"
#include "errand/worker/attempt.h"

namespace errand::worker {

/// Runs a command for each attempt: the job as JSON on its standard input, JSON lines on its
/// standard output (docs/operating/sandbox.md). Thread-safe.
class CommandHandler final : public Handler {
 public:
  struct Options {
    /// What is run. `input` is the handler's; `limits.wall` is cut to what is left of the attempt;
    /// the environment gets the variables of the job besides.
    sandbox::Request command;
    std::uint32_t slots = 1;  ///< threads: attempts at once; > 0
  };

  /// @return kConfigInvalid when this machine cannot run the command with all its limits.
  static Result<std::shared_ptr<CommandHandler>> create(
      Options options, std::shared_ptr<const sandbox::Sandbox> sandbox, telemetry::Log log);

  boost::asio::awaitable<Outcome> run(AttemptPtr attempt) override;

 private:
  CommandHandler(Options options, std::shared_ptr<const sandbox::Sandbox> sandbox,
                 telemetry::Log log);

  [[nodiscard]] Outcome run_blocking(Attempt& attempt) const;
  [[nodiscard]] sandbox::Request request(const Attempt& attempt) const;
  void write_log(const Attempt& attempt, const sandbox::Ended& ended) const;

  const Options options_;
  const std::shared_ptr<const sandbox::Sandbox> sandbox_;
  const telemetry::Log log_;
  async::BlockingPool pool_;
};

}  // namespace errand::worker
