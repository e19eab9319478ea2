#include "errand/api/query_resolvers.h"

#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <gtest/gtest.h>

#include "errand/api/api_test_support.h"

namespace errand::api {
namespace {

using testing::Server;

std::string job(const std::string& id, std::string_view arguments) {
  return "job(id: \"" + id + "\"" + (arguments.empty() ? "" : ", ") + std::string(arguments) +
         ") { status ... on ExportReportJob { result { rows } } }";
}

/// Sends `query`, does `meanwhile` once it is held, and gives the data.
boost::json::value while_held(Server& server, std::string query,
                              const std::function<void()>& meanwhile,
                              std::shared_ptr<Context> as = Server::context()) {
  std::optional<graphql::request::Response> response;
  boost::asio::co_spawn(
      server.io,
      server.service->execute(
          {.query = std::move(query), .operation_name = {}, .variables = {}, .extensions = {}},
          std::move(as)),
      [&](const std::exception_ptr& error, graphql::request::Response answer) {
        EXPECT_EQ(error, nullptr);
        response = std::move(answer);
      });
  server.io.restart();
  while (server.backend->held_requests == 0 && !response) server.io.run_one();
  EXPECT_FALSE(response) << "it was not held: " << response->body;
  meanwhile();
  server.io.run();
  EXPECT_EQ(server.backend->held_requests, 0U);
  EXPECT_EQ(server.bus.size(), 0U);
  const boost::json::value body = boost::json::parse(response->body);
  EXPECT_FALSE(body.as_object().contains("errors")) << response->body;
  return body.at("data");
}

void command(Server& server, const std::string& id, job::Command what) {
  engine::CommandJob request;
  request.id = *JobId::parse(id);
  request.command = std::move(what);
  EXPECT_TRUE(server.ask(std::move(request)));
}

class LongPollTest : public ::testing::Test {
 protected:
  void cancel(const std::string& id) { command(server_, id, job::RequestCancel{}); }

  Server server_;
};

TEST_F(LongPollTest, IsAnsweredWhenTheJobEnds) {
  const std::string id = server_.submit();
  server_.add_worker();
  const auto dispatch = server_.await_dispatch();
  const auto data = while_held(server_, "{ " + job(id, "waitFor: \"60s\"") + " }", [&] {
    EXPECT_TRUE(server_.complete(*dispatch.state, R"({"rows":7,"files":[]})"));
  });
  EXPECT_EQ(data.at("job"), boost::json::parse(R"({"status":"SUCCEEDED","result":{"rows":7}})"));
}

TEST_F(LongPollTest, IsAnsweredAtAStatusThatWasNamed) {
  const std::string id = server_.submit();
  const auto data = while_held(
      server_, "{ " + job(id, "waitFor: \"60s\", until: [RUNNING, SUCCEEDED]") + " }", [&] {
        server_.add_worker();
        server_.await_dispatch();
      });
  EXPECT_EQ(data.at("job").at("status"), "RUNNING");
}

TEST_F(LongPollTest, IsAnsweredAtOnceWhereTheStatusIsThereAlready) {
  const std::string id = server_.submit();
  EXPECT_EQ(server_.data("{ " + job(id, "waitFor: \"60s\", until: [PENDING]") + " }")
                .at("job")
                .at("status"),
            "PENDING");
  cancel(id);
  EXPECT_EQ(server_.data("{ " + job(id, "waitFor: \"60s\"") + " }").at("job").at("status"),
            "CANCELED");
  // Without waitFor, or with none, nothing waits.
  const std::string other = server_.submit();
  for (const char* arguments : {"", "until: [RUNNING]", "waitFor: null", "waitFor: \"0s\""}) {
    EXPECT_EQ(server_.data("{ " + job(other, arguments) + " }").at("job").at("status"), "PENDING")
        << arguments;
  }
}

TEST_F(LongPollTest, GoesOnToWaitOverOtherStatusesAndRuns) {
  const std::string id = server_.submit();
  cancel(id);
  const auto data =
      while_held(server_, "{ " + job(id, "waitFor: \"60s\", until: [RUNNING]") + " }", [&] {
        command(server_, id, job::RetryRun{});
        server_.add_worker();
        server_.await_dispatch();
      });
  EXPECT_EQ(data.at("job").at("status"), "RUNNING");
}

TEST(LongPoll, EndsWithItsTimeWhichTheServerBounds) {
  Server server({.wait_for_max = Milliseconds(30)});
  const std::string id = server.submit();
  for (const char* wait_for : {"10ms", "7d"}) {
    // Not while_held(): on a busy machine the time may be over before it begins.
    const auto data =
        server.data("{ " + job(id, "waitFor: \"" + std::string(wait_for) + "\"") + " }");
    EXPECT_EQ(data.at("job").at("status"), "PENDING");
  }
}

TEST(LongPoll, BeyondTheBoundThePresentStateIsAnsweredAtOnce) {
  Server full({.waiting_max = 0});
  const std::string id = full.submit();
  EXPECT_EQ(full.data("{ " + job(id, "waitFor: \"60s\"") + " }").at("job").at("status"), "PENDING");
  EXPECT_EQ(full.backend->held_requests, 0U);
}

TEST_F(LongPollTest, EndsWithNullWhenTheJobIsForgotten) {
  const std::string id = server_.submit();
  cancel(id);
  const auto data = while_held(
      server_, "{ " + job(id, "waitFor: \"60s\", until: [RUNNING]") + " }",
      [&] { EXPECT_TRUE(server_.ask(engine::ForgetJob{.id = *JobId::parse(id), .tenant = {}})); });
  EXPECT_TRUE(data.at("job").is_null());
}

TEST_F(LongPollTest, EndsWithNullWhenTheJobIsPruned) {
  const std::string id = server_.submit();
  cancel(id);
  const auto data =
      while_held(server_, "{ " + job(id, "waitFor: \"60s\", until: [RUNNING]") + " }", [&] {
        // As the lane does.
        const auto long_after = server_.clock.now().wall + std::chrono::hours(8 * 24);
        const auto pruned = server_.store.prune(long_after, {});
        ASSERT_TRUE(pruned);
        server_.bus.publish_gone(pruned->gone);
      });
  EXPECT_TRUE(data.at("job").is_null());
}

TEST_F(LongPollTest, EndsWhenTheServerStops) {
  const std::string id = server_.submit();
  const auto data =
      while_held(server_, "{ " + job(id, "waitFor: \"60s\"") + " }", [&] { server_.bus.close(); });
  EXPECT_EQ(data.at("job").at("status"), "PENDING");
}

TEST_F(LongPollTest, EndsWhenTheServerIsAboutToStop) {
  const std::string id = server_.submit();
  const auto data =
      while_held(server_, "{ " + job(id, "waitFor: \"60s\"") + " }", [&] { server_.bus.drain(); });
  EXPECT_EQ(data.at("job").at("status"), "PENDING");
}

TEST_F(LongPollTest, EndsWhenTheClientGoes) {
  const std::string id = server_.submit();
  boost::asio::cancellation_signal gone;
  bool ended = false;
  boost::asio::co_spawn(
      server_.io,
      server_.service->execute({.query = "{ " + job(id, "waitFor: \"60s\"") + " }",
                                .operation_name = {},
                                .variables = {},
                                .extensions = {}},
                               Server::context()),
      boost::asio::bind_cancellation_slot(
          gone.slot(),
          [&](const std::exception_ptr&, const graphql::request::Response&) { ended = true; }));
  server_.io.restart();
  while (server_.backend->held_requests == 0) server_.io.run_one();
  gone.emit(boost::asio::cancellation_type::terminal);
  server_.io.run();
  EXPECT_TRUE(ended);
  EXPECT_EQ(server_.backend->held_requests, 0U);
  EXPECT_EQ(server_.bus.size(), 0U);
}

TEST_F(LongPollTest, HoldsNobodyForAJobThatIsNotTheirs) {
  const std::string id = server_.submit();
  for (const std::string& asked : {id, std::string("x")}) {
    EXPECT_TRUE(
        server_.data("{ " + job(asked, "waitFor: \"60s\"") + " }", Server::context("umbrella"))
            .at("job")
            .is_null());
  }
  EXPECT_EQ(server_.bus.size(), 0U);
}

TEST_F(LongPollTest, RefusesWhatItCannotRead) {
  const std::string id = server_.submit();
  EXPECT_EQ(server_.code("{ " + job(id, "waitFor: \"60s\", until: []") + " }"), "BAD_USER_INPUT");
  EXPECT_NE(server_.execute("{ " + job(id, "waitFor: \"soon\"") + " }").as_object().count("errors"),
            0U);
}

TEST_F(LongPollTest, ItsTimeDoesNotCountAgainstTheRequest) {
  const std::string id = server_.submit();
  const auto as = Server::context();
  as->clock = &server_.clock;
  as->deadline = server_.clock.now().monotonic + Milliseconds(60'000);
  const auto before = *as->deadline;
  while_held(
      server_, "{ a: " + job(id, "waitFor: \"50ms\"") + " b: " + job(id, "waitFor: \"3s\"") + " }",
      [] {}, as);
  // The time for the first read counts; the rest of the 3 s does not.
  EXPECT_GE(*as->deadline, before + Milliseconds(100));
  // Side by side, not one after the other.
  EXPECT_LE(*as->deadline, server_.clock.now().monotonic + Milliseconds(60'000));
}

}  // namespace
}  // namespace errand::api
