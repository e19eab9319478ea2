#include "errand/worker/command_handler.h"

#include <stop_token>
#include <utility>

namespace errand::worker {

Result<std::shared_ptr<CommandHandler>> CommandHandler::create(
    Options options, std::shared_ptr<const sandbox::Sandbox> sandbox, telemetry::Log log) {
  auto runner =
      CommandRunner::create(std::move(options.command), std::move(sandbox), std::move(log));
  if (!runner) return std::unexpected(runner.error());
  return std::shared_ptr<CommandHandler>(new CommandHandler(*std::move(runner), options.slots));
}

CommandHandler::CommandHandler(CommandRunner runner, std::uint32_t slots)
    : runner_(std::move(runner)), pool_({.threads = slots}) {}

boost::asio::awaitable<Outcome> CommandHandler::run(AttemptPtr attempt) {
  auto outcome = co_await pool_.run([this, attempt] { return run_blocking(*attempt); });
  if (outcome) co_return std::move(*outcome);
  if (outcome.error().code == ErrorCode::kUnavailable) co_return Release{};
  co_return Failure{.kind = FailureKind::kTransient,
                    .code = "HANDLER_FAILED",
                    .message = "The command could not be run: " + outcome.error().message};
}

Outcome CommandHandler::run_blocking(Attempt& attempt) const {
  sandbox::StopSignal signal;
  const std::stop_callback on_stop(attempt.stop_token(), [&] {
    const auto stop = attempt.stop();
    if (stop && !attempt.lost()) {
      signal.terminate(stop->until);
    } else {
      signal.kill();
    }
  });
  // A kill may follow a cancel, whose grace is not waited for then.
  const std::stop_callback on_loss(attempt.lost_token(), [&] { signal.kill(); });
  return runner_.run({.job = attempt.offer(),
                      .ends_at = attempt.ends_at(),
                      .stop = signal,
                      .progress = [&](Progress progress) { attempt.progress(std::move(progress)); },
                      .given_back =
                          [&] {
                            const auto stop = attempt.stop();
                            return stop && stop->why == AttemptStop::kShutdown;
                          }});
}

}  // namespace errand::worker
