#include "errand/worker/upstream_handler.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "errand/worker/test_endpoint.h"

namespace errand::worker {
namespace {

constexpr const char* kDocument = "mutation go($input: In!) { go(input: $input) { __typename n } }";

class HeadersFile {
 public:
  explicit HeadersFile(std::string_view text)
      : path_(std::filesystem::temp_directory_path() /
              ("errand-headers-" + std::to_string(::getpid()))) {
    std::ofstream(path_) << text;
  }
  ~HeadersFile() { std::filesystem::remove(path_); }
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

class UpstreamHandlerTest : public GatewayTest {
 protected:
  void SetUp() override {
    start();
    upstream_ = std::make_unique<TestEndpoint>(threads_.context().get_executor());
    client_ = *outbound::HttpClient::create({}, upstream_->guard(), nullptr);
  }

  void host(UpstreamHandler::Options options = {}) {
    if (options.url.empty()) options.url = upstream_->url();
    options.mutation = "go";
    options.document = kDocument;
    options.response_bytes_max = 5'000;
    options.breaker.requests_min = 1'000;
    types_.hosted_types.insert(JobTypeName("work"));
    auto handler = UpstreamHandler::create(std::move(options), *client_, clock_);
    ASSERT_TRUE(handler) << handler.error().message;
    gateway_->host(threads_.context().get_executor(), {.name = "upstream",
                                                       .types = {JobTypeName("work")},
                                                       .slots = 2,
                                                       .way = engine::WorkerWay::kUpstream,
                                                       .handler = *handler});
  }

  void TearDown() override {
    upstream_->stop(threads_);
    GatewayTest::TearDown();
    client_->stop();
  }

  JobHeaders headers(JobHeaders::Options options) {
    return {std::move(options), credentials_, pool_};
  }

  JobId enqueue_with(const auth::JobCredentials& credentials) {
    return enqueue("work", "acme",
                   [&](const JobId& id) { return auth::seal(sealer(), id, credentials); });
  }

  crypto::Sealer sealer() { return {key_, auth::kJobCredentialsLabel, random_}; }

  job::JobError failure_after(unsigned status, std::string body, job::JobStatus wanted) {
    // Not before the test is over, or it would take the answer of the next.
    upstream_->then(status, std::move(body), {{"Retry-After", "60"}});
    const auto now = until(enqueue(), wanted);
    return wanted == job::JobStatus::kFailed ? *now->error : *now->last_failure;
  }

  CredentialStore credentials_{store_.reader(), pool_, sealer()};
  std::unique_ptr<TestEndpoint> upstream_;
  std::unique_ptr<outbound::HttpClient> client_;
};

TEST_F(UpstreamHandlerTest, RunsTheMutationAndTakesItsDataForTheResult) {
  host();
  upstream_->then(200, R"({"data":{"go":{"__typename":"Out","n":42}}})");
  const JobId id = enqueue();
  until(id, job::JobStatus::kSucceeded);
  const net::HttpRequest request = upstream_->requests().at(0);
  EXPECT_EQ(request.header("idempotency-key"), "\"" + id.str() + "-r1\"");
  EXPECT_EQ(request.header("content-type"), "application/json");
  EXPECT_EQ(request.header("x-correlation-id"), "corr-1");
  EXPECT_EQ(request.header("x-errand-attempt"), "1");
  EXPECT_GT(std::stol(std::string(request.header("x-errand-timeout-ms").value_or("0"))), 0);
  EXPECT_THAT(std::string(request.header("traceparent").value_or("")),
              HasSubstr("4bf92f3577b34da6a3ce929d0e0e4736"));
  const auto body = json::parse(request.body).value().as_object();
  EXPECT_EQ(text(body, "query"), kDocument);
  EXPECT_EQ(text(body, "operationName"), "go");
  EXPECT_EQ(json::to_text(body.at("variables")), R"({"input":{"n":7}})");
}

TEST_F(UpstreamHandlerTest, SendsTheHeadersOfTheJobAndOfItsService) {
  const HeadersFile file("Authorization: Bearer service\nX-Team: billing\nX-User: root\n");
  host({.job_headers = headers({.forwarded = {"authorization", "cookie"},
                                .file = file.path(),
                                .on_behalf_of = "x-user"})});
  for (int i = 0; i < 2; ++i) upstream_->then(200, R"({"data":{"go":{"n":42}}})");
  until(enqueue_with({.headers = {{"authorization", "Bearer ann"}}, .subject = "anna"}),
        job::JobStatus::kSucceeded);
  const net::HttpRequest of_ann = upstream_->requests().at(0);
  EXPECT_EQ(of_ann.header("authorization"), "Bearer ann");
  EXPECT_EQ(of_ann.header("x-user"), "anna");
  EXPECT_EQ(of_ann.header("x-team"), "billing");
  EXPECT_EQ(of_ann.header("cookie"), std::nullopt);

  // A client without credentials does not get the service's.
  until(enqueue_with({.headers = {}, .subject = "nobody"}), job::JobStatus::kSucceeded);
  const net::HttpRequest of_nobody = upstream_->requests().at(1);
  EXPECT_EQ(of_nobody.header("authorization"), std::nullopt);
  EXPECT_EQ(of_nobody.header("x-user"), "nobody");
}

TEST_F(UpstreamHandlerTest, DoesNotAskWithoutTheHeadersThatItNeeds) {
  host({.job_headers = headers({.file = "/no/such/file"})});
  const auto later = until(enqueue(), job::JobStatus::kRetrying);
  EXPECT_EQ(later->last_failure->code, "UPSTREAM_CREDENTIALS_MISSING");
  EXPECT_TRUE(upstream_->requests().empty());
}

TEST_F(UpstreamHandlerTest, DoesNotAskOnNobodysBehalf) {
  host({.job_headers = headers({.on_behalf_of = "x-user"})});
  const auto never = until(enqueue(), job::JobStatus::kFailed);
  EXPECT_EQ(never->error->code, "UPSTREAM_CREDENTIALS_MISSING");
  EXPECT_TRUE(upstream_->requests().empty());
}

TEST_F(UpstreamHandlerTest, AnErrorsCodeSaysWhetherAnotherAttemptMayFareBetter) {
  host({.transient = {"BUSY"}, .permanent = {"INTERNAL_SERVER_ERROR"}});
  const auto with_code = [](const std::string& code) {
    return R"({"data":null,"errors":[{"message":"no","path":["go"],"extensions":{"code":")" + code +
           R"("}}]})";
  };
  for (const char* code : {"BUSY", "SERVICE_UNAVAILABLE", "RATE_LIMITED"}) {
    EXPECT_EQ(failure_after(200, with_code(code), job::JobStatus::kRetrying).code, code);
  }
  for (const char* code : {"INTERNAL_SERVER_ERROR", "FORBIDDEN", "MINE"}) {
    EXPECT_EQ(failure_after(200, with_code(code), job::JobStatus::kFailed).code, code);
  }
}

TEST_F(UpstreamHandlerTest, AnErrorWithoutACodeIsLikeAnExceptionInAWorker) {
  host();
  const auto error =
      failure_after(200, R"({"data":null,"errors":[{"message":"Boom","path":["go"]}]})",
                    job::JobStatus::kRetrying);
  EXPECT_EQ(error.code, "UPSTREAM_ERROR");
  EXPECT_EQ(error.message, "Boom");
}

TEST_F(UpstreamHandlerTest, ARequestThatWasNotExecutedWillNotBeNextTime) {
  host();
  const auto error = failure_after(
      400, R"({"errors":[{"message":"Cannot query field \"n\""},{"message":"And more"}]})",
      job::JobStatus::kFailed);
  EXPECT_EQ(error.message, "Cannot query field \"n\"");
  EXPECT_THAT(error.details, HasSubstr("And more"));
}

TEST_F(UpstreamHandlerTest, SaysWhatToDoAboutCredentialsThatExpired) {
  host();
  const auto coded = failure_after(
      200, R"({"errors":[{"message":"Log in","extensions":{"code":"UNAUTHENTICATED"}}]})",
      job::JobStatus::kFailed);
  EXPECT_EQ(coded.code, "UNAUTHENTICATED");
  EXPECT_THAT(coded.remediation, HasSubstr("Submit it again with fresh ones"));
  const auto bare = failure_after(401, "who are you?", job::JobStatus::kFailed);
  EXPECT_EQ(bare.code, "HTTP_401");
  EXPECT_THAT(bare.remediation, HasSubstr("Submit it again with fresh ones"));
}

TEST_F(UpstreamHandlerTest, TakesAResultWhosePartsHaveErrors) {
  host();
  upstream_->then(200,
                  R"({"data":{"go":{"n":1,"x":null}},
                      "errors":[{"message":"no x","path":["go","x"]}]})");
  until(enqueue(), job::JobStatus::kSucceeded);
}

TEST_F(UpstreamHandlerTest, NamesWhatIsNoGraphqlResponse) {
  host();
  EXPECT_EQ(failure_after(200, "<html>", job::JobStatus::kFailed).code,
            "UPSTREAM_RESPONSE_INVALID");
  EXPECT_EQ(failure_after(200, R"({"data":{"stop":1}})", job::JobStatus::kFailed).code,
            "UPSTREAM_RESPONSE_INVALID");
  EXPECT_EQ(failure_after(502, "bad gateway", job::JobStatus::kRetrying).code, "HTTP_502");
  EXPECT_EQ(failure_after(200, "\"" + std::string(6'000, 'x') + "\"", job::JobStatus::kFailed).code,
            "RESULT_TOO_LARGE");
}

TEST_F(UpstreamHandlerTest, ObeysRetryAfter) {
  host();
  upstream_->then(503, R"({"errors":[{"message":"later"}]})", {{"Retry-After", "700"}});
  const auto now = until(enqueue(), job::JobStatus::kRetrying);
  EXPECT_GE(*now->due_at - clock_.now().wall, 500s);
}

TEST_F(UpstreamHandlerTest, GivesTypesTheNamesThatTheyHaveHere) {
  host({.type_names = {{"Out", "RunJobOut"}}});
  upstream_->then(200, R"({"data":{"go":{"n":1,"all":[{"__typename":"Out","n":2},null]}}})");
  const JobId id = enqueue();
  until(id, job::JobStatus::kSucceeded);
  const auto stored = store_.reader().payload(id, store::PayloadKind::kResult).value();
  EXPECT_THAT(stored->bytes, HasSubstr(R"("__typename":"RunJobOut")"));
}

TEST_F(UpstreamHandlerTest, IsTriedAgainWhereNobodyAnswers) {
  host({.url = "http://127.0.0.1:1/graphql"});
  EXPECT_EQ(until(enqueue(), job::JobStatus::kRetrying)->last_failure->code,
            "UPSTREAM_UNREACHABLE");
}

}  // namespace
}  // namespace errand::worker
