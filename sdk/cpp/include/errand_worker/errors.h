#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json/object.hpp>

/// What a handler throws to say how its attempt ended, and what Worker::run() throws.
///
/// Any other exception of a handler counts as a TransientError of its what().
namespace errand_worker {

/// Why a job is to stop.
enum class StopReason {
  kCancel,     ///< someone canceled the job; a result that comes in time is still taken
  kDeadline,   ///< the job's deadline is over
  kKill,       ///< an operator ended the job at once
  kTimeout,    ///< the attempt's timeout is over
  kLeaseLost,  ///< the job was given to someone else: nothing is reported any more
  kJobEnded,   ///< the job has ended without this attempt
  kShutdown,   ///< this worker stops and gives the job back
};

/// The protocol's spelling, such as "LEASE_LOST".
std::string_view to_string(StopReason reason);

/// What a failure says besides its message.
struct ErrorOptions {
  std::string code{};  ///< for programs, such as "QUOTA_EXCEEDED": A-Z, 0-9 and _; <= 64
  boost::json::object
      details{};              ///< further facts for programs; whoever may read the job sees them
  std::string remediation{};  ///< what a person can do about it; <= 1,024 characters are sent
};

/// ErrorOptions, and when to try again.
struct TransientErrorOptions {
  std::string code{};             ///< as in ErrorOptions
  boost::json::object details{};  ///< as in ErrorOptions
  std::string remediation{};      ///< as in ErrorOptions
  /// The next attempt waits at least so long; >= 0, cut to 30 days.
  std::optional<std::chrono::milliseconds> retry_after{};
};

/// The attempt failed and another one cannot succeed: the job fails at once.
class PermanentError : public std::runtime_error {
 public:
  /// @param message  for people: no stack traces, no secrets; <= 4,096 characters are sent
  explicit PermanentError(const std::string& message, ErrorOptions options = {})
      : std::runtime_error(message), options_(std::move(options)) {}

  const ErrorOptions& options() const { return options_; }

 private:
  ErrorOptions options_;
};

/// The attempt failed and another one may succeed.
class TransientError : public std::runtime_error {
 public:
  /// @param message  for people: no stack traces, no secrets; <= 4,096 characters are sent
  explicit TransientError(const std::string& message, TransientErrorOptions options = {})
      : std::runtime_error(message), options_(std::move(options)) {}

  const TransientErrorOptions& options() const { return options_; }

 private:
  TransientErrorOptions options_;
};

/// Gives the job back for someone else to take at once. The attempt does not count.
class ReleaseJob : public std::runtime_error {
 public:
  ReleaseJob() : std::runtime_error("the job is given back") {}
};

/// Gives the job back until later. The attempt does not count.
class SnoozeJob : public std::runtime_error {
 public:
  /// @param delay  from 1 ms to 30 days; cut to that
  explicit SnoozeJob(std::chrono::milliseconds delay)
      : std::runtime_error("the job is given back until later"), delay_(delay) {}

  std::chrono::milliseconds delay() const { return delay_; }

 private:
  std::chrono::milliseconds delay_;
};

/// The job was told to stop: thrown by Job::sleep_for(), Job::throw_if_stopped() and Job::step().
/// A handler lets it pass; the attempt is then reported as the reason demands.
class JobStopped : public std::runtime_error {
 public:
  explicit JobStopped(StopReason reason)
      : std::runtime_error("the job is to stop: " + std::string(to_string(reason))),
        reason_(reason) {}

  StopReason reason() const { return reason_; }

 private:
  StopReason reason_;
};

/// The server will not have this worker, and connecting again would not help: a wrong token, a
/// queue that is not allowed, another protocol.
class WorkerRefused : public std::runtime_error {
 public:
  /// @param code  HTTP status of the handshake or close code of the WebSocket
  WorkerRefused(const std::string& message, int code) : std::runtime_error(message), code_(code) {}

  int code() const { return code_; }

 private:
  int code_;
};

}  // namespace errand_worker
