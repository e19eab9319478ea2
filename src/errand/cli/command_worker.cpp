#include "errand/cli/command_worker.h"

#include <chrono>
#include <memory>
#include <stop_token>
#include <utility>
#include <variant>

#include "errand_worker/errors.h"
#include "errand_worker/job.h"
#include <boost/json/object.hpp>

#include "errand/base/assert.h"
#include "errand/json/writer.h"
#include "errand/sandbox/sandbox.h"

namespace errand::cli {
namespace {

using std::chrono::steady_clock;

/// At its end the SDK gives a job back once the grace is over, and another worker may begin it: the
/// command is gone by then.
constexpr std::chrono::milliseconds kAheadOfRelease{1'000};

worker::JobOffer offer_of(const errand_worker::Job& job) {
  const auto id = JobId::parse(job.id());
  if (!id) throw errand_worker::PermanentError("the job's id is no UUID: " + job.id());
  return {.job = *id,
          .token = {},
          .type = JobTypeName(job.type()),
          .queue = QueueName(job.queue()),
          .tenant = TenantId(job.tenant()),
          .run = job.run(),
          .attempt = job.attempt(),
          .max_attempts = job.max_attempts(),
          .arguments_json = json::to_text(job.arguments()),
          .lease = {},
          .timeout = {},
          .deadline = {},
          .priority = job.priority(),
          .tags = job.tags(),
          .labels = job.labels(),
          .correlation_id = job.correlation_id(),
          .traceparent = job.traceparent().value_or(""),
          .created_at = {}};
}

steady_clock::time_point kill_time(const errand_worker::Job& job) {
  auto grace = job.grace_left();
  if (job.stop_reason() == errand_worker::StopReason::kShutdown) grace -= kAheadOfRelease;
  return steady_clock::now() + grace;
}

/// Says an outcome as the SDK's handlers do.
struct Tell {
  boost::json::value operator()(worker::Complete complete) const {
    return std::move(complete.result);
  }
  boost::json::value operator()(worker::Failure failure) const {
    auto details = std::move(failure.details).value_or(boost::json::object());
    auto remediation = std::move(failure.remediation).value_or("");
    if (failure.kind == worker::FailureKind::kPermanent) {
      throw errand_worker::PermanentError(failure.message, {.code = std::move(failure.code),
                                                            .details = std::move(details),
                                                            .remediation = std::move(remediation)});
    }
    throw errand_worker::TransientError(failure.message, {.code = std::move(failure.code),
                                                          .details = std::move(details),
                                                          .remediation = std::move(remediation),
                                                          .retry_after = failure.retry_after});
  }
  boost::json::value operator()(worker::Release) const { throw errand_worker::ReleaseJob(); }
  boost::json::value operator()(worker::Snooze snooze) const {
    throw errand_worker::SnoozeJob(snooze.delay);
  }
  boost::json::value operator()(worker::LeftElsewhere) const {
    ERRAND_ASSERT(false);  // a command is nowhere else
    return {};
  }
};

boost::json::value run(const worker::CommandRunner& runner, errand_worker::Job& job) {
  const worker::JobOffer offer = offer_of(job);
  sandbox::StopSignal signal;
  const std::stop_callback on_stop(job.stop_token(), [&] { signal.terminate(kill_time(job)); });
  // A kill may follow a cancel, whose grace is not waited for then.
  const std::stop_callback on_loss(job.lost_token(), [&] { signal.kill(); });
  return std::visit(Tell{}, runner.run({.job = offer,
                                        .ends_at = steady_clock::now() + job.time_left(),
                                        .stop = signal,
                                        .progress =
                                            [&job](const worker::Progress& said) {
                                              job.progress({.completed = said.completed,
                                                            .total = said.total,
                                                            .stage = said.stage,
                                                            .message = said.message});
                                            },
                                        .given_back =
                                            [&job] {
                                              return job.stop_reason() ==
                                                     errand_worker::StopReason::kShutdown;
                                            }}));
}

telemetry::Log with_field(const telemetry::Log& log, std::string_view key,
                          const boost::json::value& value) {
  if (const auto* text = value.if_string()) return log.with({{key, std::string_view(*text)}});
  if (const auto* number = value.if_int64()) return log.with({{key, *number}});
  if (const auto* number = value.if_uint64()) return log.with({{key, *number}});
  if (const auto* number = value.if_double()) return log.with({{key, *number}});
  if (const auto* yes = value.if_bool()) return log.with({{key, *yes}});
  return log.with({{key, json::to_text(value)}});
}

}  // namespace

errand_worker::Handler command_handler(worker::CommandRunner runner) {
  const auto shared = std::make_shared<const worker::CommandRunner>(std::move(runner));
  return [shared](errand_worker::Job& job) { return run(*shared, job); };
}

errand_worker::Logger sdk_logger(telemetry::Log log) {
  return [log = std::move(log)](errand_worker::LogLevel level, std::string_view sentence,
                                const boost::json::object& fields) {
    telemetry::Log line = log;
    for (const auto& [key, value] : fields) line = with_field(line, key, value);
    switch (level) {
      case errand_worker::LogLevel::kDebug:
        return line.debug(sentence);
      case errand_worker::LogLevel::kInfo:
        return line.info(sentence);
      case errand_worker::LogLevel::kWarn:
        return line.warn(sentence);
      case errand_worker::LogLevel::kError:
        return line.error(sentence);
    }
  };
}

}  // namespace errand::cli
