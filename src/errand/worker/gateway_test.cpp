#include "errand/worker/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/worker/gateway_test_support.h"

namespace errand::worker {
namespace {

TEST_F(GatewayTest, GivesAJobToAWorkerAndTakesItsResult) {
  start({.server = "errand/test"});
  Client worker = connect();
  worker.send({{"type", "hello"}, {"types", {"work", "unheard"}}, {"slots", 2}, {"build", "b7"}});
  const auto welcome = worker.read("welcome");
  EXPECT_EQ(welcome.at("leaseMs"), 30'000);
  EXPECT_EQ(text(welcome, "server"), "errand/test");
  EXPECT_EQ(welcome.at("unknownTypes"), (bj::array{"unheard"}));
  const JobId id = enqueue();
  worker.send({{"type", "credits"}, {"add", 1}});

  const auto offer = worker.read("job");
  EXPECT_EQ(text(offer, "jobId"), id.str());
  EXPECT_EQ(text(offer, "jobType"), "work");
  EXPECT_EQ(text(offer, "tenant"), "acme");
  EXPECT_EQ(text(offer, "correlationId"), "corr-1");
  EXPECT_THAT(text(offer, "traceparent"), HasSubstr("4bf92f3577b34da6a3ce929d0e0e4736"));
  EXPECT_EQ(json::to_text(offer.at("arguments")), R"({"input":{"n":7}})");
  EXPECT_EQ(offer.at("attempt"), 1);

  worker.send(heartbeat(offer));
  EXPECT_EQ(text(worker.read("heartbeat_ack").at("jobs").at(0).as_object(), "state"), "RUNNING");
  worker.send(about(offer, "progress", {{"completed", 1}, {"total", 2}, {"stage", "half"}}));
  worker.send(about(offer, "complete", {{"result", {{"n", 42}}}}));
  const auto ack = worker.read("ack");
  EXPECT_EQ(text(ack, "status"), "OK");
  EXPECT_EQ(text(ack, "ref"), "r");

  EXPECT_EQ(state(id)->status, job::JobStatus::kSucceeded);
  EXPECT_EQ(state(id)->worker_build, "b7");
  EXPECT_EQ(state(id)->progress->stage, "half");
  const auto result = store_.reader().payload(id, store::PayloadKind::kResult).value();
  EXPECT_EQ(result->bytes, R"({"n":42})");
  EXPECT_EQ(result->digest, key_.hmac_key(crypto::kPayloadDigestLabel).sign(R"({"n":42})"));
}

TEST_F(GatewayTest, PutsJobsThatAreReadyTogetherIntoOneFrame) {
  start();
  Client worker = connect();
  for (int i = 0; i < 6; ++i) enqueue();
  worker.join(0);
  const int before = worker.frames();
  worker.send({{"type", "credits"}, {"add", 6}});
  for (int i = 0; i < 6; ++i) worker.read("job");
  EXPECT_EQ(worker.frames() - before, 1);
}

TEST_F(GatewayTest, SendsOneJobForEachCreditAndNoneWithout) {
  start();
  Client worker = connect();
  worker.join(0);
  enqueue();
  enqueue();
  worker.send({{"type", "heartbeat"}, {"jobs", bj::array()}});
  worker.read("heartbeat_ack");
  worker.send({{"type", "credits"}, {"add", 1}});
  const auto offer = worker.read("job");
  worker.send(heartbeat(offer));
  worker.read("heartbeat_ack");
  // Several messages in one frame; the next job may overtake the ack.
  worker.send(bj::array{about(offer, "complete", {{"result", {{"n", 1}}}}),
                        bj::object{{"type", "credits"}, {"add", 1}}});
  const std::string first = text(worker.read(), "type");
  const std::string second = text(worker.read(), "type");
  EXPECT_EQ(std::min(first, second), "ack");
  EXPECT_EQ(std::max(first, second), "job");
}

TEST_F(GatewayTest, TakesFailuresReleasesAndSnoozes) {
  start();
  Client worker = connect();
  worker.join(4);
  const JobId transient = enqueue();
  bj::object later = failure("TRANSIENT");
  later.at("error").as_object()["retryAfterMs"] = 3'600'000;  // not while the test goes on
  worker.send(about(worker.read("job"), "fail", later));
  EXPECT_EQ(text(worker.read("ack"), "status"), "OK");
  EXPECT_EQ(state(transient)->status, job::JobStatus::kRetrying);

  const JobId permanent = enqueue();
  worker.send(about(worker.read("job"), "fail", failure("PERMANENT")));
  worker.read("ack");
  EXPECT_EQ(state(permanent)->status, job::JobStatus::kFailed);
  EXPECT_EQ(state(permanent)->error->code, "OOPS");

  const JobId put_off = enqueue();
  worker.send(about(worker.read("job"), "snooze", {{"delayMs", 3'600'000}}));
  worker.read("ack");
  EXPECT_EQ(state(put_off)->status, job::JobStatus::kScheduled);

  const JobId given_back = enqueue();
  worker.send(about(worker.read("job"), "release"));
  worker.read("ack");
  EXPECT_EQ(state(given_back)->status, job::JobStatus::kPending);
  worker.send({{"type", "credits"}, {"add", 1}});
  EXPECT_EQ(worker.read("job").at("attempt"), 1) << "a release costs no attempt";
}

TEST_F(GatewayTest, AResultThatDoesNotFitFailsTheJobWithItsPath) {
  start();
  Client worker = connect();
  worker.join(1);
  const JobId id = enqueue();
  const auto complete = about(worker.read("job"), "complete", {{"result", {{"n", "many"}}}});
  for (int time = 0; time < 2; ++time) {  // the repeated report is answered in the same way
    worker.send(complete);
    const auto ack = worker.read("ack");
    EXPECT_EQ(text(ack, "status"), "REFUSED");
    EXPECT_EQ(text(ack.at("error").as_object(), "code"), "RESULT_INVALID");
    EXPECT_THAT(text(ack.at("error").as_object(), "message"), HasSubstr("result.n"));
  }
  EXPECT_EQ(state(id)->status, job::JobStatus::kFailed);
  EXPECT_EQ(state(id)->error->code, "RESULT_INVALID");
}

TEST_F(GatewayTest, RefusesReportsUnderAStaleOrForeignToken) {
  start();
  Client worker = connect();
  worker.join(1);
  enqueue();
  const auto offer = worker.read("job");
  const auto complete = about(offer, "complete", {{"result", {{"n", 1}}}});
  const auto refusal = [](const bj::object& ack) {
    EXPECT_EQ(text(ack, "status"), "REFUSED");
    return text(ack.at("error").as_object(), "code");
  };

  Client other = connect("globex");
  other.join(0);
  other.send(complete);
  EXPECT_EQ(refusal(other.read("ack")), "LEASE_LOST")
      << "another tenant's token is good for nothing";
  other.send(heartbeat(offer));
  EXPECT_EQ(text(other.read("heartbeat_ack").at("jobs").at(0).as_object(), "state"), "LEASE_LOST");

  worker.send(about(offer, "release"));
  worker.read("ack");
  worker.send({{"type", "credits"}, {"add", 1}});
  const auto second = worker.read("job");
  worker.send(complete);
  EXPECT_EQ(refusal(worker.read("ack")), "LEASE_LOST");
  worker.send(about(offer, "progress", {{"completed", 1}}));
  EXPECT_EQ(refusal(worker.read("ack")), "LEASE_LOST");
  worker.send(about(second, "complete", {{"result", {{"n", 2}}}}));
  EXPECT_EQ(text(worker.read("ack"), "status"), "OK");
  worker.send(about(second, "complete", {{"result", {{"n", 2}}}}));
  EXPECT_EQ(text(worker.read("ack"), "status"), "OK") << "a repeated report counts once";
  worker.send(about(second, "complete", {{"result", {{"n", 3}}}}));
  EXPECT_EQ(refusal(worker.read("ack")), "JOB_ENDED");
  EXPECT_THAT(metrics_.render(), HasSubstr("errand_stale_reports_total 4"));
}

TEST_F(GatewayTest, KeepsTenantsAndQueuesApart) {
  start();
  Client globex = connect("globex");
  globex.join(1);
  Client mailer = connect("mailer");
  mailer.join(1);
  enqueue("work", "acme");
  for (Client* each : {&globex, &mailer}) {  // neither has got the job of acme's queue "work"
    each->send({{"type", "heartbeat"}, {"jobs", bj::array()}});
    each->read("heartbeat_ack");
  }
  Client all = connect("all");
  all.join(1);
  EXPECT_EQ(text(all.read("job"), "tenant"), "acme");
  enqueue("mail", "acme");
  EXPECT_EQ(text(mailer.read("job"), "queue"), "mail");
  enqueue("work", "globex");
  EXPECT_EQ(text(globex.read("job"), "tenant"), "globex");
}

TEST_F(GatewayTest, TellsAWorkerToStopWhenItsJobIsCanceled) {
  start();
  Client worker = connect();
  worker.join(2);
  const JobId id = enqueue();
  const auto offer = worker.read("job");
  ASSERT_TRUE(command(id, job::RequestCancel{.message = "enough"}));
  const auto cancel = worker.read("cancel");
  EXPECT_EQ(text(cancel, "reason"), "CANCEL");
  EXPECT_EQ(cancel.at("token"), offer.at("token"));
  EXPECT_GT(cancel.at("graceMs").as_int64(), 0);
  worker.send(heartbeat(offer));
  EXPECT_EQ(text(worker.read("heartbeat_ack").at("jobs").at(0).as_object(), "state"), "CANCELING");
  worker.send(about(offer, "fail", failure("TRANSIENT")));
  EXPECT_EQ(text(worker.read("ack"), "status"), "OK");
  EXPECT_EQ(state(id)->status, job::JobStatus::kCanceled);

  const JobId killed = enqueue();
  const auto doomed = worker.read("job");
  ASSERT_TRUE(command(killed, job::Kill{.message = ""}));
  const auto kill = worker.read("cancel");
  EXPECT_EQ(text(kill, "reason"), "KILL");
  EXPECT_EQ(kill.at("graceMs"), 0);
  worker.send(heartbeat(doomed));
  EXPECT_EQ(text(worker.read("heartbeat_ack").at("jobs").at(0).as_object(), "state"), "JOB_ENDED");
}

TEST_F(GatewayTest, AJobOutlivesItsConnection) {
  start();
  Client first = connect();
  first.join(1);
  const JobId id = enqueue();
  const auto offer = first.read("job");
  first.drop();
  Client again = connect();
  again.join(0);
  again.send(heartbeat(offer));
  EXPECT_EQ(text(again.read("heartbeat_ack").at("jobs").at(0).as_object(), "state"), "RUNNING");
  again.send(about(offer, "complete", {{"result", {{"n", 1}}}}));
  EXPECT_EQ(text(again.read("ack"), "status"), "OK");
  EXPECT_EQ(state(id)->attempt, 1U);
}

TEST_F(GatewayTest, ASilentWorkerLosesItsJobToAnother) {
  start({}, 50ms);
  Client silent = connect();
  silent.join(1);
  const JobId id = enqueue();
  const auto lost = silent.read("job");
  Client other = connect();
  other.join(1);
  const auto offer = other.read("job");
  EXPECT_EQ(text(offer, "jobId"), id.str());
  EXPECT_NE(text(offer, "token"), text(lost, "token"));
  EXPECT_EQ(text(silent.read("cancel"), "reason"), "LEASE_LOST");
}

TEST_F(GatewayTest, AWorkerThatDrainsGetsNoFurtherJob) {
  start();
  Client worker = connect();
  worker.join(4);
  worker.send({{"type", "drain"}});
  worker.read("draining");
  enqueue();
  worker.send({{"type", "credits"}, {"add", 1}});  // crossed it
  worker.send({{"type", "heartbeat"}, {"jobs", bj::array()}});
  worker.read("heartbeat_ack");
}

TEST_F(GatewayTest, AServerThatStopsTellsItsWorkersAndStillTakesReports) {
  start();
  Client worker = connect();
  worker.join(2);
  const JobId id = enqueue();
  const auto offer = worker.read("job");
  gateway_->drain(5s);
  const auto notice = worker.read("drain");
  EXPECT_EQ(text(notice, "reason"), "SHUTDOWN");
  EXPECT_EQ(notice.at("graceMs"), 5'000);
  enqueue();
  worker.send(about(offer, "complete", {{"result", {{"n", 1}}}}));
  worker.read("ack");
  EXPECT_EQ(state(id)->status, job::JobStatus::kSucceeded);
  EXPECT_EQ(connect().refused(), 503U);
  EXPECT_EQ(post("poll", R"({"types":["work"],"slots":1})").status, 503U);
}

struct Broken {
  const char* name;
  std::string message;
  std::string says;
};

TEST_F(GatewayTest, SaysWhatWasWrongWithAMessageAndCloses) {
  start();
  const std::string hello = R"({"type":"hello","types":["work"],"slots":1})";
  const std::vector<Broken> cases{
      {"not JSON", "{", "not JSON"},
      {"no hello", R"({"type":"drain"})", "must be hello"},
      {"second hello", "[" + hello + "," + hello + "]", "once"},
      {"unknown type", R"({"type":"steal"})", "steal"},
      {"missing member", R"({"type":"hello","types":["work"]})", "slots: is missing"},
      {"too deep", std::string(1'000, '['), "not JSON"},
  };
  for (const Broken& broken : cases) {
    Client worker = connect();
    worker.send(broken.message);
    auto message = worker.read();
    if (text(message, "type") == "welcome") message = worker.read();
    EXPECT_EQ(text(message, "type"), "error") << broken.name;
    EXPECT_EQ(text(message, "code"), "PROTOCOL_ERROR") << broken.name;
    EXPECT_THAT(text(message, "message"), HasSubstr(broken.says)) << broken.name;
    EXPECT_EQ(worker.read("closed").at("code"), 4400) << broken.name;
  }
  Client binary = connect();
  binary.send_binary(hello);
  EXPECT_THAT(text(binary.read("error"), "message"), HasSubstr("binary"));
  EXPECT_EQ(binary.read("closed").at("code"), 4400);
}

TEST_F(GatewayTest, RefusesWhoMayNotWork) {
  start({.result_bytes_max = 1'000});
  EXPECT_EQ(connect("nobody").refused(), 401U);
  EXPECT_EQ(connect("client").refused(), 403U);
  Client old(server_->port(), "acme", "errand.worker.v0");
  EXPECT_EQ(old.read("closed").at("code"), 4406);
  Client mailer = connect("mailer");
  mailer.send({{"type", "hello"}, {"types", {"work"}}, {"slots", 1}, {"queues", {"work"}}});
  EXPECT_EQ(text(mailer.read("error"), "code"), "FORBIDDEN");
  EXPECT_EQ(mailer.read("closed").at("code"), 4403);
  Client large = connect();
  large.join(0);
  large.send(std::string(100'000, ' '));
  EXPECT_EQ(large.read("closed").at("code"), 1009);
}

TEST_F(GatewayTest, ClosesAConnectionThatSaysNothing) {
  start({.hello_timeout = 10ms});
  EXPECT_EQ(connect().read("closed").at("code"), 4408);
}

TEST_F(GatewayTest, AResultThatIsTooLargeFailsTheJob) {
  start({.result_bytes_max = 100});
  Client worker = connect();
  worker.join(1);
  const JobId id = enqueue();
  worker.send(about(worker.read("job"), "complete",
                    {{"result", {{"n", 1}, {"more", std::string(200, 'x')}}}}));
  EXPECT_EQ(text(worker.read("ack").at("error").as_object(), "code"), "PAYLOAD_TOO_LARGE");
  EXPECT_EQ(state(id)->error->code, "PAYLOAD_TOO_LARGE");
}

TEST_F(GatewayTest, ReadsAnInputFromTheStoreThatIsNotInMemory) {
  start();
  const JobId id = enqueue();
  // After a restart the engine knows the job, but not its input.
  lane_->stop();
  lane_ = std::make_unique<runtime::Lane>(
      runtime::Lane::Options{}, store_, bus_, clock_, random_,
      [this](std::vector<engine::Action> actions) { gateway_->deliver(std::move(actions)); });
  ASSERT_TRUE(lane_->start());
  gateway_->attach(*lane_);
  Client worker = connect();
  worker.join(1);
  const auto offer = worker.read("job");
  EXPECT_EQ(text(offer, "jobId"), id.str());
  EXPECT_EQ(json::to_text(offer.at("arguments")), R"({"input":{"n":7}})");
}

TEST_F(GatewayTest, ServesAWorkerByLongPoll) {
  start();
  const std::string poll = R"({"types":["work"],"slots":2,"waitMs":0})";
  EXPECT_TRUE(messages(post("poll", poll)).empty());
  const JobId id = enqueue();
  const auto offers = messages(post("poll", R"({"types":["work"],"slots":2})"));
  ASSERT_EQ(offers.size(), 1U);
  EXPECT_EQ(text(offers[0], "jobId"), id.str());

  const bj::object batch{
      {"messages", bj::array{heartbeat(offers[0]), about(offers[0], "progress", {{"completed", 3}}),
                             about(offers[0], "complete", {{"result", {{"n", 1}}}}),
                             about(offers[0], "complete", {{"result", {{"n", 2}}}})}}};
  const auto answers = messages(post("messages", json::to_text(batch)));
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_EQ(text(answers[0], "type"), "heartbeat_ack");
  EXPECT_EQ(text(answers[1], "status"), "OK");
  EXPECT_EQ(text(answers[2], "status"), "REFUSED");
  EXPECT_EQ(state(id)->status, job::JobStatus::kSucceeded);
  EXPECT_EQ(gateway_->workers(), 0U);
}

TEST_F(GatewayTest, APollIsAnsweredAsSoonAsThereIsAJob) {
  start();
  net::TestClient client(server_->port());
  client.send(request("poll", R"({"types":["work"],"slots":1,"waitMs":60000})", "acme"));
  while (gateway_->workers() == 0) std::this_thread::yield();
  const JobId id = enqueue();
  const auto offers = messages(client.read_response());
  ASSERT_EQ(offers.size(), 1U);
  EXPECT_EQ(text(offers[0], "jobId"), id.str());
}

TEST_F(GatewayTest, AJobIsNotGivenToAPollWhoseClientHasGone) {
  start();
  {
    net::TestClient client(server_->port());
    client.send(request("poll", R"({"types":["work"],"slots":1,"waitMs":60000})", "acme"));
    while (gateway_->workers() == 0) std::this_thread::yield();
    client.reset();
  }
  while (gateway_->workers() != 0) std::this_thread::yield();
  const JobId id = enqueue();
  const auto offers = messages(post("poll", R"({"types":["work"],"slots":1})"));
  ASSERT_EQ(offers.size(), 1U);
  EXPECT_EQ(text(offers[0], "jobId"), id.str());
  EXPECT_EQ(offers[0].at("attempt"), 1);
}

TEST_F(GatewayTest, SaysOverHttpWhatIsWrong) {
  start({.result_bytes_max = 1'000});
  const auto code = [](const net::TestClient::Response& response) {
    const auto body = json::parse(response.body);
    return body ? text(body->as_object().at("error").as_object(), "code") : "";
  };
  const auto malformed = post("poll", R"({"types":["work"]})");
  EXPECT_EQ(malformed.status, 400U);
  EXPECT_EQ(code(malformed), "PROTOCOL_ERROR");
  EXPECT_THAT(malformed.body, HasSubstr("slots: is missing"));
  EXPECT_EQ(post("messages", "{").status, 400U);
  EXPECT_EQ(post("messages", R"({"type":"credits","add":1})").status, 400U);
  const auto unknown = post("poll", "{}", "nobody");
  EXPECT_EQ(unknown.status, 401U);
  EXPECT_TRUE(unknown.has("WWW-Authenticate: Bearer"));
  EXPECT_EQ(code(post("poll", "{}", "client")), "FORBIDDEN");
  EXPECT_EQ(post("poll", R"({"types":["work"],"slots":1,"queues":["work"]})", "mailer").status,
            403U);
  EXPECT_EQ(post("poll", "{}", "acme", "text/plain").status, 415U);
  EXPECT_EQ(post("messages", std::string(200'000, ' ')).status, 413U);
}

}  // namespace
}  // namespace errand::worker
