#include "errand/api/submit_job.h"

#include <thread>

#include <gtest/gtest.h>

#include "errand/api/api_test_support.h"
#include "errand/base/time_text.h"

namespace errand::api {
namespace {

using testing::Server;

class SubmitJobTest : public ::testing::Test {
 protected:
  Server server_;
};

TEST_F(SubmitJobTest, AnswersWithATypedHandleOfADurableJob) {
  const auto data = server_.data(R"(mutation { exportReport(input: {format: CSV, title: "all"},
      options: {tags: ["a", "b"], priority: 5, correlationId: "c-1"}) {
    __typename id type status queue priority tags correlationId run attempt maxAttempts result { rows } error { code } progress { stage } } })");
  const auto& job = data.at("exportReport").as_object();
  EXPECT_EQ(job.at("__typename"), "ExportReportJob");
  EXPECT_EQ(job.at("status"), "PENDING");
  EXPECT_EQ(job.at("type"), "exportReport");
  EXPECT_EQ(job.at("queue"), "reports");
  EXPECT_EQ(job.at("priority"), 5);
  EXPECT_EQ(job.at("tags"), (boost::json::array{"a", "b"}));
  EXPECT_EQ(job.at("correlationId"), "c-1");
  EXPECT_EQ(job.at("maxAttempts"), 3);
  EXPECT_TRUE(job.at("result").is_null());
  EXPECT_TRUE(job.at("progress").is_null());

  const auto id = JobId::parse(std::string(job.at("id").as_string()));
  ASSERT_TRUE(id.has_value());
  const auto state = server_.store.reader().job(*id).value();
  ASSERT_NE(state, nullptr);
  EXPECT_EQ(state->spec.tenant, TenantId("acme"));
  EXPECT_EQ(state->spec.timeout, std::chrono::minutes(1));
  const auto input = server_.store.reader().payload(*id, store::PayloadKind::kInput).value();
  ASSERT_TRUE(input.has_value());
  EXPECT_EQ(input->bytes, R"({"input":{"format":"CSV","title":"all"},"dryRun":false})");
  EXPECT_EQ(input->digest, server_.backend->payload_key.sign(input->bytes));
  EXPECT_EQ(input->digest, state->spec.input.digest);
}

TEST_F(SubmitJobTest, TheResultIsThereAfterTheWorkerCompleted) {
  const std::string id = server_.submit();
  server_.add_worker();
  const auto dispatch = server_.await_dispatch();
  EXPECT_EQ(dispatch.state->id.str(), id);
  ASSERT_TRUE(
      server_.complete(*dispatch.state, R"({"rows":3,"files":[{"name":"a.csv","bytes":null}]})"));
  const auto data = server_.data("{ job(id: \"" + id +
                                 "\") { status pollAfter finishedAt ... on ExportReportJob "
                                 "{ result { rows files { name bytes } } } error { code } } }");
  EXPECT_EQ(data.at("job").at("status"), "SUCCEEDED");
  EXPECT_TRUE(data.at("job").at("pollAfter").is_null());
  EXPECT_TRUE(data.at("job").at("finishedAt").is_string());
  EXPECT_EQ(data.at("job").at("result"),
            boost::json::parse(R"({"rows":3,"files":[{"name":"a.csv","bytes":null}]})"));
}

std::string charge(int amount, std::string_view key) {
  return "mutation { charge(amount: " + std::to_string(amount) + ", options: {idempotencyKey: \"" +
         std::string(key) + "\"}) { id } }";
}

TEST_F(SubmitJobTest, TheSameKeyGivesTheSameJob) {
  const auto first = server_.data(charge(5, "k"));
  EXPECT_EQ(server_.data(charge(5, "k")), first);
  EXPECT_NE(server_.data(charge(5, "other")), first);
  // Another tenant's key is another key.
  EXPECT_NE(server_.data(charge(5, "k"), Server::context("umbrella")), first);
}

TEST_F(SubmitJobTest, TheSameKeyWithOtherArgumentsIsRefused) {
  server_.data(charge(5, "k"));
  EXPECT_EQ(server_.code(charge(6, "k")), "IDEMPOTENCY_KEY_REUSED");
  EXPECT_EQ(server_.last_http_status, 422);
}

TEST_F(SubmitJobTest, OptionsAndSpellingDoNotCountAsOtherArguments) {
  const auto first = server_.data(
      R"(mutation { exportReport(input: {format: CSV, title: "ab"}, options: {idempotencyKey: "k"}) { id } })");
  EXPECT_EQ(
      server_.data(
          R"(mutation ($t: String, $o: JobOptions) { exportReport(options: $o, input: {title: $t, format: CSV}) { id } })",
          Server::context(), {{"t", "ab"}, {"o", {{"idempotencyKey", "k"}, {"priority", 9}}}}),
      first);
  // The default of dryRun, when it is sent, is another request than when it is not.
  EXPECT_EQ(
      server_.code(
          R"(mutation { exportReport(input: {format: CSV, title: "ab"}, dryRun: false, options: {idempotencyKey: "k"}) { id } })"),
      "IDEMPOTENCY_KEY_REUSED");
}

TEST_F(SubmitJobTest, ARequiredKeyMayComeByTheHeader) {
  EXPECT_EQ(server_.code("mutation { charge(amount: 5) { id } }"), "IDEMPOTENCY_KEY_REQUIRED");
  const auto as = Server::context();
  as->idempotency_key = "\"quoted\"";
  const auto first = server_.data("mutation { charge(amount: 5) { id } }", as);
  const auto bare = Server::context();
  bare->idempotency_key = "quoted";
  EXPECT_EQ(server_.data("mutation { charge(amount: 5) { id } }", bare), first);
  bare->idempotency_key = "\"open";
  EXPECT_EQ(server_.code("mutation { charge(amount: 5) { id } }", bare), "IDEMPOTENCY_KEY_INVALID");
}

TEST_F(SubmitJobTest, SeveralJobFieldsAddTheirPathToTheHeader) {
  const auto as = Server::context();
  as->idempotency_key = "k";
  const std::string both = "mutation { a: charge(amount: 5) { id } b: charge(amount: 6) { id } }";
  const auto first = server_.data(both, as);
  EXPECT_NE(first.at("a"), first.at("b"));
  EXPECT_EQ(server_.data(both, as), first);
  // The argument outranks the header.
  EXPECT_EQ(
      server_
          .data("mutation { a: charge(amount: 5, options: {idempotencyKey: \"k a\"}) { id } }", as)
          .at("a"),
      first.at("a"));
}

TEST_F(SubmitJobTest, TheItemsOfABatchAddTheirPlaceToTheHeader) {
  const std::string query = "mutation { charge(amount: 5) { id } }";
  const auto item = [&](std::optional<std::size_t> index) {
    const auto as = Server::context();
    as->idempotency_key = "k";
    as->batch_index = index;
    return server_.data(query, as);
  };
  const auto first = item(0);
  const auto second = item(1);
  const auto alone = item(std::nullopt);
  EXPECT_NE(first, second);
  EXPECT_NE(first, alone);
  EXPECT_EQ(item(0), first);
  EXPECT_EQ(item(1), second);
}

TEST_F(SubmitJobTest, AReplayIsAnsweredAfterItsDeadlineHasPassed) {
  const auto soon = format_timestamp(server_.clock.now().wall + std::chrono::seconds(3));
  const std::string query =
      R"(mutation { charge(amount: 5, options: {idempotencyKey: "k", deadline: ")" + soon +
      R"("}) { id } })";
  const auto first = server_.data(query);
  while (format_timestamp(server_.clock.now().wall) <= soon) std::this_thread::yield();
  EXPECT_EQ(server_.data(query), first);
  EXPECT_EQ(
      server_.code(R"(mutation { charge(amount: 5, options: {idempotencyKey: "k2", deadline: ")" +
                   soon + R"("}) { id } })"),
      "BAD_USER_INPUT");
}

TEST_F(SubmitJobTest, ConstraintsAreToldWithTheirPaths) {
  const auto response = server_.execute(
      R"(mutation { charge(amount: 0, options: {idempotencyKey: "k"}) { id } exportReport(input: {format: CSV, title: "x"}) { id } })");
  EXPECT_TRUE(response.at("data").at("charge").is_null());
  const auto& first = response.at("errors").at(0);
  EXPECT_EQ(first.at("path"), boost::json::array{"charge"});
  EXPECT_EQ(first.at("extensions").at("code"), "CONSTRAINT_VIOLATION");
  EXPECT_EQ(first.at("extensions").at("violations").at(0).at("path"), "amount");
  EXPECT_EQ(response.at("errors").at(1).at("extensions").at("violations").at(0).at("path"),
            "input.title");
}

TEST_F(SubmitJobTest, ValidateOnlyMakesNoJob) {
  const auto response = server_.execute(
      "mutation { a: exportReport(input: {format: CSV}, options: {validateOnly: true}) { id } }");
  EXPECT_FALSE(response.as_object().contains("errors"));
  EXPECT_TRUE(response.at("data").at("a").is_null());
  EXPECT_EQ(response.at("extensions"), boost::json::parse(R"({"errand":{"validated":[["a"]]}})"));
  EXPECT_EQ(server_.store.last_position(), LogPosition{});
}

TEST_F(SubmitJobTest, OptionsThatContradictAreRefused) {
  const auto submit = [&](std::string_view options) {
    return server_.code("mutation { exportReport(input: {format: CSV}, options: {" +
                        std::string(options) + "}) { id } }");
  };
  EXPECT_EQ(submit("priority: 101"), "BAD_USER_INPUT");
  EXPECT_EQ(submit("delay: \"1m\", runAt: \"2030-01-01T00:00:00Z\""), "BAD_USER_INPUT");
  EXPECT_EQ(submit("runAt: \"2031-01-01T00:00:00Z\", deadline: \"2030-01-01T00:00:00Z\""),
            "BAD_USER_INPUT");
  EXPECT_EQ(submit("deadline: \"2001-01-01T00:00:00Z\""), "BAD_USER_INPUT");
  EXPECT_EQ(submit("callback: {url: \"https://example.com\"}"), "FORBIDDEN");
  EXPECT_EQ(submit("idempotencyKey: \"" + std::string(256, 'x') + "\""), "IDEMPOTENCY_KEY_INVALID");
  EXPECT_EQ(submit("correlationId: \"\""), "BAD_USER_INPUT");
}

TEST_F(SubmitJobTest, ScopesOfThePrincipalAndOfTheFieldAreNeeded) {
  const std::string query = "mutation { exportReport(input: {format: CSV}) { id } }";
  EXPECT_EQ(server_.code(query, Server::context("acme", {"jobs:read"})), "FORBIDDEN");
  const std::string secret = "mutation { secret(word: \"w\") { id } }";
  EXPECT_EQ(server_.code(secret), "FORBIDDEN");
  server_.data(secret, Server::context("acme", {"jobs:*", "reports:secret"}));
}

TEST_F(SubmitJobTest, ADelayedJobIsScheduled) {
  const auto data = server_.data(
      "mutation { exportReport(input: {format: CSV}, options: {delay: \"1h\"}) { status "
      "scheduledFor whyWaiting { kind until message } } }");
  EXPECT_EQ(data.at("exportReport").at("status"), "SCHEDULED");
  EXPECT_EQ(data.at("exportReport").at("whyWaiting").at("kind"), "SCHEDULED");
  EXPECT_EQ(data.at("exportReport").at("whyWaiting").at("until"),
            data.at("exportReport").at("scheduledFor"));
}

TEST_F(SubmitJobTest, WaitForHoldsTheAnswerUntilTheJobIsDone) {
  server_.add_worker();
  std::thread worker([&] {
    const auto dispatch = server_.await_dispatch();
    EXPECT_TRUE(server_.complete(*dispatch.state, R"({"rows":1,"files":[]})"));
  });
  const auto data = server_.data(
      "mutation { exportReport(input: {format: CSV}, options: {waitFor: \"30s\"}) { status result "
      "{ rows } } }");
  worker.join();
  EXPECT_EQ(data.at("exportReport").at("status"), "SUCCEEDED");
  EXPECT_EQ(data.at("exportReport").at("result").at("rows"), 1);
  EXPECT_EQ(server_.backend->held_requests, 0U);
  EXPECT_EQ(server_.bus.size(), 0U);
}

TEST_F(SubmitJobTest, TheTimeOfWaitForDoesNotCountAgainstTheRequest) {
  const auto as = Server::context();
  as->clock = &server_.clock;
  as->deadline = server_.clock.now().monotonic + std::chrono::milliseconds(5'000);
  const auto before = *as->deadline;
  server_.data(
      "mutation { exportReport(input: {format: CSV}, options: {waitFor: \"100ms\"}) "
      "{ result { rows } events { nodes { type } } } }",
      as);
  EXPECT_GE(*as->deadline, before + std::chrono::milliseconds(100));
}

TEST_F(SubmitJobTest, WaitForEndsWithItsTime) {
  const auto data = server_.data(
      "mutation { exportReport(input: {format: CSV}, options: {waitFor: \"50ms\"}) { status } }");
  EXPECT_EQ(data.at("exportReport").at("status"), "PENDING");
  EXPECT_EQ(server_.backend->held_requests, 0U);
}

TEST_F(SubmitJobTest, BeyondTheBoundNothingIsHeld) {
  Server full({.waiting_max = 0});
  const auto data = full.data(
      "mutation { exportReport(input: {format: CSV}, options: {waitFor: \"10m\"}) { status } }");
  EXPECT_EQ(data.at("exportReport").at("status"), "PENDING");
}

TEST_F(SubmitJobTest, ArgumentsBeyondTheirBoundAreRefused) {
  Server small({.input_bytes_max = 64});
  EXPECT_EQ(small.code("mutation { exportReport(input: {format: CSV, title: \"" +
                       std::string(100, 'x') + "\"}) { id } }"),
            "PAYLOAD_TOO_LARGE");
}

TEST_F(SubmitJobTest, TheDoubleOfALiveJobIsThatJob) {
  const auto refresh = [&](std::string_view page, std::shared_ptr<Context> as) {
    return std::string(
        server_.data("mutation { refresh(page: \"" + std::string(page) + "\") { id } }", as)
            .at("refresh")
            .at("id")
            .as_string());
  };
  const std::string id = refresh("1", Server::context());
  EXPECT_EQ(refresh("1", Server::context()), id);
  EXPECT_NE(refresh("2", Server::context()), id);
  EXPECT_NE(refresh("1", Server::context("umbrella")), id);  // another tenant's is nobody's double
}

}  // namespace
}  // namespace errand::api
