#include "errand/api/resolvers.h"

#include <set>

#include <gtest/gtest.h>

#include "errand/api/api_test_support.h"
#include "errand/api/job_access.h"

namespace errand::api {
namespace {

using testing::Server;

class ResolversTest : public ::testing::Test {
 protected:
  std::string job(std::string_view id, std::string_view fields) {
    return "{ job(id: \"" + std::string(id) + "\") { " + std::string(fields) + " } }";
  }

  Server server_;
};

TEST_F(ResolversTest, AnotherTenantsJobIsLikeNone) {
  const std::string id = server_.submit();
  const auto other = Server::context("umbrella");
  for (const std::string& asked :
       {id, std::string("00000000-0000-7000-8000-000000000000"), std::string("x")}) {
    const std::string argument = "(id: \"" + asked + "\")";
    EXPECT_EQ(server_.data("{ job" + argument + " { id } node" + argument + " { id } }", other),
              boost::json::parse(R"({"job":null,"node":null})").as_object());
    for (const char* command : {"cancelJob", "killJob", "retryJob"}) {
      const auto response =
          server_.execute("mutation { " + std::string(command) + argument + " { id } }", other);
      EXPECT_EQ(response.at("errors").at(0).at("extensions").at("code"), "NOT_FOUND");
      EXPECT_EQ(response.at("errors").at(0).at("message").as_string(), kNoSuchJob);
    }
    EXPECT_EQ(server_.code("mutation { forgetJob" + argument + " }", other), "NOT_FOUND");
    auto stream = server_.subscribe("subscription { job" + argument + " { id } }", other);
    ASSERT_NE(stream, nullptr);
    EXPECT_TRUE(server_.next(*stream).at("job").is_null());
    EXPECT_TRUE(server_.next(*stream).is_null());
    EXPECT_EQ(server_.subscribe("subscription { jobEvents" + argument + " { id } }", other),
              nullptr);
    EXPECT_NE(server_.last_refusal.find("NOT_FOUND"), std::string::npos);
  }
  EXPECT_EQ(server_.data("{ jobs { nodes { id } } }", other).at("jobs").at("nodes"),
            boost::json::array());
  EXPECT_EQ(server_.data("{ job(id: \"" + id + "\") { status } }").at("job").at("status"),
            "PENDING");
}

TEST_F(ResolversTest, ReadingNeedsItsScopeWhetherOrNotThereIsSuchAJob) {
  const std::string id = server_.submit();
  const auto as = Server::context("acme", {"jobs:submit"});
  for (const std::string& query :
       {job(id, "id"), job("x", "id"), std::string("{ jobs { nodes { id } } }"),
        std::string("{ queues { name } }"), std::string("{ workers { id } }"),
        std::string("mutation { pauseQueue(queue: \"reports\") { name } }")}) {
    EXPECT_EQ(server_.code(query, as), "FORBIDDEN") << query;
  }
  EXPECT_EQ(server_.subscribe("subscription { jobs { id } }", as), nullptr);
}

TEST_F(ResolversTest, ListsPageForwardsByCursor) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(server_.submit(i == 2 ? "tags: [\"x\"]" : ""));
  std::vector<std::string> seen;
  std::string after;
  for (int page = 0; page < 3; ++page) {
    const auto data = server_.data(
        "{ jobs(first: 2, orderBy: OLDEST_FIRST" + after +
        ") { edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage endCursor } } }");
    const auto& jobs = data.at("jobs");
    for (const auto& edge : jobs.at("edges").as_array())
      seen.emplace_back(edge.at("node").at("id").as_string());
    EXPECT_EQ(jobs.at("pageInfo").at("hasNextPage"), page < 2);
    EXPECT_EQ(jobs.at("pageInfo").at("hasPreviousPage"), page > 0);
    after = ", after: \"" + std::string(jobs.at("pageInfo").at("endCursor").as_string()) + "\"";
  }
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()),
            std::set<std::string>(ids.begin(), ids.end()));
  EXPECT_EQ(seen.size(), 5U);
  EXPECT_EQ(server_.data("{ jobs(filter: {tags: [\"x\"], status: [PENDING]}) { nodes { id } } }")
                .at("jobs")
                .at("nodes")
                .as_array()
                .size(),
            1U);
  EXPECT_EQ(server_.code("{ jobs(first: 101) { nodes { id } } }"), "MAX_LIST_SIZE_LIMIT");
  EXPECT_EQ(server_.code("{ jobs(after: \"forged\") { nodes { id } } }"), "CURSOR_INVALID");
  // A cursor of one tenant is worth nothing to another.
  EXPECT_EQ(
      server_.code("{ jobs(first: 2" + after + ") { nodes { id } } }", Server::context("umbrella")),
      "CURSOR_INVALID");
}

TEST_F(ResolversTest, CancelKillAndRetryFollowTheTable) {
  const std::string id = server_.submit();
  EXPECT_EQ(server_.data(job(id, "actions")).at("job").at("actions"),
            (boost::json::array{"CANCEL", "KILL"}));
  const auto canceled =
      server_.data("mutation { cancelJob(id: \"" + id +
                   "\", reason: \"no\") { status error { code message } actions } }");
  EXPECT_EQ(canceled.at("cancelJob").at("status"), "CANCELED");
  EXPECT_EQ(canceled.at("cancelJob").at("actions"), (boost::json::array{"RETRY", "FORGET"}));
  const auto retried =
      server_.data("mutation { retryJob(id: \"" + id + "\") { status run error { code } } }");
  EXPECT_EQ(retried.at("retryJob").at("status"), "PENDING");
  EXPECT_EQ(retried.at("retryJob").at("run"), 2);
  EXPECT_TRUE(retried.at("retryJob").at("error").is_null());
  EXPECT_EQ(server_.data("mutation { killJob(id: \"" + id + "\") { status } }")
                .at("killJob")
                .at("status"),
            "CANCELED");
  EXPECT_EQ(server_.code("mutation { killJob(id: \"" + id + "\") { status } }"), "JOB_ENDED");
}

TEST_F(ResolversTest, ForgetErasesAnEndedJobAndKeepsItsKeyUsed) {
  const std::string options = "idempotencyKey: \"k1\"";
  const std::string id = server_.submit(options);
  const std::string forget = "mutation { forgetJob(id: \"" + id + "\") }";
  EXPECT_EQ(server_.code(forget), "JOB_NOT_ENDED");
  EXPECT_EQ(server_.code(forget, Server::context("acme", {"jobs:read", "jobs:kill"})), "FORBIDDEN");
  server_.data("mutation { cancelJob(id: \"" + id + "\") { id } }");
  EXPECT_EQ(server_.code(forget, Server::context("umbrella")), "NOT_FOUND");
  EXPECT_EQ(server_.data(forget).at("forgetJob").as_string(), id);

  EXPECT_TRUE(server_.data(job(id, "id")).at("job").is_null());
  EXPECT_EQ(server_.data("{ jobs { nodes { id } } }").at("jobs").at("nodes"), boost::json::array());
  EXPECT_FALSE(server_.store.reader()
                   .payload(*JobId::parse(id), store::PayloadKind::kInput)
                   .value()
                   .has_value());
  EXPECT_EQ(server_.code(forget), "NOT_FOUND");
  EXPECT_EQ(server_.code("mutation { exportReport(input: {format: CSV}, options: {" + options +
                         "}) { id } }"),
            "JOB_FORGOTTEN");
  EXPECT_NE(server_.submit("idempotencyKey: \"k2\""), id);
}

TEST_F(ResolversTest, WhyWaitingTellsTheTruth) {
  const std::string first = server_.submit();
  const std::string second = server_.submit();
  const auto why = [&](const std::string& id) {
    return server_.data(job(id, "whyWaiting { kind message place workers }"))
        .at("job")
        .at("whyWaiting");
  };
  EXPECT_EQ(why(first).at("kind"), "NO_WORKER");
  server_.add_worker(1);
  const auto dispatch = server_.await_dispatch();
  EXPECT_TRUE(why(dispatch.state->id.str()).is_null());
  const std::string other = dispatch.state->id.str() == first ? second : first;
  EXPECT_EQ(why(other).at("kind"), "PLACE_IN_LINE");
  EXPECT_EQ(why(other).at("place"), 0);
  const auto paused =
      server_.data("mutation { pauseQueue(queue: \"reports\") { name paused pending running } }");
  EXPECT_EQ(paused.at("pauseQueue"),
            boost::json::parse(R"({"name":"reports","paused":true,"pending":1,"running":1})"));
  EXPECT_EQ(why(other).at("kind"), "QUEUE_PAUSED");
  EXPECT_EQ(server_.data("mutation { resumeQueue(queue: \"reports\") { paused } }")
                .at("resumeQueue")
                .at("paused"),
            false);
  EXPECT_EQ(server_.code("mutation { pauseQueue(queue: \"nothing\") { name } }"), "QUEUE_UNKNOWN");
}

TEST_F(ResolversTest, ProgressShowsItsFraction) {
  const std::string id = server_.submit();
  server_.add_worker();
  const auto dispatch = server_.await_dispatch();
  ASSERT_TRUE(server_.report(*dispatch.state,
                             job::ReportProgress{dispatch.state->token, {25, 100, "reading", ""}}));
  const auto progress =
      server_.data(job(id, "progress { completed total fraction stage message updatedAt }"))
          .at("job")
          .at("progress");
  EXPECT_EQ(progress.at("fraction"), 0.25);
  EXPECT_EQ(progress.at("stage"), "reading");
  EXPECT_TRUE(progress.at("message").is_null());
  EXPECT_TRUE(progress.at("updatedAt").is_string());
}

TEST_F(ResolversTest, AFailedJobHasAnErrorAndNoResult) {
  const std::string id = server_.submit();
  server_.add_worker();
  const auto dispatch = server_.await_dispatch();
  job::FailAttempt failure{.token = dispatch.state->token, .permanent = true};
  failure.error = {.code = "NO_DATA",
                   .message = "Nothing there.",
                   .details = R"({"table":"t"})",
                   .remediation = "Load it."};
  ASSERT_TRUE(server_.report(*dispatch.state, failure));
  const auto data = server_
                        .data(job(id,
                                  "status error { code message details retryable remediation "
                                  "attempt } nextSteps ... on ExportReportJob { result { rows } }"))
                        .at("job");
  EXPECT_EQ(data.at("status"), "FAILED");
  EXPECT_EQ(
      data.at("error"),
      boost::json::parse(
          R"({"code":"NO_DATA","message":"Nothing there.","details":{"table":"t"},"retryable":false,"remediation":"Load it.","attempt":1})"));
  EXPECT_EQ(data.at("nextSteps").at(0), "Load it.");
  EXPECT_TRUE(data.at("result").is_null());
}

TEST_F(ResolversTest, EventsOfAJobPageByCursor) {
  const std::string id = server_.submit("correlationId: \"c-9\"");
  server_.add_worker();
  const auto dispatch = server_.await_dispatch();
  ASSERT_TRUE(server_.complete(*dispatch.state, R"({"rows":1,"files":[]})"));
  const auto all = server_
                       .data(job(id,
                                 "events { nodes { id jobId sequence type time correlationId actor "
                                 "{ kind subject } data } pageInfo { hasNextPage } }"))
                       .at("job")
                       .at("events");
  ASSERT_EQ(all.at("nodes").as_array().size(), 3U);
  EXPECT_EQ(all.at("nodes").at(0).at("type"), "dev.errand.job.enqueued");
  EXPECT_EQ(all.at("nodes").at(0).at("actor"),
            boost::json::parse(R"({"kind":"CLIENT","subject":"user:anna"})"));
  EXPECT_EQ(all.at("nodes").at(1).at("type"), "dev.errand.job.started");
  EXPECT_EQ(all.at("nodes").at(2).at("type"), "dev.errand.job.succeeded");
  EXPECT_EQ(all.at("nodes").at(2).at("correlationId"), "c-9");
  EXPECT_FALSE(all.at("nodes").at(1).at("data").as_object().contains("token"));
  const auto one =
      server_
          .data(job(id, "events(first: 1) { edges { cursor } pageInfo { hasNextPage endCursor } }"))
          .at("job")
          .at("events");
  EXPECT_EQ(one.at("pageInfo").at("hasNextPage"), true);
  const auto rest =
      server_
          .data(job(id, "events(types: [\"succeeded\"], after: \"" +
                            std::string(one.at("pageInfo").at("endCursor").as_string()) +
                            "\") { nodes { sequence } pageInfo { hasNextPage } }"))
          .at("job")
          .at("events");
  EXPECT_EQ(rest,
            boost::json::parse(R"({"nodes":[{"sequence":3}],"pageInfo":{"hasNextPage":false}})"));
}

TEST_F(ResolversTest, QueuesAndWorkersAreShownWithinTheTenant) {
  server_.submit();
  server_.add_worker(0, "mine", TenantId("acme"));
  server_.add_worker(0, "theirs", TenantId("umbrella"));
  server_.add_worker(0, "all");
  const auto data = server_.data(
      "{ queues { name pending running paused workers } workers { id slots running queues } hello "
      "}");
  EXPECT_EQ(data.at("queues").at(0).at("name"), "reports");
  EXPECT_EQ(data.at("queues").at(0).at("pending"), 1);
  EXPECT_EQ(data.at("workers").as_array().size(), 2U);
  EXPECT_EQ(data.at("hello"), "hi");
  const auto other = server_.data("{ queues { pending } }", Server::context("umbrella"));
  for (const auto& queue : other.at("queues").as_array()) EXPECT_EQ(queue.at("pending"), 0);
}

/// Attempts of one to two minutes that do half of the work in a tenth of the time.
job::TypeHistory uneven_history() {
  job::TypeHistory history;
  for (int i = 0; i < 60; ++i) {
    const Milliseconds total(60'000 + 1'000 * (i * 7 % 60));
    job::ProgressTrack track;
    track.note(0.5, total / 10);
    track.note(1, total);
    history.observe(track, total);
  }
  return history;
}

TEST(EstimateTest, RestsOnTheTenantsOwnHistory) {
  Server server({}, {},
                {{TenantId("acme"), JobTypeName("exportReport"), uneven_history().to_json()}});
  constexpr std::string_view kFields =
      "status estimatedCompletion estimate { completionAt earliest latest basis }";
  const auto ask = [&](const std::string& id, std::shared_ptr<Context> as) {
    return server.data("{ job(id: \"" + id + "\") { " + std::string(kFields) + " } }", as)
        .at("job")
        .as_object();
  };
  const auto acme = Server::context();
  const auto umbrella = Server::context("umbrella");
  const std::string id = server.submit();
  EXPECT_TRUE(ask(id, acme).at("estimate").is_null());  // it waits: nobody knows when it starts
  server.add_worker(2);
  auto dispatch = server.await_dispatch();
  auto job = ask(id, acme);
  EXPECT_EQ(job.at("estimate").at("basis"), "HISTORY");
  const auto time = [](const boost::json::value& text) { return std::string(text.as_string()); };
  EXPECT_LT(time(job.at("estimate").at("earliest")), time(job.at("estimate").at("completionAt")));
  EXPECT_LT(time(job.at("estimate").at("completionAt")), time(job.at("estimate").at("latest")));
  EXPECT_EQ(job.at("estimatedCompletion"), job.at("estimate").at("completionAt"));

  const job::Progress half{.completed = 5, .total = 10, .stage = {}, .message = {}};
  ASSERT_TRUE(server.report(*dispatch.state, job::ReportProgress{dispatch.state->token, half}));
  job = ask(id, acme);
  EXPECT_EQ(job.at("estimate").at("basis"), "PROGRESS");
  EXPECT_FALSE(job.at("estimate").at("latest").is_null());

  // Another tenant's jobs of the same type stand at the beginning.
  const std::string other = server.submit("", umbrella);
  dispatch = server.await_dispatch();
  EXPECT_TRUE(ask(other, umbrella).at("estimate").is_null());
  ASSERT_TRUE(server.report(*dispatch.state, job::ReportProgress{dispatch.state->token, half}));
  job = ask(other, umbrella);
  EXPECT_EQ(job.at("estimate").at("basis"), "PROGRESS");
  EXPECT_TRUE(job.at("estimate").at("earliest").is_null());
  EXPECT_TRUE(job.at("estimate").at("latest").is_null());
}

}  // namespace
}  // namespace errand::api
