#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "errand_worker/errors.h"
#include "errand_worker/handler.h"
#include "errand_worker/job.h"
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

/// Runs handlers in tests, without a server.
namespace errand_worker {

/// What the job is like that run_job() makes up.
struct RunJobOptions {
  std::string type = "test";
  /// All arguments of the mutation, when `input` is not the only one; `input` is then not used.
  std::optional<boost::json::object> arguments{};
  std::string id = "00000000-0000-7000-8000-000000000001";
  std::string queue = "default";
  std::string tenant = "test";
  int run = 1;
  int attempt = 1;
  int max_attempts = 5;
  int priority = 0;
  std::vector<std::string> tags{};
  std::map<std::string, std::string> labels{};
  std::string correlation_id = "test";
  std::optional<std::string> traceparent{};
  /// Time of the attempt; when it is over, the job is told to stop.
  std::chrono::milliseconds timeout{60'000};
  /// Steps recorded by earlier attempts.
  std::map<std::string, boost::json::value> steps{};
  /// Once requested, the job is told to stop for `stop_reason` with `grace` left. A test may do it
  /// before, from within the handler, or from another thread.
  std::stop_token stop{};
  StopReason stop_reason = StopReason::kCancel;
  std::chrono::milliseconds grace{30'000};
};

/// How an attempt ended.
struct JobOutcome {
  enum class Kind {
    kCompleted,  ///< `result` is set
    kFailed,     ///< `permanent`, `error`, `message` and perhaps `retry_after` are set
    kReleased,
    kSnoozed,  ///< `delay` is set
  };

  Kind kind = Kind::kCompleted;
  boost::json::value result{};
  bool permanent = false;  ///< false: another attempt follows, if there is one left
  std::string message{};
  ErrorOptions error{};
  std::optional<std::chrono::milliseconds> retry_after{};
  std::chrono::milliseconds delay{};
  /// Each call of Job::progress(), together with what earlier ones said.
  std::vector<Progress> progress{};
  /// All steps that are recorded now, earlier ones included.
  std::map<std::string, boost::json::value> steps{};
};

/// Runs `handler` on the calling thread as a worker would.
JobOutcome run_job(const Handler& handler, boost::json::value input, RunJobOptions options = {});

/// The same for a typed handler: `run_job<Input, Result>(function, input)`.
template <class Input, class Result, class Function>
JobOutcome run_job(Function function, boost::json::value input, RunJobOptions options = {}) {
  return run_job(typed_handler<Input, Result>(std::move(function)), std::move(input),
                 std::move(options));
}

}  // namespace errand_worker
