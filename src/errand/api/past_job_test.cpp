#include "errand/api/past_job.h"

#include <string>
#include <variant>

#include <gtest/gtest.h>

#include "errand/api/api_test_support.h"
#include "errand/base/time_text.h"
#include "errand/job/testing/jobs.h"

namespace errand::api {
namespace {

using job::testing::History;
using testing::Server;
using namespace std::chrono_literals;

/// Now is long after: SystemClock's.
constexpr Timestamp kBegin{std::chrono::milliseconds{1'700'000'000'000}};

std::string at(const std::string& id, Timestamp time, std::string_view fields) {
  return "{ job(id: \"" + id + "\") { at(time: \"" + format_timestamp(time) + "\") { " +
         std::string(fields) + " } } }";
}

/// Enqueued, started and progressed, failed, run again, succeeded: ten seconds apart.
History eventful() {
  History job;
  const auto tell = [&](const job::Command& command, std::chrono::seconds after) {
    ASSERT_TRUE(job.tell(command, kBegin + after));
  };
  job::JobSpec spec = job::testing::spec();
  spec.retry.max_attempts = 1;
  tell(job::Enqueue{spec}, 0s);
  tell(job::Start{WorkerId("w-1"), "build-1"}, 10s);
  tell(job::ReportProgress{job.state().token, {.completed = 1, .total = 4}}, 20s);
  tell(job::FailAttempt{.token = job.state().token,
                        .permanent = true,
                        .error = {.code = "BROKEN", .message = "No."}},
       30s);
  tell(job::RetryRun{}, 40s);
  tell(job::Start{WorkerId("w-2"), "build-2"}, 50s);
  tell(job::Complete{job.state().token, {.size_bytes = 2}}, 60s);
  return job;
}

TEST(PastJob, IsFoldedFromTheHistory) {
  Server server;
  const std::string id = server.add_history(eventful()).str();
  const auto seen = [&](std::chrono::milliseconds after) {
    return server
        .data(at(id, kBegin + after,
                 "__typename id status run attempt startedAt finishedAt deadLetter error { code } "
                 "progress { fraction }"))
        .at("job")
        .at("at");
  };
  EXPECT_TRUE(seen(-1ms).is_null());
  const auto first = seen(0ms);
  EXPECT_EQ(first.at("__typename"), "ExportReportJob");
  EXPECT_EQ(first.at("id").as_string(), id);
  EXPECT_EQ(first.at("status"), "PENDING");
  EXPECT_TRUE(first.at("startedAt").is_null());
  EXPECT_EQ(seen(9'999ms).at("status"), "PENDING");
  EXPECT_EQ(seen(10s).at("status"), "RUNNING");
  EXPECT_TRUE(seen(10s).at("progress").is_null());
  EXPECT_EQ(seen(25s).at("progress").at("fraction"), 0.25);
  EXPECT_EQ(seen(30s).at("status"), "FAILED");
  EXPECT_EQ(seen(30s).at("error").at("code"), "BROKEN");
  EXPECT_EQ(seen(30s).at("deadLetter"), true);
  EXPECT_EQ(seen(45s).at("status"), "PENDING");
  EXPECT_EQ(seen(45s).at("run"), 2);
  EXPECT_TRUE(seen(45s).at("error").is_null());
  EXPECT_EQ(seen(55s).at("attempt"), 2);
  EXPECT_EQ(seen(1h).at("status"), "SUCCEEDED");
}

TEST(PastJob, LeavesOutWhatIsOnlyKnownOfNow) {
  Server server;
  const std::string id = server.add_history(eventful()).str();
  const auto past =
      server
          .data(at(id, kBegin + 25s,
                   "estimate { completionAt } estimatedCompletion nextSteps pollAfter actions "
                   "whyWaiting { kind } plan { name } ... on ExportReportJob { result { rows } } "
                   "events { nodes { sequence } pageInfo { hasNextPage } }"))
          .at("job")
          .at("at");
  EXPECT_EQ(past,
            boost::json::parse(R"({"estimate":null,"estimatedCompletion":null,"nextSteps":[],)"
                               R"("pollAfter":null,"actions":[],"whyWaiting":null,"plan":[],)"
                               R"("result":null,"events":{"nodes":[{"sequence":1},)"
                               R"({"sequence":2},{"sequence":3}],)"
                               R"("pageInfo":{"hasNextPage":false}}})"));
  // One that waits: of now there would be a reason.
  const auto waiting =
      server.data(at(id, kBegin, "status pollAfter whyWaiting { kind }")).at("job").at("at");
  EXPECT_EQ(waiting,
            boost::json::parse(R"({"status":"PENDING","pollAfter":null,"whyWaiting":null})"));
}

TEST(PastJob, HasTheResultFromWhenItWasThere) {
  Server server;
  const std::string id = server.submit();
  server.add_worker();
  const auto dispatch = server.await_dispatch();
  ASSERT_TRUE(server.complete(*dispatch.state, R"({"rows":7,"files":[]})"));
  const auto finished = server.data("{ job(id: \"" + id + "\") { createdAt finishedAt } }");
  const Timestamp end = *parse_timestamp(finished.at("job").at("finishedAt").as_string().c_str());
  const auto result = [&](Timestamp time) {
    return server.data(at(id, time, "... on ExportReportJob { result { rows } }"))
        .at("job")
        .at("at");
  };
  EXPECT_EQ(result(end).at("result").at("rows"), 7);
  const auto before = result(end - 1ms);  // null where all was over within a millisecond
  if (!before.is_null()) EXPECT_TRUE(before.at("result").is_null());
}

TEST(PastJob, RefusesTheFutureAndAHistoryBeyondTheBound) {
  Server server({.history_events_max = 3});
  const std::string id = server.add_history(eventful()).str();
  EXPECT_EQ(server.code(at(id, server.clock.now().wall + 1h, "id")), "BAD_USER_INPUT");
  EXPECT_EQ(server.data(at(id, kBegin + 25s, "status")).at("job").at("at").at("status"), "RUNNING");
  EXPECT_EQ(server.code(at(id, kBegin + 30s, "status")), "LIMIT_EXCEEDED");
}

TEST(PastJob, ReadsALongHistoryPageByPage) {
  Server server;
  History job;
  std::vector<job::EventData> events{job::Enqueued{job::testing::spec()},
                                     job::Started{1, FencingToken{1}, WorkerId("w1"), ""}};
  job.append(events, kBegin);
  for (int i = 1; i <= 1'500; ++i) {
    job.append({job::Progressed{{.completed = i / 1.0, .total = 2'000}}}, kBegin + i * 1s);
  }
  const std::string id = server.add_history(job).str();
  for (const int second : {1, 497, 498, 499, 1'000, 1'500}) {
    const auto past = server.data(at(id, kBegin + second * 1s, "progress { completed }"));
    EXPECT_EQ(past.at("job").at("at").at("progress").at("completed").to_number<double>(), second);
  }
}

TEST(PastJob, DefersNothing) {
  Server server;
  const std::string id = server.submit();
  const Timestamp created = server.clock.now().wall;
  auto answer = server.run(server.service->start(
      {.query = "{ job(id: \"" + id + "\") { at(time: \"" + format_timestamp(created) +
                "\") { ... @defer { finishedAt } } } }",
       .operation_name = {},
       .variables = {},
       .extensions = {}},
      Server::context(),
      {.allowed = graphql::request::Service::Allowed::kAll,
       .incremental = graphql::request::IncrementalFormat::kDraft}));
  auto* stream = std::get_if<std::unique_ptr<graphql::request::ResponseStream>>(&answer);
  ASSERT_NE(stream, nullptr);
  ASSERT_TRUE(server.run((*stream)->next()));
  const auto part = server.run((*stream)->next());
  ASSERT_TRUE(part);
  EXPECT_NE(part->body.find(R"("finishedAt":null)"), std::string::npos) << part->body;
}

}  // namespace
}  // namespace errand::api
