#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "errand_worker/errors.h"
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_from.hpp>
#include <boost/json/value_to.hpp>

namespace errand_worker {

namespace internal {
class Attempt;
}

/// How far a job has come. Members that are left out stay as an earlier call said.
struct Progress {
  std::optional<double> completed{};  ///< units of work done; finite, >= 0
  std::optional<double> total{};      ///< units in all, when known; > 0, goes with `completed`
  std::optional<std::string>
      stage{};  ///< what the job does now, in a word or two; <= 128 characters
  std::optional<std::string> message{};  ///< for people; <= 1,024 characters are sent
};

/// One attempt of a job, as its handler sees it.
///
/// Lives as long as the call of the handler. All members may be called from any thread that the
/// handler starts and joins.
class Job {
 public:
  explicit Job(internal::Attempt& attempt) : attempt_(attempt) {}
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  /// The job, as clients know it: a UUID, the same in each attempt. Good as an idempotency key.
  const std::string& id() const;
  /// The mutation's name.
  const std::string& type() const;
  /// The value of the mutation's argument `input` where that is its only argument (the usual form);
  /// otherwise arguments() as an object.
  const boost::json::value& input() const;
  /// The mutation's arguments by name.
  const boost::json::object& arguments() const;
  const std::string& queue() const;
  const std::string& tenant() const;
  /// From 1; counts retries by an operator.
  int run() const;
  /// From 1.
  int attempt() const;
  int max_attempts() const;
  /// From -100 to 100; the higher, the earlier.
  int priority() const;
  const std::vector<std::string>& tags() const;
  const std::map<std::string, std::string>& labels() const;
  /// For log lines and outgoing requests.
  const std::string& correlation_id() const;
  /// W3C Trace Context: the parent of this attempt's span. Hand it to OpenTelemetry as the header
  /// `traceparent`.
  const std::optional<std::string>& traceparent() const;
  std::chrono::system_clock::time_point created_at() const;

  /// Requested when the job is to stop: cancel, deadline, timeout, lost lease, shutdown. Its
  /// callbacks run on the worker's own thread: they must be brief and must not throw.
  std::stop_token stop_token() const;
  /// Requested once whatever the handler returns is of no use any more: with stop_token(), or
  /// later, as when a kill follows a cancel. For handlers that use their grace. Callbacks as above.
  std::stop_token lost_token() const;
  /// Why; empty as long as the job may go on.
  std::optional<StopReason> stop_reason() const;
  /// What is left for the handler to end once told to stop; 0: whatever it returns is of no use any
  /// more. Same as time_left() before.
  std::chrono::milliseconds grace_left() const;
  /// @throws JobStopped when the job is to stop.
  void throw_if_stopped() const;
  /// Sleeps. @throws JobStopped as soon as the job is to stop.
  void sleep_for(std::chrono::milliseconds duration) const;

  /// Until the attempt's timeout or the job's deadline, whichever comes first; >= 0.
  std::chrono::milliseconds time_left() const;

  /// Tells how far the job has come. Cheap: call it in every step of a loop. At most ten a second
  /// are sent, and the last one before the end always.
  void progress(const Progress& progress);

  /// Runs `function` and records its result under `name`, so that a later attempt gets the recorded
  /// result instead of running it again. Returns once the record is durable. With a server that
  /// does not record steps it just runs.
  ///
  /// The result goes through boost::json::value_from() and value_to(); void is recorded as null.
  ///
  /// @param name  from 1 to 128 characters, another one for each step of the handler
  /// @throws std::invalid_argument for a bad or repeated name
  /// @throws JobStopped when the lease was lost before the record was durable
  /// @throws PermanentError (RESULT_TOO_LARGE, RESULT_NOT_SERIALIZABLE), or what `function` throws
  template <class Function>
  std::invoke_result_t<Function&> step(std::string_view name, Function&& function);

 private:
  std::optional<boost::json::value> recorded_step(std::string_view name);
  void record_step(std::string_view name, const boost::json::value& result);

  internal::Attempt& attempt_;
};

template <class Function>
std::invoke_result_t<Function&> Job::step(std::string_view name, Function&& function) {
  using Result = std::invoke_result_t<Function&>;
  const std::optional<boost::json::value> recorded = recorded_step(name);
  if constexpr (std::is_void_v<Result>) {
    if (recorded) return;
    std::forward<Function>(function)();
    record_step(name, nullptr);
  } else {
    if (recorded) return boost::json::value_to<std::remove_cvref_t<Result>>(*recorded);
    Result result = std::forward<Function>(function)();
    record_step(name, boost::json::value_from(result));
    return result;
  }
}

}  // namespace errand_worker
