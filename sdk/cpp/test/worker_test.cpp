#include "errand_worker/worker.h"

#include <atomic>
#include <cmath>
#include <condition_variable>
#include <csignal>
#include <exception>
#include <future>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include "fake_server.h"
#include "tls_proxy.h"
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace errand_worker {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using testing::FakeServer;
using testing::held_job;
using testing::job_message;
using Heard = FakeServer::Heard;

/// Something that a handler waits for, or that a test does.
class Gate {
 public:
  void open() { promise_.set_value(); }
  void wait() { future_.wait(); }

 private:
  std::promise<void> promise_;
  std::shared_future<void> future_ = promise_.get_future();
};

class WorkerTest : public ::testing::Test {
 protected:
  ~WorkerTest() override { end(); }

  WorkerOptions options(int slots = 1) {
    return {.url = server_->url(),
            .token = "ert_test",
            .slots = slots,
            .logger = silent_logger(),
            .drain_timeout = 60s,
            .handle_signals = false,
            .reconnect_first = 5ms,
            .reconnect_longest = 20ms};
  }

  /// Starts a worker of "work" and waits until it has given its credits.
  void start(Handler handler) { start(std::move(handler), options()); }
  void start(Handler handler, WorkerOptions with) {
    launch(std::move(handler), std::move(with));
    server_->nth("credits");
  }

  void launch(Handler handler, WorkerOptions with) {
    worker_.emplace(std::move(with));
    worker_->handle("work", std::move(handler));
    thread_ = std::thread([this] {
      try {
        worker_->run();
      } catch (...) {
        error_ = std::current_exception();
      }
    });
  }

  /// Waits for run() to return.
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  void end() {
    server_->configure([](auto& behavior) {
      behavior.answering = true;
      behavior.refuse_with = 0;
    });
    if (worker_) worker_->stop();
    join();
    worker_.reset();
  }

  Gate begun_;  // here, as handlers may use them until end()
  Gate go_;
  std::atomic<int> ended_ = 0;
  std::unique_ptr<FakeServer> server_ = std::make_unique<FakeServer>();
  std::optional<Worker> worker_;
  std::thread thread_;
  std::exception_ptr error_;
};

json::value nothing(Job&) { return nullptr; }

/// Waits until the job is to stop.
json::value until_stopped(Job& job) {
  job.sleep_for(24h);
  return nullptr;
}

TEST_F(WorkerTest, SaysHelloThenGivesItsFreeSlots) {
  WorkerOptions with = options(3);
  with.queues = {"a"};
  with.name = "n";
  with.build = "b";
  with.labels = {{"zone", "x"}};
  with.selectors = {{"gpu", {"a100", "h100"}}, {"canary", {}}};
  start(nothing, with);
  const Heard heard = server_->heard();
  EXPECT_EQ(heard.authorization, "Bearer ert_test");
  EXPECT_EQ(heard.path, "/worker");
  json::object hello = server_->nth("hello");
  EXPECT_EQ(hello.at("sdk"), "errand-worker-cpp/0.1.0");
  hello.erase("sdk");
  EXPECT_EQ(hello,
            (json::object{{"type", "hello"},
                          {"types", {"work"}},
                          {"slots", 3},
                          {"queues", {"a"}},
                          {"name", "n"},
                          {"build", "b"},
                          {"labels", {{"zone", "x"}}},
                          {"selectors", {{"canary", json::array()}, {"gpu", {"a100", "h100"}}}}}));
  EXPECT_EQ(server_->nth("credits"), (json::object{{"type", "credits"}, {"add", 3}}));
}

TEST_F(WorkerTest, RunsAJobReportsItsResultAndGivesTheSlotBack) {
  std::string seen;
  start([&](Job& job) -> json::value {
    seen = job.id() + " " + job.type() + " " + job.queue() + " " + job.tenant() + " " +
           job.correlation_id() + " " + job.tags().at(0) + " " + job.traceparent().value_or("none");
    EXPECT_GT(job.time_left(), 0ms);
    EXPECT_LE(job.time_left(), 60s);
    EXPECT_FALSE(job.stop_reason());
    return {{"doubled", job.input().at("n").as_int64() * 2}};
  });
  server_->send(job_message(21, {{"tags", {"x"}}, {"traceparent", "00-4bf9-00f0-01"}}));
  const json::object complete = server_->nth("complete");
  EXPECT_EQ(complete.at("result"), (json::object{{"doubled", 42}}));
  EXPECT_EQ(complete.at("token"), job_message(21).at("token"));
  EXPECT_EQ(server_->nth("credits", 2).at("add"), 1);
  EXPECT_EQ(seen, "0193595e-7a00-7abc-8def-012345671021 work default acme c-21 x 00-4bf9-00f0-01");
}

TEST_F(WorkerTest, HandsOverAllArgumentsWhenInputIsNotTheOnlyOne) {
  start([](Job& job) -> json::value { return {job.input(), job.arguments()}; });
  server_->send(job_message(1, {{"arguments", {{"input", 1}, {"other", 2}}}}));
  const json::value all = {{"input", 1}, {"other", 2}};
  EXPECT_EQ(server_->nth("complete").at("result"), (json::array{all, all}));
}

TEST_F(WorkerTest, ReportsErrorsAsTransientPermanentReleasedOrSnoozed) {
  start([](Job& job) -> json::value {
    switch (job.input().at("n").as_int64()) {
      case 1:
        throw std::runtime_error("plain");
      case 2:
        throw TransientError("busy",
                             {.code = "BUSY", .details = {{"a", 1}}, .retry_after = 1'500ms});
      case 3:
        throw PermanentError("gone", {.code = "GONE", .remediation = "look elsewhere"});
      case 4:
        throw ReleaseJob();
      case 5:
        throw SnoozeJob(60s);
      case 6:
        throw 6;  // NOLINT: what a handler must not do
      case 7:
        throw PermanentError("bad code", {.code = "not a code"});
      default:
        throw PermanentError("bad details", {.details = {{"a", "\xFF"}}});
    }
  });
  for (int number = 1; number <= 8; ++number) {
    server_->send(job_message(number));
    server_->nth("credits", static_cast<std::size_t>(number) + 1);
  }
  const Heard heard = server_->heard();
  std::vector<json::value> errors;
  for (const json::object& fail : heard.of("fail")) errors.push_back(fail.at("error"));
  EXPECT_THAT(errors, ::testing::ElementsAre(
                          json::value{{"kind", "TRANSIENT"}, {"message", "plain"}},
                          json::value{{"kind", "TRANSIENT"},
                                      {"message", "busy"},
                                      {"code", "BUSY"},
                                      {"details", {{"a", 1}}},
                                      {"retryAfterMs", 1'500}},
                          json::value{{"kind", "PERMANENT"},
                                      {"message", "gone"},
                                      {"code", "GONE"},
                                      {"remediation", "look elsewhere"}},
                          json::value{{"kind", "TRANSIENT"},
                                      {"message", "the handler threw what is no std::exception"}},
                          json::value{{"kind", "PERMANENT"}, {"message", "bad code"}},
                          json::value{{"kind", "PERMANENT"}, {"message", "bad details"}}));
  EXPECT_EQ(heard.of("release").size(), 1U);
  EXPECT_EQ(heard.of("snooze").at(0).at("delayMs"), 60'000);
}

TEST_F(WorkerTest, AResultThatIsTooLargeOrNoJsonFailsForGood) {
  server_->configure([](auto& behavior) { behavior.message_bytes_max = 500; });
  start([](Job& job) -> json::value {
    switch (job.input().at("n").as_int64()) {
      case 1:
        return json::value(std::string(1'000, 'x'));
      case 2:
        return std::nan("");
      default:
        throw PermanentError("too much to tell", {.details = {{"a", std::string(1'000, 'x')}}});
    }
  });
  for (int number = 1; number <= 3; ++number) {
    server_->send(job_message(number));
    server_->nth("fail", static_cast<std::size_t>(number));
  }
  const auto fails = server_->heard().of("fail");
  EXPECT_EQ(fails[0].at("error").at("code"), "RESULT_TOO_LARGE");
  EXPECT_EQ(fails[0].at("error").at("kind"), "PERMANENT");
  EXPECT_EQ(fails[1].at("error").at("code"), "RESULT_NOT_SERIALIZABLE");
  EXPECT_EQ(fails[2].at("error"),
            (json::object{{"kind", "PERMANENT"}, {"message", "too much to tell"}}));
}

TEST_F(WorkerTest, CoalescesProgressAndNeverLosesTheLastOne) {
  start([](Job& job) -> json::value {
    for (int i = 1; i <= 1'000; ++i) {
      job.progress({.completed = i, .total = 1'000, .stage = "counting"});
    }
    job.progress({.message = "all counted"});
    job.progress({.completed = 1'001});
    return nullptr;
  });
  const auto begin = std::chrono::steady_clock::now();
  server_->send(job_message(1));
  server_->nth("complete");
  const auto took = std::chrono::steady_clock::now() - begin;
  const Heard heard = server_->heard();
  const auto progress = heard.of("progress");
  ASSERT_FALSE(progress.empty());
  // One each 100 ms, and the last.
  EXPECT_LE(static_cast<std::int64_t>(progress.size()), took / 100ms + 2);
  EXPECT_EQ(progress.back().at("message"), "all counted");
  EXPECT_EQ(progress.back().at("completed"), 1'001);
  EXPECT_EQ(progress.back().at("stage"), "counting");
  EXPECT_LT(heard.last_index(progress.back()), heard.last_index(heard.of("complete")[0]));
}

TEST_F(WorkerTest, ProgressIsSentWhileTheJobRuns) {
  start([&](Job& job) -> json::value {
    job.progress({.stage = "first"});
    job.progress({.stage = "second"});
    go_.wait();
    return nullptr;
  });
  server_->send(job_message(1));
  server_->until([](const Heard& heard) {
    const auto progress = heard.of("progress");
    return !progress.empty() && progress.back().at("stage") == "second";
  });
  EXPECT_TRUE(server_->heard().of("complete").empty());
  go_.open();
}

TEST_F(WorkerTest, ACancelStopsTheHandlerAndIsReportedAsCanceled) {
  StopReason reason{};
  start([&](Job& job) -> json::value {
    begun_.open();
    try {
      return until_stopped(job);
    } catch (const JobStopped& stopped) {
      reason = stopped.reason();
      EXPECT_GT(job.grace_left(), 0ms);
      throw;
    }
  });
  server_->send(job_message(1));
  begun_.wait();
  server_->send(held_job(1, {{"type", "cancel"}, {"reason", "CANCEL"}, {"graceMs", 30'000}}));
  const json::object fail = server_->nth("fail");
  EXPECT_EQ(fail.at("error").at("code"), "CANCELED");
  EXPECT_EQ(fail.at("error").at("kind"), "TRANSIENT");
  EXPECT_EQ(reason, StopReason::kCancel);
}

void wait_for(std::stop_token token) {
  std::mutex mutex;
  std::condition_variable_any requested;
  std::unique_lock lock(mutex);
  requested.wait(lock, std::move(token), [] { return false; });
}

TEST_F(WorkerTest, AResultInSpiteOfACancelIsReported) {
  start([&](Job& job) -> json::value {
    begun_.open();
    wait_for(job.stop_token());
    return "done";
  });
  server_->send(job_message(1));
  begun_.wait();
  server_->send(held_job(1, {{"type", "cancel"}, {"reason", "CANCEL"}, {"graceMs", 30'000}}));
  EXPECT_EQ(server_->nth("complete").at("result"), "done");
}

TEST_F(WorkerTest, AKillDuringTheGraceOfACancelIsHeardOf) {
  start([&](Job& job) -> json::value {
    begun_.open();
    wait_for(job.stop_token());
    EXPECT_FALSE(job.lost_token().stop_requested());
    go_.open();
    wait_for(job.lost_token());
    EXPECT_EQ(job.grace_left(), 0ms);
    return "of no use";
  });
  server_->send(job_message(1));
  begun_.wait();
  server_->send(held_job(1, {{"type", "cancel"}, {"reason", "CANCEL"}, {"graceMs", 30'000}}));
  go_.wait();
  server_->send(held_job(1, {{"type", "cancel"}, {"reason", "KILL"}, {"graceMs", 0}}));
  server_->nth("credits", 2);
  EXPECT_TRUE(server_->heard().of("complete").empty());
  end();
}

TEST_F(WorkerTest, ACancelInTheHeartbeatsAnswerStopsAsWell) {
  start([&](Job& job) {
    begun_.open();
    return until_stopped(job);
  });
  server_->send(job_message(1));
  begun_.wait();
  server_->send(
      {{"type", "heartbeat_ack"},
       {"jobs",
        {held_job(1, {{"state", "CANCELING"}, {"reason", "DEADLINE"}, {"graceMs", 9'000}})}}});
  EXPECT_EQ(server_->nth("fail").at("error").at("code"), "DEADLINE");
}

TEST_F(WorkerTest, ALostLeaseStopsTheHandlerAndNothingIsReported) {
  std::promise<StopReason> reason;
  start([&](Job& job) -> json::value {
    begun_.open();
    try {
      return until_stopped(job);
    } catch (const JobStopped& stopped) {
      EXPECT_EQ(job.grace_left(), 0ms);
      reason.set_value(stopped.reason());
      return "too late";
    }
  });
  server_->send(job_message(1));
  begun_.wait();
  server_->send({{"type", "heartbeat_ack"}, {"jobs", {held_job(1, {{"state", "LEASE_LOST"}})}}});
  EXPECT_EQ(reason.get_future().get(), StopReason::kLeaseLost);
  server_->nth("credits", 2);
  EXPECT_TRUE(server_->heard().of("complete").empty());
  EXPECT_TRUE(server_->heard().of("fail").empty());
  end();
}

TEST_F(WorkerTest, ARefusedProgressStopsTheHandler) {
  std::promise<StopReason> reason;
  start([&](Job& job) -> json::value {
    job.progress({.completed = 1});
    try {
      return until_stopped(job);
    } catch (const JobStopped& stopped) {
      reason.set_value(stopped.reason());
      throw;
    }
  });
  server_->send(job_message(1));
  server_->ack(server_->nth("progress"),
               {{"code", "JOB_ENDED"}, {"message", "ended"}, {"retryable", false}});
  EXPECT_EQ(reason.get_future().get(), StopReason::kJobEnded);
  end();
}

TEST_F(WorkerTest, TheAttemptsTimeEndsHereToo) {
  StopReason reason = StopReason::kTimeout;  // a machine that is slow enough does not begin it
  start([&](Job& job) -> json::value {
    try {
      return until_stopped(job);
    } catch (const JobStopped& stopped) {
      reason = stopped.reason();
      throw;
    }
  });
  server_->send(job_message(1, {{"timeoutMs", 60'000}, {"deadlineMs", 30}}));
  server_->nth("credits", 2);
  EXPECT_EQ(reason, StopReason::kTimeout);
  EXPECT_TRUE(server_->heard().of("fail").empty()) << "the server has ended it by itself";
}

TEST_F(WorkerTest, SlotsAreJobsThatRunAtOnce) {
  std::mutex mutex;
  std::condition_variable all;
  int running = 0;
  start(
      [&](Job&) -> json::value {
        std::unique_lock lock(mutex);
        ++running;
        all.notify_all();
        all.wait(lock, [&] { return running == 8; });  // none ends before all have begun
        return nullptr;
      },
      options(8));
  json::array jobs;
  for (int number = 1; number <= 8; ++number) jobs.push_back(job_message(number));
  for (const json::value& job : jobs) server_->send(job);
  server_->nth("complete", 8);
  end();
}

TEST_F(WorkerTest, ManyJobsInOneFrameAreReportedInFewFrames) {
  WorkerOptions with = options(200);
  with.log_level = LogLevel::kDebug;
  // Holds up the network's thread until all but the last have ended: their reports wait together.
  with.logger = [this, begun = 0](LogLevel, std::string_view sentence,
                                  const json::object&) mutable {
    if (sentence != "job started" || ++begun < 200) return;
    while (ended_ < 199) std::this_thread::yield();
  };
  start(
      [this](Job&) -> json::value {
        ++ended_;
        return nullptr;
      },
      with);
  json::array jobs;
  for (int number = 1; number <= 200; ++number) jobs.push_back(job_message(number));
  server_->send(jobs);
  const Heard heard = server_->until([](const Heard& heard) {
    std::int64_t credits = 0;
    for (const json::object& message : heard.of("credits")) credits += message.at("add").as_int64();
    return credits == 400;
  });
  std::set<std::string> done;
  for (const json::object& complete : heard.of("complete")) {
    done.emplace(complete.at("token").as_string());
  }
  EXPECT_EQ(done.size(), 200U);
  EXPECT_EQ(heard.of("complete").size(), 200U);
  EXPECT_LT(heard.frames.size(), 100U);
}

TEST_F(WorkerTest, AJobNotAskedForIsReleased) {
  start(nothing);
  server_->send(job_message(1, {{"jobType", "other"}}));
  EXPECT_EQ(server_->nth("release").at("token"), held_job(1).at("token"));
}

TEST_F(WorkerTest, ARunningJobSurvivesABrokenConnectionAndItsReportIsSentUntilItIsAcknowledged) {
  start([&](Job& job) -> json::value {
    begun_.open();
    go_.wait();
    return job.input().at("n");
  });
  server_->send(job_message(7));
  begun_.wait();
  server_->configure([](auto& behavior) { behavior.answering = false; });
  server_->cut();
  const Heard heard = server_->until([](const Heard& heard) {
    const auto beats = heard.of("heartbeat");
    return !beats.empty() && beats.back().at("jobs") == json::array{held_job(7)};
  });
  EXPECT_EQ(heard.of("credits").size(), 1U) << "the only slot is taken: no credit";
  go_.open();
  const json::object complete = server_->nth("complete");
  server_->cut();  // before the ack
  EXPECT_EQ(server_->nth("complete", 2), complete);
  server_->ack(complete);
  server_->nth("credits", 2);
}

TEST_F(WorkerTest, ProgressThatABrokenConnectionSwallowedIsSentAgainBeforeTheReport) {
  start([&](Job& job) -> json::value {
    begun_.open();
    go_.wait();
    job.progress({.completed = 9, .total = 10});
    return 1;
  });
  server_->send(job_message(1));
  begun_.wait();
  server_->configure([](auto& behavior) {
    behavior.answering = false;
    behavior.refuse_with = 503;
    behavior.messages_status = 503;
  });
  server_->cut();
  go_.open();
  server_->until([](const Heard& heard) { return heard.handshakes >= 3; });
  server_->configure([](auto& behavior) { behavior.refuse_with = 0; });
  const json::object complete = server_->nth("complete");
  const Heard heard = server_->heard();
  const json::object progress = heard.of("progress").back();
  EXPECT_EQ(progress.at("completed"), 9);
  EXPECT_LT(heard.last_index(progress), heard.last_index(complete));
  server_->ack(complete);
}

TEST_F(WorkerTest, AReportThatTheServerCannotTakeNowIsSentAgain) {
  server_->configure([](auto& behavior) { behavior.answering = false; });
  start(nothing);
  server_->send(job_message(1));
  const json::object complete = server_->nth("complete");
  server_->ack(complete, {{"code", "UNAVAILABLE"}, {"message", "busy"}, {"retryable", true}});
  EXPECT_EQ(server_->nth("complete", 2), complete);
  server_->ack(complete);
}

TEST_F(WorkerTest, ARefusedReportIsNotRepeated) {
  server_->configure([](auto& behavior) { behavior.answering = false; });
  start(nothing);
  server_->send(job_message(1));
  server_->ack(server_->nth("complete"),
               {{"code", "RESULT_INVALID"}, {"message", "no"}, {"retryable", false}});
  server_->send(job_message(2));
  server_->nth("complete", 2);
  server_->cut();
  const json::object again = server_->nth("complete", 3);
  EXPECT_EQ(again.at("token"), held_job(2).at("token"));
  server_->ack(again);
}

TEST_F(WorkerTest, WithoutASocketReportsAndHeartbeatsGoByHttp) {
  start([&](Job&) -> json::value {
    begun_.open();
    go_.wait();
    return "by HTTP";
  });
  server_->send(job_message(1));
  begun_.wait();
  server_->configure([](auto& behavior) { behavior.refuse_with = 503; });
  server_->cut();
  const Heard beats = server_->until([](const Heard& heard) { return !heard.posted.empty(); });
  EXPECT_EQ(beats.posted[0], (json::object{{"type", "heartbeat"}, {"jobs", {held_job(1)}}}));
  go_.open();
  server_->until([](const Heard& heard) {
    return !heard.posted.empty() && heard.posted.back().at("type") == "complete";
  });
  worker_->stop();
  join();  // so the answer's ack was taken
  EXPECT_TRUE(server_->heard().of("complete").empty());
}

TEST_F(WorkerTest, ConnectsAgainBeforeAServerThatStopsCloses) {
  start([&](Job& job) -> json::value {
    begun_.open();
    go_.wait();
    return job.input().at("n");
  });
  server_->send(job_message(1));
  begun_.wait();
  server_->send({{"type", "drain"}, {"reason", "SHUTDOWN"}, {"graceMs", 30'000}});
  const Heard heard = server_->until(
      [](const Heard& heard) { return heard.sockets == 2 && heard.close_codes.size() == 1; });
  EXPECT_EQ(heard.close_codes[0], 1'000U) << "the old connection, by the worker";
  EXPECT_EQ(heard.of("hello").size(), 2U);
  EXPECT_EQ(heard.of("heartbeat").back().at("jobs"), json::array{held_job(1)});
  go_.open();
  server_->nth("complete");
  EXPECT_EQ(server_->nth("credits", 2).at("add"), 1);
}

TEST_F(WorkerTest, GoesOnWithAServerThatStopsWhileThereIsNoOther) {
  start([&](Job&) -> json::value {
    begun_.open();
    go_.wait();
    return nullptr;
  });
  server_->send(job_message(1));
  begun_.wait();
  server_->configure([](auto& behavior) { behavior.refuse_with = 503; });
  server_->send({{"type", "drain"}, {"reason", "SHUTDOWN"}, {"graceMs", 30'000}});
  server_->until([](const Heard& heard) { return heard.handshakes >= 3; });
  go_.open();
  const json::object complete = server_->nth("complete");
  EXPECT_EQ(server_->heard().sockets, 1U);
  EXPECT_EQ(server_->heard().of("credits").size(), 1U) << "it takes no more credits";
  server_->configure([](auto& behavior) { behavior.refuse_with = 0; });
  server_->nth("credits", 2);
}

TEST_F(WorkerTest, ARefusalByTheNextServerLetsWhatRunsEnd) {
  start([&](Job&) -> json::value {
    begun_.open();
    go_.wait();
    return nullptr;
  });
  server_->send(job_message(1));
  begun_.wait();
  server_->configure([](auto& behavior) { behavior.refuse_with = 401; });
  server_->send({{"type", "drain"}, {"reason", "SHUTDOWN"}, {"graceMs", 30'000}});
  server_->nth("drain");
  go_.open();
  join();
  EXPECT_EQ(server_->heard().of("complete").size(), 1U);
  ASSERT_TRUE(error_);
  EXPECT_THROW(std::rethrow_exception(error_), WorkerRefused);
}

TEST_F(WorkerTest, AnOperatorDrainsIt) {
  start([&](Job&) -> json::value {
    begun_.open();
    go_.wait();
    return nullptr;
  });
  server_->send(job_message(1));
  begun_.wait();
  server_->send({{"type", "drain"}, {"reason", "REQUESTED"}, {"graceMs", 30'000}});
  server_->nth("drain");
  go_.open();
  join();
  EXPECT_FALSE(error_);
  EXPECT_EQ(server_->heard().of("complete").size(), 1U);
}

TEST_F(WorkerTest, StopTakesNothingNewWaitsForWhatRunsAndItsAckThenCloses) {
  start([&](Job&) -> json::value {
    begun_.open();
    go_.wait();
    return "done";
  });
  server_->send(job_message(1));
  begun_.wait();
  EXPECT_EQ(worker_->running(), 1U);
  worker_->stop();
  server_->nth("drain");
  server_->send(job_message(2));  // was on its way
  EXPECT_EQ(server_->nth("release").at("token"), held_job(2).at("token"));
  go_.open();
  join();
  EXPECT_FALSE(error_);
  const Heard heard =
      server_->until([](const Heard& heard) { return heard.close_codes.size() == 1; });
  EXPECT_EQ(heard.close_codes[0], 1'000U);
  EXPECT_EQ(heard.of("complete").size(), 1U);
  EXPECT_EQ(worker_->running(), 0U);
}

TEST_F(WorkerTest, WhatDoesNotEndInTimeIsToldToStopAndReleased) {
  WorkerOptions with = options();
  with.drain_timeout = 20ms;
  start(
      [&](Job& job) {
        begun_.open();
        return until_stopped(job);
      },
      with);
  server_->send(job_message(1));
  begun_.wait();
  worker_->stop();
  join();
  EXPECT_EQ(server_->heard().of("release").at(0).at("token"), held_job(1).at("token"));
}

TEST_F(WorkerTest, ASignalDrains) {
  WorkerOptions with = options();
  with.handle_signals = true;
  start(
      [&](Job&) -> json::value {
        begun_.open();
        go_.wait();
        return nullptr;
      },
      with);
  server_->send(job_message(1));
  begun_.wait();
  std::raise(SIGTERM);
  server_->nth("drain");
  go_.open();
  join();
  EXPECT_FALSE(error_);
  EXPECT_EQ(server_->heard().of("complete").size(), 1U);
}

TEST_F(WorkerTest, MayBeStoppedByAHandlerAndBeforeItRuns) {
  start([&](Job&) -> json::value {
    worker_->stop();
    return nullptr;
  });
  server_->send(job_message(1));
  join();
  EXPECT_EQ(server_->heard().of("complete").size(), 1U);

  Worker early(options());
  early.handle("work", nothing).stop();
  early.run();
}

TEST_F(WorkerTest, AServerThatIsNotThereYetOrOverloadedIsTriedAgain) {
  const WorkerOptions with = options();
  const std::uint16_t port = server_->port();
  server_->stop();
  launch(nothing, with);
  server_ = std::make_unique<FakeServer>(port, FakeServer::Behavior{.refuse_with = 503});
  server_->until([](const Heard& heard) { return heard.handshakes >= 2; });
  server_->configure([](auto& behavior) { behavior.refuse_with = 0; });
  server_->nth("credits");
}

TEST_F(WorkerTest, RunThrowsWhenTheServerRefuses) {
  for (const unsigned status : {401U, 403U, 404U}) {
    server_->configure([&](auto& behavior) { behavior.refuse_with = status; });
    Worker worker(options());
    worker.handle("work", nothing);
    try {
      worker.run();
      ADD_FAILURE() << "run() returned";
    } catch (const WorkerRefused& refused) {
      EXPECT_EQ(refused.code(), static_cast<int>(status));
      EXPECT_THAT(refused.what(), ::testing::HasSubstr("reason"));
    }
  }
}

TEST_F(WorkerTest, RunThrowsWhenTheProtocolWasBroken) {
  start(until_stopped);
  server_->send(job_message(1));
  server_->send(
      {{"type", "error"}, {"code", "FORBIDDEN"}, {"message", "queue \"x\" is not allowed"}});
  server_->close(4'403, "forbidden");
  join();
  ASSERT_TRUE(error_);
  try {
    std::rethrow_exception(error_);
  } catch (const WorkerRefused& refused) {
    EXPECT_EQ(refused.code(), 4'403);
    EXPECT_THAT(refused.what(), ::testing::HasSubstr("queue \"x\""));
  }
}

TEST_F(WorkerTest, AnotherSubprotocolIsRefused) {
  for (const char* spoken : {"errand.worker.v2", ""}) {
    server_->configure([&](auto& behavior) { behavior.subprotocol = spoken; });
    Worker worker(options());
    worker.handle("work", nothing);
    EXPECT_THROW(worker.run(), WorkerRefused) << spoken;
  }
}

TEST_F(WorkerTest, ADeadConnectionIsReplaced) {
  server_->configure([](auto& behavior) {
    behavior.heartbeat_ms = 20;
    behavior.answering = false;
  });
  start(nothing);
  server_->until([](const Heard& heard) { return heard.sockets >= 2; });
}

TEST_F(WorkerTest, NonsenseOfTheServerEndsTheConnectionOnly) {
  start(nothing);
  server_->send({{"type", "job"}, {"jobId", "without a token"}});
  server_->nth("credits", 2);
  server_->send({{"type", "of a later version"}});
  server_->send(job_message(1));
  server_->nth("complete");
}

TEST_F(WorkerTest, RecordsStepsWhereTheServerDoes) {
  server_->configure([](auto& behavior) { behavior.features = {"steps"}; });
  start([](Job& job) -> json::value {
    const int fetched = job.step("fetch", [] { return 41; });
    job.step("send", [] {});
    const std::string known = job.step("known", []() -> std::string { throw ReleaseJob(); });
    EXPECT_THROW(job.step("fetch", [] {}), std::invalid_argument);
    EXPECT_THROW(job.step("", [] {}), std::invalid_argument);
    EXPECT_THROW(job.step(std::string(129, 'x'), [] {}), std::invalid_argument);
    return {fetched + 1, known};
  });
  server_->send(job_message(1, {{"steps", {{{"name", "known"}, {"result", "before"}}}}}));
  EXPECT_EQ(server_->nth("complete").at("result"), (json::array{42, "before"}));
  const auto steps = server_->heard().of("step");
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0].at("name"), "fetch");
  EXPECT_EQ(steps[0].at("result"), 41);
  EXPECT_EQ(steps[0].at("token"), held_job(1).at("token"));
  EXPECT_TRUE(steps[1].at("result").is_null());
}

TEST_F(WorkerTest, AStepReturnsOnlyOnceItIsRecorded) {
  server_->configure([](auto& behavior) {
    behavior.features = {"steps"};
    behavior.answering = false;
  });
  start([](Job& job) -> json::value {
    job.step("one", [] { return 1; });
    return nullptr;
  });
  server_->send(job_message(1));
  const json::object step = server_->nth("step");
  server_->cut();  // before the ack
  EXPECT_EQ(server_->nth("step", 2), step);
  EXPECT_TRUE(server_->heard().of("complete").empty());
  server_->ack(step);
  server_->ack(server_->nth("complete"));

  server_->send(job_message(2));
  server_->ack(server_->nth("step", 3),
               {{"code", "LEASE_LOST"}, {"message", "late"}, {"retryable", false}});
  server_->nth("credits", 3);
  EXPECT_EQ(server_->heard().of("complete").size(), 1U);

  server_->send(job_message(3));
  server_->ack(server_->nth("step", 4),
               {{"code", "INVALID_ARGUMENT"}, {"message", "no"}, {"retryable", false}});
  const json::object fail = server_->nth("fail");
  EXPECT_EQ(fail.at("error").at("code"), "INVALID_ARGUMENT");
  server_->ack(fail);
}

TEST_F(WorkerTest, WithoutTheFeatureStepsJustRun) {
  start([](Job& job) -> json::value { return job.step("one", [] { return 1; }); });
  server_->send(job_message(1));
  EXPECT_EQ(server_->nth("complete").at("result"), 1);
  EXPECT_TRUE(server_->heard().of("step").empty());
}

TEST_F(WorkerTest, HttpsServersAreVerified) {
  const testing::TlsProxy proxy(server_->port());
  WorkerOptions with = options();
  with.ca_file = proxy.certificate_file();
  with.url = "https://localhost:" + std::to_string(proxy.port());
  start(nothing, with);
  server_->send(job_message(1));
  server_->nth("complete");
  end();

  std::promise<std::string> reason;
  const auto remember = [&, told = false](LogLevel, std::string_view sentence,
                                          const json::object& fields) mutable {
    if (sentence != "not connected" || std::exchange(told, true)) return;
    reason.set_value(std::string(fields.at("reason").as_string()));
  };
  with.logger = remember;
  with.url = "https://127.0.0.1:" + std::to_string(proxy.port());  // not the certificate's name
  launch(nothing, with);
  EXPECT_THAT(reason.get_future().get(), ::testing::HasSubstr("TLS handshake"));
  end();

  reason = {};
  with.logger = remember;
  with.url = "https://localhost:" + std::to_string(proxy.port());
  with.ca_file = "";  // of the system, which know nothing of this certificate
  launch(nothing, with);
  EXPECT_THAT(reason.get_future().get(), ::testing::HasSubstr("TLS handshake"));
  end();
}

TEST_F(WorkerTest, LogsWhatHappensWithoutWhatIsSecret) {
  WorkerOptions with = options();
  std::string lines;
  with.log_level = LogLevel::kDebug;
  with.logger = [&](LogLevel level, std::string_view sentence, const json::object& fields) {
    lines += std::string(to_string(level)) + " " + std::string(sentence) + " " +
             json::serialize(fields) + "\n";
  };
  start([](Job& job) -> json::value { throw TransientError(job.correlation_id()); }, with);
  server_->send(job_message(1));
  server_->nth("fail");
  end();
  EXPECT_THAT(lines, ::testing::HasSubstr("info connected {"));
  EXPECT_THAT(lines, ::testing::HasSubstr("debug job started {\"job_id\":\"0193595e"));
  EXPECT_THAT(lines, ::testing::HasSubstr("warn job attempt failed {\"job_id\":\"0193595e"));
  EXPECT_THAT(lines, ::testing::HasSubstr("\"correlation_id\":\"c-1\""));
  EXPECT_THAT(lines, ::testing::Not(::testing::HasSubstr("ert_test")));
  EXPECT_THAT(lines, ::testing::Not(::testing::HasSubstr("1.AAAA")));
}

TEST(WorkerOptions, MistakesAreNamedAtOnce) {
  const auto refuses = [](WorkerOptions options, const char* what) {
    try {
      const Worker worker(std::move(options));
      ADD_FAILURE() << "taken: " << what;
    } catch (const std::invalid_argument& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(what));
    }
  };
  refuses({.url = "http://x"}, "token is missing");
  refuses({.url = "http://x", .token = "a\r\nb"}, "token has");
  refuses({.url = "ftp://x", .token = "t"}, "url: it must begin");
  refuses({.url = "http://x", .token = "t", .slots = 0}, "slots");
  refuses({.url = "https://x", .token = "t", .ca_file = "/does/not/exist"}, "ca_file");

  Worker worker({.url = "http://x", .token = "t"});
  EXPECT_THROW(worker.run(), std::logic_error);
  worker.handle("a", nothing);
  EXPECT_THROW(worker.handle("a", nothing), std::logic_error);
}

}  // namespace
}  // namespace errand_worker
