#include "errand/worker/push_handler.h"

#include <gtest/gtest.h>

#include "errand/worker/callback_token.h"
#include "errand/worker/test_endpoint.h"

namespace errand::worker {
namespace {

constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

class PushHandlerTest : public GatewayTest {
 protected:
  void SetUp() override {
    start();
    endpoint_ = std::make_unique<TestEndpoint>(threads_.context().get_executor());
    client_ = *outbound::HttpClient::create({}, endpoint_->guard(), nullptr);
    host(endpoint_->url());
  }

  void host(const std::string& url) {
    types_.hosted_types.insert(JobTypeName("work"));
    auto handler = PushHandler::create({.url = url,
                                        .secrets = {*outbound::WebhookSecret::parse(kSecret)},
                                        .callback_url = "https://errand.example/worker/v1/messages",
                                        .response_bytes_max = 1'000,
                                        .breaker = {.requests_min = 1'000}},
                                       *client_, clock_);
    ASSERT_TRUE(handler);
    gateway_->host(threads_.context().get_executor(), {.name = "endpoint",
                                                       .types = {JobTypeName("work")},
                                                       .slots = 2,
                                                       .way = engine::WorkerWay::kPush,
                                                       .handler = *handler});
  }

  void TearDown() override {
    endpoint_->stop(threads_);
    GatewayTest::TearDown();
    client_->stop();
  }

  std::unique_ptr<TestEndpoint> endpoint_;
  std::unique_ptr<outbound::HttpClient> client_;
};

TEST_F(PushHandlerTest, PostsTheJobSignedAndTakesTheResponseForItsResult) {
  endpoint_->then(200, R"({"n":42})");
  const JobId id = enqueue();
  until(id, job::JobStatus::kSucceeded);
  const net::HttpRequest request = endpoint_->requests().at(0);
  const std::string key = id.str() + "-r1-c1";
  EXPECT_EQ(request.header("idempotency-key"), "\"" + key + "\"");
  EXPECT_EQ(request.header("webhook-id"), key);
  EXPECT_THAT(std::string(request.header("traceparent").value_or("")),
              HasSubstr("4bf92f3577b34da6a3ce929d0e0e4736"));
  const auto seconds =
      std::chrono::seconds(std::stoll(std::string(*request.header("webhook-timestamp"))));
  EXPECT_EQ(*request.header("webhook-signature"),
            outbound::WebhookSecret::parse(kSecret)->sign(key, std::chrono::sys_seconds(seconds),
                                                          request.body));
  const auto body = json::parse(request.body).value().as_object();
  EXPECT_EQ(text(body, "jobId"), id.str());
  EXPECT_EQ(json::to_text(body.at("arguments")), R"({"input":{"n":7}})");
  EXPECT_GT(body.at("timeoutMs").as_int64(), 0);
  EXPECT_EQ(body.at("call"), 1);
}

TEST_F(PushHandlerTest, AStatusSaysWhetherAnotherAttemptMayFareBetter) {
  struct Case {
    unsigned status;
    bool permanent;
  };
  for (const Case& each :
       {Case{400, true}, Case{404, true}, Case{422, true}, Case{302, true}, Case{401, true},
        Case{408, false}, Case{425, false}, Case{429, false}, Case{500, false}, Case{503, false}}) {
    endpoint_->then(each.status, R"({"message":"no","code":"NOT_NOW"})", {{"Retry-After", "700"}});
    const JobId id = enqueue();
    const auto now =
        until(id, each.permanent ? job::JobStatus::kFailed : job::JobStatus::kRetrying);
    const auto& error = each.permanent ? now->error : now->last_failure;
    EXPECT_EQ(error->code, "NOT_NOW") << each.status;
    EXPECT_EQ(error->message, "no") << each.status;
    if (!each.permanent) EXPECT_GE(*now->due_at - clock_.now().wall, 500s) << each.status;
  }
}

TEST_F(PushHandlerTest, AnErrorWithoutWordsIsNamedByItsStatus) {
  endpoint_->then([](const net::HttpRequest&) {
    auto response = net::HttpResponse::json(404, "no such page");
    response.headers.set("Content-Type", "text/plain");
    return response;
  });
  const auto failed = until(enqueue(), job::JobStatus::kFailed);
  EXPECT_EQ(failed->error->code, "HTTP_404");
  EXPECT_THAT(failed->error->details, HasSubstr("no such page"));
  EXPECT_THAT(failed->error->remediation, HasSubstr("url"));
}

TEST_F(PushHandlerTest, HoldsTheResultAgainstTheSchemaAndItsBound) {
  endpoint_->then(200, R"({"n":"many"})");
  EXPECT_EQ(until(enqueue(), job::JobStatus::kFailed)->error->code, "RESULT_INVALID");
  endpoint_->then(200, "<html>");
  EXPECT_EQ(until(enqueue(), job::JobStatus::kFailed)->error->code, "RESULT_INVALID");
  endpoint_->then(200, "\"" + std::string(2'000, 'x') + "\"");
  EXPECT_EQ(until(enqueue(), job::JobStatus::kFailed)->error->code, "RESULT_TOO_LARGE");
}

TEST_F(PushHandlerTest, CallsAgainAfter206WithTheStateThatItWasGiven) {
  endpoint_->then(206,
                  R"({"progress":{"completed":1,"total":2},"state":{"page":7},"callAgainMs":0})");
  endpoint_->then(200, R"({"n":1})");
  const auto done = until(enqueue(), job::JobStatus::kSucceeded);
  EXPECT_EQ(done->progress->total, 2);
  EXPECT_EQ(done->attempt, 1U);
  const auto second = json::parse(endpoint_->requests().at(1).body).value().as_object();
  EXPECT_EQ(json::to_text(second.at("state")), R"({"page":7})");
  EXPECT_EQ(second.at("call"), 2);
}

TEST_F(PushHandlerTest, AnAcceptedJobIsFinishedByItsCallbackToken) {
  endpoint_->then(202, "");
  const JobId id = enqueue();
  until(id, job::JobStatus::kRunning);
  while (endpoint_->requests().empty()) std::this_thread::yield();
  const auto body = json::parse(endpoint_->requests().at(0).body).value().as_object();
  const std::string token = text(body.at("callback").as_object(), "token");
  EXPECT_EQ(text(body.at("callback").as_object(), "url"),
            "https://errand.example/worker/v1/messages");

  bj::object complete{{"type", "complete"},
                      {"jobId", id.str()},
                      {"token", text(body, "token")},
                      {"result", {{"n", 5}}}};
  EXPECT_EQ(post("messages", json::to_text(complete), "ecb_" + id.str() + ".1.AAAA").status, 401U);
  const JobId other = enqueue("mail");
  bj::object foreign = complete;
  foreign["jobId"] = other.str();
  EXPECT_EQ(post("messages", json::to_text(foreign), token).status, 403U);

  const auto answer = messages(post("messages", json::to_text(complete), token));
  EXPECT_EQ(text(answer.at(0), "status"), "OK");
  EXPECT_EQ(state(id)->status, job::JobStatus::kSucceeded);
  // Its slot is free at once: two more run side by side.
  endpoint_->then(200, R"({"n":1})");
  endpoint_->then(200, R"({"n":1})");
  const JobId next = enqueue();
  until(enqueue(), job::JobStatus::kSucceeded);
  until(next, job::JobStatus::kSucceeded);
}

TEST_F(PushHandlerTest, ACancelEndsTheRequest) {
  std::atomic<bool> asked = false;
  endpoint_->then([&](const net::HttpRequest&) {
    asked = true;
    return net::HttpResponse::json(202, "");
  });
  const JobId id = enqueue();
  while (!asked) std::this_thread::yield();
  ASSERT_TRUE(command(id, job::Kill{.message = "enough"}));
  endpoint_->then(200, R"({"n":1})");
  until(enqueue(), job::JobStatus::kSucceeded);
  EXPECT_EQ(state(id)->status, job::JobStatus::kCanceled);
}

TEST_F(PushHandlerTest, NobodyThereIsATransientFailure) {
  endpoint_->stop(threads_);
  const auto retrying = until(enqueue(), job::JobStatus::kRetrying);
  EXPECT_EQ(retrying->last_failure->code, "PUSH_UNREACHABLE");
}

TEST(PushSecret, FollowsFromKeyOriginAndGeneration) {
  SystemRandom random;
  const auto key = crypto::MasterKey::generate(random);
  const std::string secret = push_secret(key, "https://a:443", 1);
  EXPECT_TRUE(outbound::WebhookSecret::parse(secret));
  EXPECT_EQ(secret, push_secret(key, "https://a:443", 1));
  EXPECT_NE(secret, push_secret(key, "https://a:443", 2));
  EXPECT_NE(secret, push_secret(key, "https://b:443", 1));
}

TEST(CallbackToken, NamesItsAttempt) {
  const HeldJob held{.job = JobId{Uuid{}}, .token = "17.q83vEjRWeJCrze8SNFZ4kA"};
  const auto parsed = parse_callback_token(callback_token(held));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->job, held.job);
  EXPECT_EQ(parsed->token, held.token);
  for (const char* text :
       {"", "ecb_", "ecb_1.2", "ert_abc", "ecb_00000000-0000-0000-0000-000000000000"}) {
    EXPECT_FALSE(parse_callback_token(text)) << text;
  }
}

}  // namespace
}  // namespace errand::worker
