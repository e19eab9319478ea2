#include <algorithm>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "errand/job/evolve.h"
#include "errand/job/json.h"
#include "errand/job/testing/jobs.h"
#include "errand/job/transition_table.h"

namespace errand::job {
namespace {

using testing::History;
using testing::kStart;
using namespace std::chrono_literals;

JobSpec any_spec() {
  JobSpec spec = testing::spec();
  spec.retry.max_attempts = *rc::gen::inRange(1, 4);
  spec.retry.kind = *rc::gen::element(RetryPolicy::Kind::kExponential, RetryPolicy::Kind::kFixed,
                                      RetryPolicy::Kind::kList);
  spec.retry.jitter = *rc::gen::element(RetryPolicy::Jitter::kFull, RetryPolicy::Jitter::kEqual,
                                        RetryPolicy::Jitter::kNone, RetryPolicy::Jitter::kSpread);
  if (spec.retry.kind == RetryPolicy::Kind::kList) spec.retry.waits = {0s, 2s, 30s};
  spec.cancel_grace = Milliseconds(*rc::gen::inRange(0, 60'000));
  if (*rc::gen::arbitrary<bool>()) spec.scheduled_for = kStart + 1s * *rc::gen::inRange(-10, 100);
  if (*rc::gen::arbitrary<bool>()) spec.deadline = kStart + 1s * *rc::gen::inRange(101, 2'000);
  if (*rc::gen::arbitrary<bool>()) spec.queue_timeout = 1s * *rc::gen::inRange(1, 500);
  return spec;
}

/// Any command, mostly with the live token, sometimes with a stale or a future one.
Command any_command(const JobState& state) {
  const auto kind =
      static_cast<CommandKind>(*rc::gen::inRange(0, static_cast<int>(kCommandKindCount)));
  JobState aimed = state;
  if (*rc::gen::inRange(0, 4) == 0) {
    aimed.token = FencingToken(*rc::gen::inRange<std::uint64_t>(0, to_number(state.token) + 2));
  }
  Command command = testing::sample_command(kind, aimed);
  if (auto* report = std::get_if<FailAttempt>(&command)) {
    report->permanent = *rc::gen::inRange(0, 5) == 0;
  }
  // A start is the way to everything, so take it often.
  if (state.status == JobStatus::kPending && *rc::gen::inRange(0, 2) == 0) return Start{};
  return command;
}

std::optional<FencingToken> token_of(const Command& command) {
  return std::visit(
      [](const auto& c) -> std::optional<FencingToken> {
        if constexpr (requires { c.token; }) {
          return c.token;
        } else {
          return std::nullopt;
        }
      },
      command);
}

void check_snapshot(const JobState& state) {
  RC_ASSERT((state.result.has_value() || state.error.has_value()) == state.terminal());
  RC_ASSERT(!(state.result.has_value() && state.error.has_value()));
  RC_ASSERT(state.result.has_value() == (state.status == JobStatus::kSucceeded));
  RC_ASSERT(state.finished_at.has_value() == state.terminal());
  RC_ASSERT(state.cancel_reason.has_value() == (state.status == JobStatus::kCanceling));
  RC_ASSERT(state.ready_since.has_value() == (state.status == JobStatus::kPending));
  RC_ASSERT(state.due_at.has_value() ==
            (state.status == JobStatus::kScheduled || state.status == JobStatus::kRetrying));
  RC_ASSERT(state.attempt_started_at.has_value() == has_lease(state.status));
  RC_ASSERT(state.attempts_in_run <= static_cast<std::uint32_t>(state.spec.retry.max_attempts));
  RC_ASSERT(state.attempts_in_run <= state.attempt);
  RC_ASSERT(state.attempt <= to_number(state.token));
  if (state.status == JobStatus::kRetrying) {
    RC_ASSERT(state.attempts_in_run < static_cast<std::uint32_t>(state.spec.retry.max_attempts));
  }
}

RC_GTEST_PROP(History, KeepsItsInvariantsUnderAnyRowOfCommands, ()) {
  History job;
  Timestamp now = kStart;
  RC_ASSERT(job.tell(Enqueue{any_spec()}, now).has_value());
  const int steps = *rc::gen::inRange(1, 60);
  for (int i = 0; i < steps; ++i) {
    now += 1s * *rc::gen::inRange(0, 60);
    const JobState before = job.state();
    const Command command = any_command(before);
    const double draw = *rc::gen::inRange(0, 1'000) / 1'000.0;
    const auto decided = job.tell(command, now, draw);
    const JobState& after = job.state();

    const Transition& cell = transition(before.status, kind_of(command));
    if (!decided || decided->empty()) {
      RC_ASSERT(after == before);
    } else {
      RC_ASSERT(cell.allows(after.status));
    }
    if (const auto token = token_of(command); token && *token != before.token) {
      RC_ASSERT(after == before);
    }
    if (before.terminal() && kind_of(command) != CommandKind::kRetryRun &&
        kind_of(command) != CommandKind::kDiscard &&
        kind_of(command) != CommandKind::kRequeueDeadLetter) {
      RC_ASSERT(after == before);
    }
    if (after.status == JobStatus::kRunning && before.status != JobStatus::kRunning) {
      RC_ASSERT((!after.spec.deadline || now < *after.spec.deadline));
    }
    check_snapshot(after);
  }
  for (std::size_t i = 0; i < job.events().size(); ++i) {
    RC_ASSERT(to_number(job.events()[i].sequence) == i + 1);
  }
  const auto folded = fold(job.events());
  RC_ASSERT(folded.has_value());
  RC_ASSERT(*folded == job.state());
}

RC_GTEST_PROP(History, SurvivesTheWayThroughJson, ()) {
  History job;
  Timestamp now = kStart;
  RC_ASSERT(job.tell(Enqueue{any_spec()}, now).has_value());
  for (int i = 0; i < 20; ++i) {
    now += 1s * *rc::gen::inRange(0, 60);
    (void)job.tell(any_command(job.state()), now);
    const auto state = state_from_json(state_to_json(job.state()));
    RC_ASSERT(state.has_value());
    RC_ASSERT(*state == job.state());
  }
  for (const Event& event : job.events()) {
    const auto read = event_from_json(event_to_json(event));
    RC_ASSERT(read.has_value());
    RC_ASSERT(*read == event);
    const auto data = event_data_from_json(event_name(event.data), event_data_to_json(event.data));
    RC_ASSERT(data.has_value());
    RC_ASSERT(*data == event.data);
  }
}

TEST(Fold, RefusesAHistoryWithAGapARepetitionOrAnotherJobsEvent) {
  History job = testing::job_in(JobStatus::kSucceeded);
  const std::vector<Event>& good = job.events();
  ASSERT_TRUE(fold(good).has_value());
  EXPECT_FALSE(fold({}).has_value());

  const auto broken = [&](auto change) {
    std::vector<Event> events = good;
    change(events);
    return fold(events);
  };
  EXPECT_FALSE(broken([](auto& e) { e.erase(e.begin() + 1); }).has_value());
  EXPECT_FALSE(broken([](auto& e) { e.erase(e.begin()); }).has_value());
  EXPECT_FALSE(broken([](auto& e) { e.insert(e.begin() + 1, e[1]); }).has_value());
  EXPECT_FALSE(broken([](auto& e) { e[1].job = testing::job_id(9); }).has_value());
  EXPECT_FALSE(broken([](auto& e) { e[2].position = e[1].position; }).has_value());
  EXPECT_FALSE(broken([](auto& e) { std::swap(e[1].data, e[2].data); }).has_value());
}

}  // namespace
}  // namespace errand::job
