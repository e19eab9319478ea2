#pragma once

#include <cstdint>
#include <memory>

#include "errand/async/blocking_pool.h"
#include "errand/base/result.h"
#include "errand/sandbox/sandbox.h"
#include "errand/telemetry/log.h"
#include "errand/worker/attempt.h"
#include "errand/worker/command_runner.h"

namespace errand::worker {

/// Runs a command for each attempt within the server: a CommandRunner on threads of its own.
/// Thread-safe.
class CommandHandler final : public Handler {
 public:
  struct Options {
    sandbox::Request command;  ///< as CommandRunner::create() takes it
    std::uint32_t slots = 1;   ///< threads: attempts at once; > 0
  };

  /// @return kConfigInvalid when this machine cannot run the command with all its limits.
  static Result<std::shared_ptr<CommandHandler>> create(
      Options options, std::shared_ptr<const sandbox::Sandbox> sandbox, telemetry::Log log);

  boost::asio::awaitable<Outcome> run(AttemptPtr attempt) override;

 private:
  CommandHandler(CommandRunner runner, std::uint32_t slots);

  [[nodiscard]] Outcome run_blocking(Attempt& attempt) const;

  const CommandRunner runner_;
  async::BlockingPool pool_;
};

}  // namespace errand::worker
