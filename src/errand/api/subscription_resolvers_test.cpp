#include "errand/api/subscription_resolvers.h"

#include <gtest/gtest.h>

#include "errand/api/api_test_support.h"

namespace errand::api {
namespace {

using testing::Server;

class SubscriptionTest : public ::testing::Test {
 protected:
  std::unique_ptr<graphql::request::ResponseStream> events(
      std::string_view arguments, std::shared_ptr<Context> as = Server::context()) {
    return server_.subscribe(
        "subscription { jobEvents(" + std::string(arguments) + ") { cursor sequence type jobId } }",
        std::move(as));
  }
  void finish_one() {
    const auto dispatch = server_.await_dispatch();
    EXPECT_TRUE(server_.complete(*dispatch.state, R"({"rows":1,"files":[]})"));
  }

  Server server_;
};

TEST_F(SubscriptionTest, AJobsStateBeginsWithThePresentAndEndsWithTheTerminalOne) {
  const std::string id = server_.submit();
  auto stream = server_.subscribe("subscription { job(id: \"" + id +
                                  "\") { status ... on ExportReportJob { result { rows } } } }");
  ASSERT_NE(stream, nullptr);
  EXPECT_EQ(server_.next(*stream).at("job").at("status"), "PENDING");
  server_.add_worker();
  const auto dispatch = server_.await_dispatch();
  EXPECT_EQ(server_.next(*stream).at("job").at("status"), "RUNNING");
  ASSERT_TRUE(server_.complete(*dispatch.state, R"({"rows":7,"files":[]})"));
  const auto last = server_.next(*stream);
  EXPECT_EQ(last.at("job").at("status"), "SUCCEEDED");
  EXPECT_EQ(last.at("job").at("result").at("rows"), 7);
  EXPECT_TRUE(server_.next(*stream).is_null());
}

TEST_F(SubscriptionTest, StatesThatASlowReaderMissedAreLeftOut) {
  const std::string id = server_.submit();
  auto stream = server_.subscribe("subscription { job(id: \"" + id + "\") { status } }");
  server_.next(*stream);
  server_.add_worker();
  finish_one();
  EXPECT_EQ(server_.next(*stream).at("job").at("status"), "SUCCEEDED");
  EXPECT_TRUE(server_.next(*stream).is_null());
}

TEST_F(SubscriptionTest, ALateSubscriberGetsTheWholeLogOfAnEndedJob) {
  const std::string id = server_.submit();
  server_.add_worker();
  finish_one();
  auto stream = events("id: \"" + id + "\"");
  for (int sequence = 1; sequence <= 3; ++sequence) {
    const auto event = server_.next(*stream).at("jobEvents");
    EXPECT_EQ(event.at("sequence"), sequence);
    EXPECT_EQ(event.at("cursor").as_string(), server_.last_event_id);
  }
  EXPECT_TRUE(server_.next(*stream).is_null());
}

TEST_F(SubscriptionTest, ALogGoesOnAfterItsCursorExactlyOnce) {
  const std::string id = server_.submit();
  auto stream = events("id: \"" + id + "\"");
  EXPECT_EQ(server_.next(*stream).at("jobEvents").at("type"), "dev.errand.job.enqueued");
  const std::string cursor = server_.last_event_id;
  stream.reset();
  server_.add_worker();
  finish_one();
  auto resumed = events("id: \"" + id + "\", after: \"" + cursor + "\"");
  EXPECT_EQ(server_.next(*resumed).at("jobEvents").at("sequence"), 2);
  EXPECT_EQ(server_.next(*resumed).at("jobEvents").at("sequence"), 3);
  const std::string end = server_.last_event_id;
  EXPECT_TRUE(server_.next(*resumed).is_null());
  // Last-Event-ID outranks the argument.
  const auto as = Server::context();
  as->last_event_id = end;
  auto nothing = events("id: \"" + id + "\", after: \"" + cursor + "\"", as);
  EXPECT_TRUE(server_.next(*nothing).is_null());
}

TEST_F(SubscriptionTest, ForgedAndForeignCursorsAreRefused) {
  const std::string id = server_.submit();
  auto stream = events("id: \"" + id + "\"");
  server_.next(*stream);
  std::string cursor = server_.last_event_id;
  EXPECT_EQ(events("after: \"" + cursor + "\"", Server::context("umbrella")), nullptr);
  EXPECT_NE(server_.last_refusal.find("CURSOR_INVALID"), std::string::npos);
  cursor[3] = cursor[3] == 'A' ? 'B' : 'A';
  EXPECT_EQ(events("after: \"" + cursor + "\""), nullptr);
  EXPECT_NE(server_.last_refusal.find("CURSOR_INVALID"), std::string::npos);
}

TEST_F(SubscriptionTest, TheLogOfATenantHoldsNoOthersEvents) {
  server_.submit();  // before: not seen
  auto stream = events("filter: {type: [\"exportReport\"]}");
  ASSERT_NE(stream, nullptr);
  server_.submit("", Server::context("umbrella"));
  server_.data("mutation { charge(amount: 1, options: {idempotencyKey: \"k\"}) { id } }");
  const std::string mine = server_.submit();
  EXPECT_EQ(server_.next(*stream).at("jobEvents").at("jobId").as_string(), mine);
  // A tenant-wide log resumes by the same cursors.
  server_.submit();
  auto resumed = events("after: \"" + server_.last_event_id + "\"");
  EXPECT_NE(server_.next(*resumed).at("jobEvents").at("jobId").as_string(), mine);
}

TEST_F(SubscriptionTest, ACursorFromBeforeDeletedEventsIsToldWhereToGoOn) {
  const auto kill = [&](const std::string& id) {
    server_.data("mutation { killJob(id: \"" + id + "\") { id } }");
  };
  const std::string gone = server_.submit();
  auto stream = events("id: \"" + gone + "\"");
  server_.next(*stream);
  const std::string before = server_.last_event_id;
  kill(gone);
  server_.next(*stream);
  const std::string at_end = server_.last_event_id;
  const std::string kept = server_.submit();
  const auto long_after = server_.clock.now().wall + std::chrono::hours(8 * 24);
  ASSERT_EQ(server_.store.prune(long_after, {}).value().jobs, 1U);

  EXPECT_TRUE(server_.data("{ job(id: \"" + gone + "\") { id } }").at("job").is_null());
  for (const std::string& arguments :
       {"after: \"" + before + "\"", "id: \"" + gone + "\", after: \"" + before + "\""}) {
    EXPECT_EQ(events(arguments), nullptr);
    const auto refusal = boost::json::parse(server_.last_refusal).at("errors").at(0);
    EXPECT_EQ(refusal.at("extensions").at("code"), "CURSOR_EXPIRED") << arguments;
    const auto& cursor = refusal.at("extensions").at("errand").at("cursor").as_string();
    auto on = events("after: \"" + std::string(cursor) + "\"");
    ASSERT_NE(on, nullptr);
    const std::string next = server_.submit();
    EXPECT_EQ(server_.next(*on).at("jobEvents").at("jobId").as_string(), next);
  }
  EXPECT_EQ(events("id: \"" + gone + "\""), nullptr);
  EXPECT_NE(server_.last_refusal.find("NOT_FOUND"), std::string::npos);
  // Nothing after the last deleted event is missing, and of a job that is there nothing at all.
  auto tenant_log = events("after: \"" + at_end + "\"");
  EXPECT_EQ(server_.next(*tenant_log).at("jobEvents").at("jobId").as_string(), kept);
  auto of_kept = events("id: \"" + kept + "\", after: \"" + before + "\"");
  EXPECT_EQ(server_.next(*of_kept).at("jobEvents").at("sequence"), 1);
  // Another tenant's log has lost nothing, and its cursors say nothing about this one's.
  const auto other = Server::context("umbrella");
  EXPECT_EQ(events("id: \"" + gone + "\"", other), nullptr);
  EXPECT_NE(server_.last_refusal.find("NOT_FOUND"), std::string::npos);
}

TEST_F(SubscriptionTest, AReaderThatWasTooSlowIsToldInsteadOfMissingEvents) {
  const std::string id = server_.submit();
  auto of_job = events("id: \"" + id + "\"");
  auto of_tenant = events("filter: {type: [\"exportReport\"]}");
  server_.next(*of_job);
  server_.data("mutation { killJob(id: \"" + id + "\") { id } }");
  const auto long_after = server_.clock.now().wall + std::chrono::hours(8 * 24);
  ASSERT_EQ(server_.store.prune(long_after, {}).value().jobs, 1U);
  for (auto* stream : {&of_job, &of_tenant}) {
    const auto response = server_.run((*stream)->next());
    ASSERT_TRUE(response);
    EXPECT_NE(response->body.find("CURSOR_EXPIRED"), std::string::npos) << response->body;
    EXPECT_TRUE(server_.next(**stream).is_null());
  }
}

TEST_F(SubscriptionTest, JobsShowThePresentThenEachChangeWithinTheFilter) {
  const std::string first = server_.submit("tags: [\"x\"]");
  server_.submit();
  auto stream = server_.subscribe(
      "subscription { jobs(filter: {tags: [\"x\"], status: [PENDING]}) { id status } }");
  ASSERT_NE(stream, nullptr);
  EXPECT_EQ(server_.next(*stream).at("jobs").at("id").as_string(), first);
  server_.submit("tags: [\"x\"]", Server::context("umbrella"));
  const std::string second = server_.submit("tags: [\"x\"]");
  EXPECT_EQ(server_.next(*stream).at("jobs").at("id").as_string(), second);
  // One that was shown is shown once more when it leaves the filter.
  server_.data("mutation { cancelJob(id: \"" + first + "\") { id } }");
  const auto left = server_.next(*stream).at("jobs");
  EXPECT_EQ(left.at("id").as_string(), first);
  EXPECT_EQ(left.at("status"), "CANCELED");
}

TEST_F(SubscriptionTest, ClosingAStreamEndsItAndFreesItsSubscription) {
  const std::string id = server_.submit();
  auto stream = server_.subscribe("subscription { job(id: \"" + id + "\") { id } }");
  server_.next(*stream);
  EXPECT_EQ(server_.bus.size(), 1U);
  stream->close();
  EXPECT_TRUE(server_.next(*stream).is_null());
  stream.reset();
  EXPECT_EQ(server_.bus.size(), 0U);
}

}  // namespace
}  // namespace errand::api
