#include "errand/worker/hosted_worker.h"

#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <stdexcept>

#include <gtest/gtest.h>

#include "errand/async/blocking_pool.h"
#include "errand/worker/gateway_test_support.h"

namespace errand::worker {
namespace {

using Function = std::function<Outcome(const AttemptPtr&)>;

/// Runs a function on a thread of its own, as handlers that block do.
class FunctionHandler final : public Handler {
 public:
  FunctionHandler(async::BlockingPool& pool, Function function)
      : pool_(pool), function_(std::move(function)) {}

  asio::awaitable<Outcome> run(AttemptPtr attempt) override {
    auto outcome = co_await pool_.run([this, attempt] { return function_(attempt); });
    if (!outcome) throw std::runtime_error(outcome.error().message);
    co_return std::move(*outcome);
  }

 private:
  async::BlockingPool& pool_;
  Function function_;
};

void wait_for_stop(const Attempt& attempt) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait(lock, attempt.stop_token(), [] { return false; });
}

Complete result(int n) { return {.result = {{"n", n}}}; }

class HostedWorkerTest : public GatewayTest {
 protected:
  Gateway::HostedId host(Function function, std::uint32_t slots = 1, const char* type = "work") {
    types_.hosted_types.insert(JobTypeName(type));
    return gateway_->host(
        threads_.context().get_executor(),
        {.name = "test",
         .types = {JobTypeName(type)},
         .slots = slots,
         .handler = std::make_shared<FunctionHandler>(handler_pool_, std::move(function))});
  }

  async::BlockingPool handler_pool_{{.threads = 4}};
};

TEST_F(HostedWorkerTest, RunsJobsAndStoresTheirResults) {
  start({.server = "errand/test"});
  host([](const AttemptPtr& attempt) -> Outcome {
    EXPECT_EQ(attempt->offer().arguments_json, R"({"input":{"n":7}})");
    attempt->progress({.completed = 1, .total = 2, .stage = "half", .message = std::nullopt});
    return result(42);
  });
  const JobId first = enqueue();
  const JobId second = enqueue();
  const auto done = until(first, job::JobStatus::kSucceeded);
  EXPECT_EQ(done->progress->stage, "half");
  EXPECT_EQ(done->worker_build, "errand/test");
  until(second, job::JobStatus::kSucceeded);  // the slot is free again
  EXPECT_EQ(store_.reader().payload(first, store::PayloadKind::kResult).value()->bytes,
            R"({"n":42})");
}

TEST_F(HostedWorkerTest, AHandlerThatIsTakenBackFinishesWhatItHasAndGetsNothingMore) {
  start();
  std::promise<void> go;
  const auto held = host([&](const AttemptPtr&) -> Outcome {
    go.get_future().wait();
    return result(1);
  });
  const JobId first = enqueue();
  until(first, job::JobStatus::kRunning);
  gateway_->unhost(held);
  gateway_->unhost(held);  // once more changes nothing
  const JobId second = enqueue();
  go.set_value();
  until(first, job::JobStatus::kSucceeded);
  EXPECT_EQ(state(second)->status, job::JobStatus::kPending);
  host([](const AttemptPtr&) -> Outcome { return result(2); });
  until(second, job::JobStatus::kSucceeded);
  EXPECT_EQ(store_.reader().payload(second, store::PayloadKind::kResult).value()->bytes,
            R"({"n":2})");
}

TEST_F(HostedWorkerTest, RunsInternalJobsWhoseResultsNoSchemaKnows) {
  start({.result_bytes_max = 100});
  host([](const AttemptPtr&) -> Outcome { return Complete{.result = {{"status", 204}}}; }, 1,
       "errand.webhook");
  const JobId id = enqueue("errand.webhook");
  until(id, job::JobStatus::kSucceeded);
  EXPECT_EQ(store_.reader().payload(id, store::PayloadKind::kResult).value()->bytes,
            R"({"status":204})");
}

TEST_F(HostedWorkerTest, BoundsResultsOfInternalJobsToo) {
  start({.result_bytes_max = 100});
  host([](const AttemptPtr&) -> Outcome { return Complete{.result = bj::string(200, 'x')}; }, 1,
       "errand.webhook");
  const auto failed = until(enqueue("errand.webhook"), job::JobStatus::kFailed);
  EXPECT_EQ(failed->error->code, "PAYLOAD_TOO_LARGE");
}

TEST_F(HostedWorkerTest, LeavesInternalJobsToTheServerItself) {
  start();
  types_.hosted_types.insert(JobTypeName("errand.webhook"));
  const JobId internal = enqueue("errand.webhook");
  Client worker = connect();
  worker.send({{"type", "hello"}, {"types", {"work", "errand.webhook"}}, {"slots", 8}});
  EXPECT_EQ(worker.read("welcome").at("unknownTypes"), (bj::array{"errand.webhook"}));
  worker.send({{"type", "credits"}, {"add", 8}});
  const JobId user = enqueue();
  EXPECT_EQ(text(worker.read("job"), "jobId"), user.str());
  EXPECT_EQ(state(internal)->status, job::JobStatus::kPending);

  // One that names nothing else is told the same, as it is of any name that is not in the schema.
  Client other = connect();
  other.send({{"type", "hello"}, {"types", {"errand.webhook"}}, {"slots", 8}});
  EXPECT_EQ(other.read("welcome").at("unknownTypes"), (bj::array{"errand.webhook"}));
}

TEST_F(HostedWorkerTest, TheLastProgressGoesBeforeTheOutcome) {
  start();
  host([](const AttemptPtr& attempt) -> Outcome {
    for (int i = 1; i <= 100; ++i) {
      attempt->progress(
          {.completed = i, .total = 100, .stage = std::nullopt, .message = std::nullopt});
    }
    return result(1);
  });
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(until(enqueue(), job::JobStatus::kSucceeded)->progress->completed, 100);
  }
}

TEST_F(HostedWorkerTest, HoldsResultsAgainstTheSchema) {
  start();
  host([](const AttemptPtr&) -> Outcome { return Complete{.result = "seven"}; });
  const auto failed = until(enqueue(), job::JobStatus::kFailed);
  EXPECT_EQ(failed->error->code, "RESULT_INVALID");
}

TEST_F(HostedWorkerTest, TakesAnExceptionForATransientFailure) {
  start();
  // Each time: the wait after the first may be over before it is looked at.
  host([](const AttemptPtr&) -> Outcome { throw std::runtime_error("it broke"); });
  const JobId id = enqueue();
  const auto retrying = until(id, job::JobStatus::kRetrying);
  EXPECT_THAT(retrying->last_failure->message, HasSubstr("it broke"));
}

TEST_F(HostedWorkerTest, TellsTheHandlerOfACancelAndTakesWhatItSays) {
  start();
  std::atomic<int> seen = -1;
  host([&](const AttemptPtr& attempt) -> Outcome {
    wait_for_stop(*attempt);
    seen = static_cast<int>(attempt->stop()->why);
    return Failure{.kind = FailureKind::kTransient, .code = "CANCELED", .message = "stopped"};
  });
  const JobId id = enqueue();
  until(id, job::JobStatus::kRunning);
  ASSERT_TRUE(command(id, job::RequestCancel{}));
  until(id, job::JobStatus::kCanceled);
  EXPECT_EQ(seen, static_cast<int>(AttemptStop::kCancel));
}

TEST_F(HostedWorkerTest, AKilledAttemptReportsNothingAndFreesItsSlot) {
  start();
  host([&](const AttemptPtr& attempt) -> Outcome {
    if (attempt->offer().attempt == 1 && attempt->offer().tags.empty()) return result(1);
    wait_for_stop(*attempt);
    EXPECT_TRUE(attempt->lost());
    attempt->progress({.completed = 1, .total = 1, .stage = "late", .message = std::nullopt});
    return result(1);
  });
  const JobId id = enqueue();
  until(id, job::JobStatus::kRunning);
  ASSERT_TRUE(command(id, job::Kill{.message = "enough"}));
  const JobId next = enqueue();
  until(next, job::JobStatus::kRunning);
  EXPECT_EQ(state(id)->status, job::JobStatus::kCanceled);
  EXPECT_THAT(metrics_.render(), testing::Not(HasSubstr("errand_stale_reports_total 1")));
  ASSERT_TRUE(command(next, job::Kill{.message = "enough"}));
}

TEST_F(HostedWorkerTest, HeartbeatsKeepALongAttempt) {
  start({.heartbeat = 20ms}, 3s);  // longer than a busy machine stands still
  host([&](const AttemptPtr& attempt) -> Outcome {
    // Longer than a lease, by the clock of the leases.
    const auto end = std::chrono::steady_clock::now() + 4s;
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    stopped.wait_until(lock, attempt->stop_token(), end, [] { return false; });
    return result(attempt->offer().attempt);
  });
  const auto done = until(enqueue(), job::JobStatus::kSucceeded);
  EXPECT_EQ(done->attempt, 1);
}

TEST_F(HostedWorkerTest, AtTheServersEndJobsAreGivenBackUncounted) {
  start();
  host([&](const AttemptPtr& attempt) -> Outcome {
    wait_for_stop(*attempt);
    EXPECT_EQ(attempt->stop()->why, AttemptStop::kShutdown);
    return Release{};
  });
  const JobId id = enqueue();
  until(id, job::JobStatus::kRunning);
  gateway_->drain(0ms);
  asio::co_spawn(threads_.context(), gateway_->stop(std::chrono::steady_clock::now()),
                 asio::use_future)
      .get();
  EXPECT_EQ(state(id)->status, job::JobStatus::kPending);
  EXPECT_EQ(state(id)->attempts_in_run, 0);
}

TEST_F(HostedWorkerTest, ConnectedWorkersDoNotGetItsTypes) {
  start();
  host([](const AttemptPtr&) -> Outcome { return result(1); });
  Client worker = connect();
  worker.send({{"type", "hello"}, {"types", {"work", "mail"}}, {"slots", 1}});
  EXPECT_EQ(worker.read("welcome").at("unknownTypes"), (bj::array{"work"}));
  Client refused = connect();
  refused.send({{"type", "hello"}, {"types", {"work"}}, {"slots", 1}});
  EXPECT_THAT(text(refused.read("error"), "message"), HasSubstr("the server runs work itself"));
}

}  // namespace
}  // namespace errand::worker
