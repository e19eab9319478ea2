#include "errand/worker/command_runner.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <boost/json/object.hpp>

#include "errand/base/utf8.h"
#include "errand/json/writer.h"
#include "errand/worker/command_output.h"

namespace errand::worker {
namespace {

namespace bj = boost::json;
using sandbox::Ended;
using sandbox::LimitHit;
using sandbox::StartFault;

/// Of the command's log, with a failure.
constexpr std::size_t kLogInDetails = 4'096;

/// The end of `text` as well-formed UTF-8: what is not becomes U+FFFD.
std::string readable_end(std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max) {
    text.remove_prefix(text.size() - bytes_max);
    // Not from within a character.
    while (!text.empty() && (static_cast<unsigned char>(text[0]) & 0xC0) == 0x80) {
      text.remove_prefix(1);
    }
  }
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const CodePoint next = decode_utf8(text);
    if (next.length == 0) {
      append_utf8(clean, 0xFFFD);
      text.remove_prefix(1);
    } else {
      clean += text.substr(0, next.length);
      text.remove_prefix(next.length);
    }
  }
  return clean;
}

/// What the command reads.
std::string input(const JobOffer& offer, std::chrono::milliseconds time_left) {
  std::string text;
  json::Writer out(text);
  const auto put = [&out](std::string_view name, std::string_view value) {
    out.key(name);
    out.string(value);
  };
  out.begin_object();
  put("jobId", offer.job.str());
  put("type", offer.type.view());
  put("queue", offer.queue.view());
  put("tenant", offer.tenant.view());
  out.key("run");
  out.integer(offer.run);
  out.key("attempt");
  out.integer(offer.attempt);
  out.key("maxAttempts");
  out.integer(offer.max_attempts);
  out.key("timeLeftMs");
  out.integer(time_left.count());
  out.key("tags");
  out.begin_array();
  for (const std::string& tag : offer.tags) out.string(tag);
  out.end_array();
  out.key("labels");
  out.begin_object();
  for (const auto& [key, value] : offer.labels) put(key, value);
  out.end_object();
  put("correlationId", offer.correlation_id);
  if (!offer.traceparent.empty()) put("traceparent", offer.traceparent);
  out.key("arguments");
  out.raw(offer.arguments_json);
  out.end_object();
  text += '\n';
  return text;
}

Failure failure(FailureKind kind, std::string code, std::string message, const Ended* ended,
                std::optional<std::string> remediation = std::nullopt) {
  Failure result{.kind = kind,
                 .code = std::move(code),
                 .message = std::move(message),
                 .remediation = std::move(remediation)};
  if (ended == nullptr) return result;
  bj::object details;
  if (ended->exit_status) details["exitStatus"] = *ended->exit_status;
  if (ended->signal != 0) details["signal"] = ended->signal;
  if (!ended->log.empty()) details["stderr"] = readable_end(ended->log, kLogInDetails);
  if (!details.empty()) result.details = std::move(details);
  return result;
}

/// As sysexits.h means it, and mail servers take it: of its statuses only those that speak of the
/// machine's state promise that another try can help. All others say nothing, such as a crash.
bool is_permanent(int status) {
  constexpr int kOsError = 71;
  constexpr int kIoError = 74;
  constexpr int kTempFail = 75;
  return status >= 64 && status <= 78 && status != kOsError && status != kIoError &&
         status != kTempFail;
}

Failure not_started(const Ended& ended, const std::string& program) {
  switch (ended.fault) {
    case StartFault::kNotFound:
      return failure(
          FailureKind::kPermanent, "COMMAND_NOT_FOUND",
          "There is no command " + program + ", or it cannot be seen from inside.", &ended,
          "Install it on the machine that runs it, name its path in @job(handler:), and make "
          "the folder with all that it needs readable to it.");
    case StartFault::kNotExecutable:
      return failure(FailureKind::kPermanent, "COMMAND_NOT_EXECUTABLE",
                     "The command " + program + " cannot be executed: " + ended.fault_text + ".",
                     &ended,
                     "Give it the right to be executed (chmod +x), and a script a first line such "
                     "as #!/bin/sh.");
    case StartFault::kNone:
    case StartFault::kSandbox:
      break;
  }
  return failure(FailureKind::kTransient, "SANDBOX_FAILED",
                 "The sandbox could not be set up: " + ended.fault_text + ".", &ended);
}

Failure over_limit(const Ended& ended) {
  const std::string message = "The command was ended: " + ended.describe() + ".";
  switch (ended.limit) {
    case LimitHit::kWall:
      return failure(FailureKind::kTransient, "TIMEOUT", message, &ended);
    case LimitHit::kCpu:
      return failure(FailureKind::kTransient, "CPU_LIMIT", message, &ended);
    case LimitHit::kMemory:
      return failure(FailureKind::kTransient, "MEMORY_LIMIT", message, &ended);
    case LimitHit::kFileSize:
      return failure(FailureKind::kPermanent, "FILE_TOO_LARGE", message, &ended);
    case LimitHit::kNone:
    case LimitHit::kOutput:
    case LimitHit::kLine:
      break;
  }
  return failure(FailureKind::kPermanent, "OUTPUT_TOO_LARGE", message, &ended);
}

Outcome stopped(const CommandRunner::Call& call, const Ended& ended) {
  if (call.given_back()) return Release{};
  return failure(FailureKind::kTransient, "CANCELED", "The command was asked to stop.", &ended);
}

Outcome outcome_of(const CommandRunner::Call& call, const CommandOutput& output, const Ended& ended,
                   const std::string& program) {
  if (ended.fault != StartFault::kNone) return not_started(ended, program);
  if (!output.fault().empty()) {
    return failure(FailureKind::kPermanent, "OUTPUT_INVALID",
                   "The command's standard output is not as agreed: " + output.fault() + ".",
                   &ended, "Write JSON lines to standard output, and all else to standard error.");
  }
  if (const auto& said = output.outcome()) {
    if (const auto* error = std::get_if<Failure>(&*said)) {
      // With the end of its log, where it says no more itself.
      Failure result = *error;
      if (!result.details) result.details = failure(result.kind, "", "", &ended).details;
      return result;
    }
    // Any other word counts only if the command stands by it to its end.
    if (ended.exit_status == 0) return *said;
  }
  if (ended.limit != LimitHit::kNone) return over_limit(ended);
  if (ended.stopped) return stopped(call, ended);
  if (ended.exit_status == 0) {
    return failure(FailureKind::kPermanent, "NO_RESULT",
                   "The command ended well but gave no result.", &ended,
                   R"(Write a line such as {"result": ...} to standard output.)");
  }
  const bool permanent = ended.exit_status && is_permanent(*ended.exit_status);
  return failure(permanent ? FailureKind::kPermanent : FailureKind::kTransient, "COMMAND_FAILED",
                 "The command failed: " + ended.describe() + ".", &ended);
}

}  // namespace

Result<CommandRunner> CommandRunner::create(sandbox::Request command,
                                            std::shared_ptr<const sandbox::Sandbox> sandbox,
                                            telemetry::Log log) {
  if (auto good = sandbox->check(command); !good) return std::unexpected(good.error());
  return CommandRunner(std::move(command), std::move(sandbox), std::move(log));
}

CommandRunner::CommandRunner(sandbox::Request command,
                             std::shared_ptr<const sandbox::Sandbox> sandbox, telemetry::Log log)
    : command_(std::move(command)), sandbox_(std::move(sandbox)), log_(std::move(log)) {}

sandbox::Request CommandRunner::request(const Call& call) const {
  using std::chrono::milliseconds;
  sandbox::Request request = command_;
  const auto left =
      std::chrono::duration_cast<milliseconds>(call.ends_at - std::chrono::steady_clock::now());
  const auto told = std::max(milliseconds(1), std::min(command_.limits.wall, left));
  request.limits.wall = std::min(command_.limits.wall, told + kBehindTheEngine);
  request.input = input(call.job, told);
  request.environment.try_emplace("ERRAND_JOB_ID", call.job.job.str());
  request.environment.try_emplace("ERRAND_JOB_TYPE", call.job.type.str());
  request.environment.try_emplace("ERRAND_ATTEMPT", std::to_string(call.job.attempt));
  if (!call.job.traceparent.empty()) {
    request.environment.try_emplace("TRACEPARENT", call.job.traceparent);
  }
  return request;
}

Outcome CommandRunner::run(const Call& call) const {
  CommandOutput output(command_.limits.line_bytes, call.progress);
  const auto ended = sandbox_->run(request(call), call.stop,
                                   [&output](std::string_view line) { return output.take(line); });
  if (!ended) {
    const bool refused = ended.error().code == ErrorCode::kConfigInvalid;
    return failure(refused ? FailureKind::kPermanent : FailureKind::kTransient,
                   refused ? "SANDBOX_REFUSED" : "SANDBOX_FAILED", ended.error().message, nullptr);
  }
  write_log(call.job, *ended);
  return outcome_of(call, output, *ended, command_.argv[0]);
}

void CommandRunner::write_log(const JobOffer& job, const Ended& ended) const {
  const telemetry::Log log = log_.with({{"job_id", job.job}, {"attempt", job.attempt}});
  if (ended.left_over) log.warn("a process of a command could not be killed");
  if (!log.enabled(telemetry::LogLevel::kDebug)) return;
  if (!ended.log.empty()) {
    log.debug("a command wrote to its log",
              {{"bytes", ended.log_bytes}, {"log", readable_end(ended.log, ended.log.size())}});
  }
  log.debug(
      "a command ended",
      {{"how", ended.describe()}, {"cpu_ms", ended.cpu}, {"peak_rss_bytes", ended.peak_rss_bytes}});
}

}  // namespace errand::worker
