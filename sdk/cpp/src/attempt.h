#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "errand_worker/errors.h"
#include "errand_worker/handler.h"
#include "errand_worker/job.h"
#include "messages.h"
#include <boost/json/value.hpp>

namespace errand_worker::internal {

class Attempt;

/// Whom an attempt tells what its handler does. Called on the handler's threads.
class AttemptHost {
 public:
  virtual ~AttemptHost() = default;

  /// The handler called progress(). `first` says that nothing waited to be sent before.
  virtual void progressed(Attempt& attempt, bool first) = 0;
  /// Returns once the step is recorded, or at once where steps are not recorded.
  /// @throws what Job::step() throws.
  virtual void record_step(Attempt& attempt, std::string_view name,
                           const boost::json::value& result) = 0;
};

/// One attempt of a job: what is behind a Job. Thread-safe; the message never changes.
class Attempt : public std::enable_shared_from_this<Attempt> {
 public:
  using Clock = std::chrono::steady_clock;

  /// The time left counts from now. `host` outlives the handler.
  Attempt(JobMessage message, AttemptHost& host);

  const JobMessage& message() const { return message_; }
  HeldJob held() const { return {message_.job_id, message_.token}; }
  const boost::json::value& input() const;
  Clock::time_point ends_at() const { return ends_at_; }

  std::stop_token stop_token() const { return stop_source_.get_token(); }
  /// Requested once lost() is true, which may come after stop_token().
  std::stop_token lost_token() const { return lost_source_.get_token(); }
  std::optional<StopReason> stop_reason() const;
  /// Whether a report would be refused anyway.
  bool lost() const;
  Milliseconds grace_left() const;
  Milliseconds time_left() const;
  void sleep_for(Milliseconds duration) const;

  /// Asks the handler to stop; the first reason counts. Without grace the attempt is lost, other
  /// than by a shutdown.
  void stop(StopReason reason, Milliseconds grace);

  void progress(const Progress& progress);
  /// What progress() said in all, as a message; nothing when none waits. Resets the wait.
  std::optional<std::string> take_progress();
  /// What was taken last. A connection that broke may have swallowed it.
  std::string last_progress() const;
  Clock::time_point progress_taken_at() const;
  Progress latest_progress() const;
  /// The handler is done: progress() says nothing more.
  void end();

  std::optional<boost::json::value> recorded_step(std::string_view name);
  void record_step(std::string_view name, const boost::json::value& result);

 private:
  const JobMessage message_;
  AttemptHost& host_;
  const Clock::time_point ends_at_;
  std::stop_source stop_source_;
  std::stop_source lost_source_;

  mutable std::mutex mutex_;  // guards what follows
  std::optional<StopReason> stop_reason_;
  Clock::time_point grace_ends_at_;
  bool lost_ = false;
  bool ended_ = false;
  Progress progress_;
  bool progress_waits_ = false;
  Clock::time_point progress_taken_at_;
  std::string last_progress_;
  std::set<std::string, std::less<>> step_names_;
};

/// How a handler ended, before it is put into a message.
struct Outcome {
  enum class Kind { kComplete, kFail, kRelease, kSnooze };

  Kind kind = Kind::kComplete;
  boost::json::value result{};
  Failure failure{};
  Milliseconds delay{};
};

/// Calls `handler` and says what became of it. Throws nothing.
Outcome run_attempt(const Handler& handler, Attempt& attempt) noexcept;

}  // namespace errand_worker::internal
