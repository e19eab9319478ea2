#include "errand_worker/testing.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "attempt.h"

namespace errand_worker {
namespace {

/// Keeps what the handler tells.
class Recorder : public internal::AttemptHost {
 public:
  explicit Recorder(JobOutcome& outcome) : outcome_(outcome) {}

  void progressed(internal::Attempt& attempt, bool) override {
    const std::scoped_lock lock(mutex_);
    outcome_.progress.push_back(attempt.latest_progress());
  }

  void record_step(internal::Attempt&, std::string_view name,
                   const boost::json::value& result) override {
    const std::scoped_lock lock(mutex_);
    outcome_.steps.insert_or_assign(std::string(name), result);
  }

 private:
  std::mutex mutex_;
  JobOutcome& outcome_;
};

/// Ends the attempt when its time is over.
std::jthread watch(internal::Attempt& attempt) {
  return std::jthread([&attempt](const std::stop_token& handler_ended) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait_until(lock, handler_ended, attempt.ends_at(), [] { return false; });
    if (!handler_ended.stop_requested()) {
      attempt.stop(StopReason::kTimeout, std::chrono::milliseconds(0));
    }
  });
}

}  // namespace

JobOutcome run_job(const Handler& handler, boost::json::value input, RunJobOptions options) {
  using internal::Outcome;
  JobOutcome outcome;
  outcome.steps = options.steps;
  Recorder recorder(outcome);

  internal::JobMessage message;
  message.job_id = std::move(options.id);
  message.token = "test";
  message.job_type = std::move(options.type);
  message.queue = std::move(options.queue);
  message.tenant = std::move(options.tenant);
  message.run = options.run;
  message.attempt = options.attempt;
  message.max_attempts = options.max_attempts;
  message.arguments = options.arguments ? std::move(*options.arguments)
                                        : boost::json::object{{"input", std::move(input)}};
  message.timeout = options.timeout;
  message.priority = options.priority;
  message.tags = std::move(options.tags);
  message.labels = std::move(options.labels);
  message.correlation_id = std::move(options.correlation_id);
  message.traceparent = std::move(options.traceparent);
  message.created_at = std::chrono::system_clock::now();
  message.steps = std::move(options.steps);

  const auto attempt = std::make_shared<internal::Attempt>(std::move(message), recorder);
  Outcome ended;
  {
    const std::jthread timeout = watch(*attempt);
    const std::stop_callback stop(options.stop,
                                  [&] { attempt->stop(options.stop_reason, options.grace); });
    ended = internal::run_attempt(handler, *attempt);
  }

  switch (ended.kind) {
    case Outcome::Kind::kComplete:
      outcome.kind = JobOutcome::Kind::kCompleted;
      outcome.result = std::move(ended.result);
      break;
    case Outcome::Kind::kFail:
      outcome.kind = JobOutcome::Kind::kFailed;
      outcome.permanent = ended.failure.permanent;
      outcome.message = std::move(ended.failure.message);
      outcome.error = {.code = std::move(ended.failure.code),
                       .details = std::move(ended.failure.details),
                       .remediation = std::move(ended.failure.remediation)};
      outcome.retry_after = ended.failure.retry_after;
      break;
    case Outcome::Kind::kRelease:
      outcome.kind = JobOutcome::Kind::kReleased;
      break;
    case Outcome::Kind::kSnooze:
      outcome.kind = JobOutcome::Kind::kSnoozed;
      outcome.delay = ended.delay;
      break;
  }
  return outcome;
}

}  // namespace errand_worker
