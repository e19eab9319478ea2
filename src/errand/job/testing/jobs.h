#pragma once

#include <vector>

#include "errand/base/assert.h"
#include "errand/job/command.h"
#include "errand/job/decide.h"
#include "errand/job/event.h"
#include "errand/job/evolve.h"
#include "errand/job/state.h"

/// Jobs for tests: histories made by decide() and apply(), as the engine makes them.
namespace errand::job::testing {

using namespace std::chrono_literals;

inline constexpr Timestamp kStart{std::chrono::milliseconds{1'800'000'000'000}};
/// Later than any timer of job_in(): due times, deadlines, queue timeouts and graces have passed.
inline constexpr Timestamp kAfterAllTimers = kStart + 24h;

inline JobId job_id(std::uint8_t number = 1) {
  JobId id;
  id.uuid.bytes[15] = number;
  return id;
}

inline JobSpec spec() {
  JobSpec s;
  s.tenant = TenantId("acme");
  s.subject = SubjectId("user:anna");
  s.type = JobTypeName("exportReport");
  s.queue = QueueName("reports");
  s.input.size_bytes = 2;
  return s;
}

/// A job's events so far and the state that they lead to.
class History {
 public:
  explicit History(JobId id = job_id()) : id_(id) {}

  [[nodiscard]] const JobState& state() const { return state_; }
  [[nodiscard]] const std::vector<Event>& events() const { return events_; }

  void append(const std::vector<EventData>& data, Timestamp now) {
    for (const EventData& each : data) {
      Event event;
      event.job = id_;
      event.sequence = Sequence{events_.size() + 1};
      event.position = LogPosition{events_.size() * 3 + 7};
      event.time = now;
      event.cause.correlation_id = "c-1";
      event.data = each;
      events_.push_back(event);
      apply(state_, event);
    }
  }

  /// Decides `command` at `now` and appends what follows. @return the decision.
  Result<std::vector<EventData>> tell(const Command& command, Timestamp now = kStart,
                                      double draw = 0.5) {
    auto decided = decide(events_.empty() ? nullptr : &state_, command, {now, draw});
    if (decided) append(*decided, now);
    return decided;
  }

 private:
  JobId id_;
  std::vector<Event> events_;
  JobState state_;
};

/// A job of the given status, with a deadline and a queue timeout that have passed at
/// kAfterAllTimers.
inline History job_in(JobStatus status) {
  JobSpec s = spec();
  s.deadline = kStart + 1h;
  s.queue_timeout = 30min;
  if (status == JobStatus::kScheduled) s.scheduled_for = kStart + 5min;
  History job;
  const auto must = [](const auto& decided) { ERRAND_ASSERT(decided.has_value()); };
  must(job.tell(Enqueue{s}));
  const auto start = [&] { must(job.tell(Start{WorkerId("w-1"), "build-1"})); };
  const auto fail_for_good = [&] {
    must(job.tell(FailAttempt{.token = job.state().token,
                              .permanent = true,
                              .error = {.code = "BROKEN", .message = "line 7"}}));
  };
  switch (status) {
    case JobStatus::kScheduled:
    case JobStatus::kPending:
      break;
    case JobStatus::kRunning:
      start();
      break;
    case JobStatus::kWaiting:
      start();
      must(job.tell(Suspend{job.state().token, "approval"}));
      break;
    case JobStatus::kRetrying:
      start();
      must(job.tell(FailAttempt{.token = job.state().token, .error = {.code = "BUSY"}}));
      break;
    case JobStatus::kCanceling:
      start();
      must(job.tell(RequestCancel{}));
      break;
    case JobStatus::kCompensating:
      start();
      job.append({CompensationStarted{JobStatus::kFailed, {.code = "BROKEN"}}}, kStart);
      break;
    case JobStatus::kSucceeded:
      start();
      must(job.tell(Complete{job.state().token, {}}));
      break;
    case JobStatus::kFailed:
      start();
      fail_for_good();
      break;
    case JobStatus::kCanceled:
      must(job.tell(RequestCancel{}));
      break;
    case JobStatus::kExpired:
      must(job.tell(ExpireDeadline{}, kAfterAllTimers));
      break;
  }
  ERRAND_ASSERT(job.state().status == status);
  return job;
}

/// A command of this kind that fits `state`, with its token; a report differs from every one that
/// job_in() makes.
inline Command sample_command(CommandKind kind, const JobState& state) {
  using enum CommandKind;
  const FencingToken token = state.token;
  switch (kind) {
    case kEnqueue:
      return Enqueue{spec()};
    case kDueNow:
      return DueNow{};
    case kStart:
      return Start{WorkerId("w-2"), "build-2"};
    case kComplete:
      return Complete{token, {.size_bytes = 99}};
    case kFailAttempt:
      return FailAttempt{.token = token, .error = {.code = "OTHER"}};
    case kTimeOutAttempt:
      return TimeOutAttempt{token};
    case kLoseLease:
      return LoseLease{token};
    case kRelease:
      return Release{token, "drain"};
    case kSnooze:
      return Snooze{token, 1min, "later"};
    case kSuspend:
      return Suspend{token, "signal"};
    case kResume:
      return Resume{"signal"};
    case kReportProgress:
      return ReportProgress{token, {.completed = 1, .total = 2}};
    case kRequestCancel:
      return RequestCancel{"no longer needed"};
    case kGraceOver:
      return GraceOver{token};
    case kKill:
      return Kill{"runaway"};
    case kExpireDeadline:
      return ExpireDeadline{};
    case kExpireQueueTimeout:
      return ExpireQueueTimeout{};
    case kEndCompensation:
      return EndCompensation{};
    case kRetryRun:
      return RetryRun{};
    case kDiscard:
      return Discard{};
    case kRequeueDeadLetter:
      return RequeueDeadLetter{PayloadRef{.size_bytes = 7}};
  }
  ERRAND_ASSERT(false);
}

}  // namespace errand::job::testing
