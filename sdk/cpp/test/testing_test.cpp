#include "errand_worker/testing.h"

#include <stdexcept>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace errand_worker {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using Kind = JobOutcome::Kind;

struct Sum {
  std::int64_t a = 0;
  std::int64_t b = 0;
};

Sum tag_invoke(json::value_to_tag<Sum>, const json::value& value) {
  return {.a = value.at("a").as_int64(), .b = value.at("b").as_int64()};
}

struct Total {
  std::int64_t total = 0;
};

void tag_invoke(json::value_from_tag, json::value& value, const Total& total) {
  value = {{"total", total.total}};
}

TEST(RunJob, ReturnsTheResult) {
  const JobOutcome outcome = run_job(
      [](Job& job) -> json::value { return {{"n", job.input()}, {"attempt", job.attempt()}}; }, 7,
      {.attempt = 3});
  EXPECT_EQ(outcome.kind, Kind::kCompleted);
  EXPECT_EQ(outcome.result, (json::object{{"n", 7}, {"attempt", 3}}));
}

TEST(RunJob, TypedHandlersConvertInputAndResult) {
  const auto add = [](Job&, const Sum& sum) { return Total{sum.a + sum.b}; };
  EXPECT_EQ((run_job<Sum, Total>(add, {{"a", 1}, {"b", 2}}).result), (json::object{{"total", 3}}));

  const JobOutcome wrong = run_job<Sum, Total>(add, {{"a", 1}});
  EXPECT_EQ(wrong.kind, Kind::kFailed);
  EXPECT_TRUE(wrong.permanent);
  EXPECT_EQ(wrong.error.code, "INPUT_INVALID");

  bool ran = false;
  EXPECT_TRUE((run_job<Sum, void>([&](Job&, const Sum&) { ran = true; }, {{"a", 1}, {"b", 2}})
                   .result.is_null()));
  EXPECT_TRUE(ran);
}

TEST(RunJob, SaysHowTheAttemptFailed) {
  const JobOutcome outcome = run_job(
      [](Job&) -> json::value {
        throw TransientError("busy", {.code = "BUSY", .retry_after = 2s});
      },
      nullptr);
  EXPECT_EQ(outcome.kind, Kind::kFailed);
  EXPECT_FALSE(outcome.permanent);
  EXPECT_EQ(outcome.message, "busy");
  EXPECT_EQ(outcome.error.code, "BUSY");
  EXPECT_EQ(outcome.retry_after, 2s);
  EXPECT_EQ(run_job([](Job&) -> json::value { throw ReleaseJob(); }, nullptr).kind,
            Kind::kReleased);
  EXPECT_EQ(run_job([](Job&) -> json::value { throw SnoozeJob(5s); }, nullptr).delay, 5s);
}

TEST(RunJob, KeepsProgress) {
  const JobOutcome outcome = run_job(
      [](Job& job) -> json::value {
        job.progress({.completed = 1, .total = 2});
        job.progress({.completed = 2, .stage = "writing"});
        return nullptr;
      },
      nullptr);
  ASSERT_EQ(outcome.progress.size(), 2U);
  EXPECT_EQ(outcome.progress[1].completed, 2);
  EXPECT_EQ(outcome.progress[1].total, 2) << "as said before";
  EXPECT_EQ(outcome.progress[1].stage, "writing");
}

TEST(RunJob, StopsAsAServerWould) {
  std::stop_source cancel;
  const JobOutcome canceled = run_job(
      [&](Job& job) -> json::value {
        EXPECT_FALSE(job.stop_reason());
        cancel.request_stop();
        EXPECT_EQ(job.stop_reason(), StopReason::kCancel);
        EXPECT_GT(job.grace_left(), 0ms);
        job.throw_if_stopped();
        return nullptr;
      },
      nullptr, {.stop = cancel.get_token()});
  EXPECT_EQ(canceled.error.code, "CANCELED");

  const JobOutcome shut_down = run_job(
      [](Job& job) -> json::value {
        job.sleep_for(24h);
        return nullptr;
      },
      nullptr, {.stop = cancel.get_token(), .stop_reason = StopReason::kShutdown});
  EXPECT_EQ(shut_down.kind, Kind::kReleased);

  const JobOutcome late = run_job(
      [](Job& job) -> json::value {
        job.sleep_for(24h);
        return nullptr;
      },
      nullptr, {.timeout = 10ms});
  EXPECT_EQ(late.error.code, "TIMEOUT");
}

TEST(RunJob, RecordsStepsAndGivesThemToTheNextAttempt) {
  int sent = 0;
  const Handler handler = [&](Job& job) -> json::value {
    const auto id = job.step("send", [&] { return "mail-" + std::to_string(++sent); });
    if (job.attempt() == 1) throw TransientError("later");
    return json::value(id);
  };
  const JobOutcome first = run_job(handler, nullptr);
  const JobOutcome second = run_job(handler, nullptr, {.attempt = 2, .steps = first.steps});
  EXPECT_EQ(second.result, "mail-1");
  EXPECT_EQ(sent, 1);
}

TEST(RunJob, AJobMayBeUsedByThreadsOfTheHandler) {
  const JobOutcome outcome = run_job(
      [](Job& job) -> json::value {
        std::jthread other([&] { job.progress({.completed = 1}); });
        job.progress({.stage = "both"});
        return nullptr;
      },
      nullptr);
  EXPECT_EQ(outcome.progress.size(), 2U);
}

}  // namespace
}  // namespace errand_worker
