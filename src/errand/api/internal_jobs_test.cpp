// What clients see of the server's own jobs: nothing.

#include <string>

#include <gtest/gtest.h>

#include "errand/api/api_test_support.h"
#include "errand/job/internal_type.h"

namespace errand::api {
namespace {

using testing::Server;

const JobTypeName kWebhook("errand.webhook");

class InternalJobsTest : public ::testing::Test {
 protected:
  JobId add_internal() {
    engine::EnqueueJob request;
    request.id = JobId{Uuid::v7(server_.clock.now().wall, server_.random)};
    request.spec.tenant = TenantId("acme");
    request.spec.type = kWebhook;
    request.spec.queue = QueueName("errand.webhook");
    request.spec.input.size_bytes = 2;
    request.input = "{}";
    request.correlation_id = "c";
    const JobId id = request.id;
    EXPECT_TRUE(server_.ask(std::move(request)));
    return id;
  }

  /// One that has failed for good.
  JobId add_dead_internal() {
    engine::RegisterWorker worker;
    worker.id = WorkerId("hosted");
    worker.types = {kWebhook};
    worker.way = engine::WorkerWay::kInProcess;
    EXPECT_TRUE(server_.ask(worker));
    EXPECT_TRUE(server_.ask(engine::AddCredits{worker.id, 1}));
    const JobId id = add_internal();
    const auto dispatch = server_.await_dispatch();
    EXPECT_EQ(dispatch.state->id, id);
    EXPECT_TRUE(server_.report(*dispatch.state,
                               job::FailAttempt{.token = dispatch.state->token,
                                                .permanent = true,
                                                .error = {.code = "GONE", .message = "gone"}}));
    EXPECT_TRUE(server_.store.reader().job(id).value()->dead_letter);
    return id;
  }

  Server server_;
};

TEST_F(InternalJobsTest, AreNotThereByTheirIds) {
  const std::string argument = "(id: \"" + add_internal().str() + "\")";
  const auto data = server_.data("{ job" + argument + " { status } node" + argument + " { id } }");
  EXPECT_TRUE(data.at("job").is_null());
  EXPECT_TRUE(data.at("node").is_null());
  for (const char* command : {"cancelJob", "killJob", "retryJob"}) {
    EXPECT_EQ(server_.code(std::string("mutation { ") + command + argument + " { status } }"),
              "NOT_FOUND")
        << command;
  }
  EXPECT_EQ(server_.code("mutation { forgetJob" + argument + " }"), "NOT_FOUND");
  auto state = server_.subscribe("subscription { job" + argument + " { status } }");
  ASSERT_NE(state, nullptr);
  EXPECT_TRUE(server_.next(*state).at("job").is_null());
  EXPECT_EQ(server_.subscribe("subscription { jobEvents" + argument + " { sequence } }"), nullptr);
  EXPECT_NE(server_.last_refusal.find("NOT_FOUND"), std::string::npos) << server_.last_refusal;
}

TEST_F(InternalJobsTest, AreInNoList) {
  const JobId dead = add_dead_internal();
  add_internal();
  const std::string mine = server_.submit();
  const auto data = server_.data(
      "{ jobs { nodes { id } } deadLetters { nodes { id } } queues { name }"
      " failureReport(period: \"1h\") { groups { count } } workers { id types } limits { id } }");
  ASSERT_EQ(data.at("jobs").at("nodes").as_array().size(), 1U);
  EXPECT_EQ(data.at("jobs").at("nodes").at(0).at("id").as_string(), mine);
  EXPECT_TRUE(data.at("deadLetters").at("nodes").as_array().empty());
  EXPECT_TRUE(data.at("failureReport").at("groups").as_array().empty());
  ASSERT_EQ(data.at("queues").as_array().size(), 1U);
  EXPECT_EQ(data.at("queues").at(0).at("name"), "reports");
  EXPECT_TRUE(data.at("workers").as_array().empty());

  const auto requeued = server_
                            .data("mutation { requeueDeadLetters(ids: [\"" + dead.str() +
                                  "\"]) { changed refused { code } } }")
                            .at("requeueDeadLetters");
  EXPECT_EQ(requeued.at("changed"), 0);
  EXPECT_EQ(requeued.at("refused").at(0).at("code"), "NOT_FOUND");
  const auto all = server_.data("mutation { discardDeadLetters(filter: {}) { matched } }")
                       .at("discardDeadLetters");
  EXPECT_EQ(all.at("matched"), 0);
  EXPECT_EQ(server_.code("mutation { pauseQueue(queue: \"errand.webhook\") { name } }"),
            "QUEUE_UNKNOWN");
}

TEST_F(InternalJobsTest, AreInNoStream) {
  auto events = server_.subscribe("subscription { jobEvents { jobId } }");
  auto jobs = server_.subscribe("subscription { jobs { id } }");
  ASSERT_NE(events, nullptr);
  ASSERT_NE(jobs, nullptr);
  // More than one page of the log.
  for (int i = 0; i < 250; ++i) add_internal();
  const std::string mine = server_.submit();
  EXPECT_EQ(server_.next(*events).at("jobEvents").at("jobId").as_string(), mine);
  EXPECT_EQ(server_.next(*jobs).at("jobs").at("id").as_string(), mine);
}

}  // namespace
}  // namespace errand::api
