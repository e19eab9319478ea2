#include "messages.h"

#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>

#include "backoff.h"
#include "endpoint.h"
#include "text.h"
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace errand_worker::internal {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

/// docs/protocol/frames/worker-v1.json: the golden frames, which the server's tests read as well.
const json::object& frames() {
  static const json::value value = [] {
    std::ifstream file(ERRAND_WORKER_FRAMES);
    return json::parse(std::string(std::istreambuf_iterator<char>(file), {}));
  }();
  return value.get_object();
}

json::value sent(const char* name) { return frames().at("worker").at(name); }

template <class Message>
Message received(const char* name) {
  auto messages = read_server_messages(json::serialize(frames().at("server").at(name)));
  EXPECT_EQ(messages.size(), 1U);
  return std::get<Message>(std::move(messages.at(0)));
}

constexpr HeldJob kHeld{"0193595e-7a00-7abc-8def-0123456789ab", "17.AAAAAAAAAAAAAAAAAAAAAA"};

TEST(GoldenFrames, TheSdkWritesWhatAWorkerSends) {
  EXPECT_EQ(json::parse(write_hello({.types = {"exportInventory", "importInventory"},
                                     .slots = 4,
                                     .queues = {"inventory"},
                                     .name = "inventory-1",
                                     .build = "2026.11.23",
                                     .sdk = "errand-worker-ts/0.1.0",
                                     .labels = {{"zone", "a"}}})),
            sent("hello"));
  EXPECT_EQ(json::parse(write_hello({.types = {"exportInventory"}, .slots = 1})),
            sent("hello, shortest"));
  EXPECT_EQ(json::parse(write_hello({.types = {"exportInventory"},
                                     .slots = 1,
                                     .labels = {{"host", "b7"}},
                                     .selectors = {{"region", {"eu", "us"}}, {"gpu", {}}}})),
            sent("hello that chooses by labels"));
  EXPECT_EQ(json::parse(write_credits(4)), sent("credits"));
  EXPECT_EQ(json::parse(write_heartbeat(std::vector{kHeld})), sent("heartbeat"));
  EXPECT_EQ(json::parse(write_heartbeat({})), sent("heartbeat without jobs"));
  EXPECT_EQ(json::parse(write_progress(kHeld, {.completed = 12.5,
                                               .total = 100,
                                               .stage = "measuring",
                                               .message = "12 of 100 packages"})),
            sent("progress"));
  EXPECT_EQ(json::parse(write_progress(kHeld, {.stage = "writing"})), sent("progress, stage only"));
  EXPECT_EQ(json::parse(write_complete(kHeld, 1, {{"rows", 42}, {"files", {"a.csv"}}})),
            sent("complete"));
  EXPECT_EQ(json::parse(write_fail(kHeld, 2,
                                   {.message = "the printer is busy",
                                    .code = "UPSTREAM_BUSY",
                                    .details = {{"host", "p1"}},
                                    .remediation = "wait or add a printer",
                                    .retry_after = 1'500ms})),
            sent("fail"));
  EXPECT_EQ(json::parse(write_release(kHeld, 3)), sent("release"));
  EXPECT_EQ(json::parse(write_snooze(kHeld, 4, 60s)), sent("snooze"));
  EXPECT_EQ(json::parse(write_drain()), sent("drain"));
}

TEST(GoldenFrames, TheSdkReadsWhatAServerSends) {
  const auto welcome = received<WelcomeMessage>("welcome");
  EXPECT_EQ(welcome.worker_id, "w-1");
  EXPECT_EQ(welcome.heartbeat, 10s);
  EXPECT_EQ(welcome.message_bytes_max, 1'048'576U);
  EXPECT_EQ(welcome.unknown_types, std::vector<std::string>{"importInventory"});
  EXPECT_TRUE(welcome.features.empty());

  const auto job = received<JobMessage>("job");
  EXPECT_EQ(job.job_id, kHeld.job_id);
  EXPECT_EQ(job.token, kHeld.token);
  EXPECT_EQ(job.job_type, "exportInventory");
  EXPECT_EQ(job.attempt, 2);
  EXPECT_EQ(job.max_attempts, 5);
  EXPECT_EQ(job.arguments.at("input").at("minSizeKb"), 64);
  EXPECT_EQ(job.timeout, 900s);
  EXPECT_EQ(job.deadline, 3'599s);
  EXPECT_EQ(job.priority, -5);
  EXPECT_EQ(job.tags, std::vector<std::string>{"nightly"});
  EXPECT_EQ(job.labels.at("team"), "ops");
  EXPECT_EQ(job.correlation_id, "req-7");
  EXPECT_EQ(job.traceparent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  EXPECT_EQ(job.created_at.time_since_epoch(), 1'795'464'900'250ms);
  EXPECT_FALSE(received<JobMessage>("job, shortest").traceparent);

  const auto beat = received<HeartbeatAckMessage>("heartbeat_ack");
  ASSERT_EQ(beat.jobs.size(), 4U);
  EXPECT_EQ(beat.jobs[1].state, HeartbeatAckMessage::State::kCanceling);
  EXPECT_EQ(beat.jobs[1].reason, StopReason::kDeadline);
  EXPECT_EQ(beat.jobs[1].grace, 12s);
  EXPECT_EQ(beat.jobs[2].state, HeartbeatAckMessage::State::kLeaseLost);
  EXPECT_EQ(beat.jobs[3].state, HeartbeatAckMessage::State::kJobEnded);

  EXPECT_EQ(received<CancelMessage>("cancel").grace, 30s);
  EXPECT_EQ(received<CancelMessage>("cancel after a kill").reason, StopReason::kKill);
  EXPECT_FALSE(received<AckMessage>("ack").error);
  EXPECT_EQ(received<AckMessage>("ack").ref, 1U);
  EXPECT_EQ(received<AckMessage>("ack of a stale report").error->code, "LEASE_LOST");
  EXPECT_TRUE(received<AckMessage>("ack to be tried again").error->retryable);
  EXPECT_FALSE(received<DrainMessage>("drain").requested);
  EXPECT_TRUE(received<DrainMessage>("drain of this worker alone").requested);
  EXPECT_EQ(received<WelcomeMessage>("welcome with features").features,
            std::vector<std::string>{"steps"});
  EXPECT_EQ(received<ErrorMessage>("error").code, "PROTOCOL_ERROR");
  for (const auto& frame : frames().at("server").as_object()) {
    const auto messages = read_server_messages(json::serialize(frame.value()));
    EXPECT_FALSE(std::holds_alternative<UnknownMessage>(messages.at(0))) << frame.key();
  }
}

TEST(GoldenFrames, BatchesAreReadAndWritten) {
  for (const auto& batch : frames().at("batches").at("server").as_object()) {
    EXPECT_EQ(read_server_messages(json::serialize(batch.value())).size(), 2U) << batch.key();
  }
  for (const auto& batch : frames().at("batches").at("worker").as_object()) {
    std::vector<std::string> messages;
    for (const json::value& message : batch.value().as_array()) {
      messages.push_back(json::serialize(message));
    }
    std::size_t first = 0;
    const json::value frame = json::parse(join_frame(messages, first, 1 << 20));
    EXPECT_EQ(frame.is_array() ? frame : json::array{frame}, batch.value()) << batch.key();
  }
}

TEST(GoldenFrames, StepsAreReadAndWritten) {
  const json::value& steps = frames().at("features").at("steps");
  EXPECT_EQ(json::parse(write_step(kHeld, 6, "charge", {{"chargeId", "ch_1"}})),
            steps.at("worker").at("step"));
  const auto messages =
      read_server_messages(json::serialize(steps.at("server").at("job with steps")));
  const auto& job = std::get<JobMessage>(messages.at(0));
  EXPECT_EQ(job.steps.at("charge").at("chargeId"), "ch_1");
  EXPECT_TRUE(job.steps.at("mail").is_null());
}

TEST(GoldenFrames, WhatALaterServerSaysIsIgnored) {
  const json::value& later = frames().at("later");
  for (const auto& frame : later.at("members").as_object()) {
    const auto messages = read_server_messages(json::serialize(frame.value()));
    EXPECT_FALSE(std::holds_alternative<UnknownMessage>(messages.at(0))) << frame.key();
  }
  for (const auto& frame : later.at("types").as_object()) {
    const auto messages = read_server_messages(json::serialize(frame.value()));
    EXPECT_TRUE(std::holds_alternative<UnknownMessage>(messages.at(0))) << frame.key();
  }
}

TEST(GoldenFrames, TheAnswersByHttpAreRead) {
  for (const auto& frame : frames().at("http").at("messages-response").as_object()) {
    EXPECT_NO_THROW(read_messages_response(json::serialize(frame.value()))) << frame.key();
  }
}

TEST(ServerMessages, WhatIsNoMessageIsNamed) {
  EXPECT_THROW(read_server_messages("{"), std::runtime_error);
  EXPECT_THROW(read_server_messages("5"), std::runtime_error);
  EXPECT_THROW(read_server_messages(R"({"add":1})"), std::runtime_error);
  EXPECT_THROW(read_server_messages(R"({"type":"job","jobId":"a"})"), std::runtime_error);
  EXPECT_THROW(read_messages_response("[]"), std::runtime_error);
  EXPECT_EQ(read_messages_response(R"({"messages":[{"type":"draining"}]})").size(), 1U);
}

TEST(WorkerMessages, TextsAreCutAndRepaired) {
  const json::value fail = json::parse(write_fail(kHeld, 1,
                                                  {.message = "\xFF" + std::string(5'000, 'x'),
                                                   .code = "not a code",
                                                   .retry_after = 100h * 24}));
  const std::string message(fail.at("error").at("message").as_string());
  EXPECT_EQ(count_characters(message), 4'096U);
  EXPECT_TRUE(message.starts_with("\xEF\xBF\xBDx"));
  EXPECT_FALSE(fail.at("error").as_object().contains("code"));
  EXPECT_EQ(fail.at("error").at("retryAfterMs"), kDelayMax.count());
}

TEST(WorkerMessages, ProgressThatTheProtocolWouldRefuseIsNotSent) {
  EXPECT_EQ(write_progress(kHeld, {.completed = std::nan("")}), "");
  EXPECT_EQ(write_progress(kHeld, {.total = 5}), "");
  const json::value progress =
      json::parse(write_progress(kHeld, {.completed = -1, .total = 0, .stage = "s"}));
  EXPECT_EQ(progress.at("completed"), 0);
  EXPECT_FALSE(progress.as_object().contains("total"));
}

TEST(JoinFrame, HoldsToTheBoundsOfAMessage) {
  const std::vector<std::string> messages(1'001, "{}");
  std::size_t first = 0;
  EXPECT_EQ(json::parse(join_frame(messages, first, 1 << 20)).as_array().size(), 1'000U);
  EXPECT_EQ(first, 1'000U);
  EXPECT_EQ(join_frame(messages, first, 1 << 20), "{}");
  first = 0;
  EXPECT_EQ(join_frame(messages, first, 9), "[{},{}]");
  EXPECT_EQ(join_frame(messages, first, 1), "{}") << "one goes in any case";
}

TEST(JsonFault, FindsWhatCannotBeSent) {
  EXPECT_FALSE(json_fault({{"a", {1, "ü", nullptr, 1.5}}}, 2));
  EXPECT_TRUE(json_fault({{"a", {1, "ü"}}}, 1));
  EXPECT_TRUE(json_fault({{"a", std::numeric_limits<double>::infinity()}}, 9));
  for (const char* text : {"\xFF", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"}) {
    EXPECT_TRUE(json_fault(json::value(text), 9)) << text;
  }
  EXPECT_FALSE(json_fault(json::value("\xF0\x9F\x9A\x80"), 9));
}

TEST(Endpoint, StandsBelowTheServersAddress) {
  EXPECT_EQ(read_endpoint("http://h:1").socket_path, "/worker");
  EXPECT_EQ(read_endpoint("http://h:1").port, "1");
  EXPECT_EQ(read_endpoint("https://h/base/").socket_path, "/base/worker");
  EXPECT_EQ(read_endpoint("https://h/base/").messages_path, "/base/worker/v1/messages");
  EXPECT_EQ(read_endpoint("https://h").port, "443");
  EXPECT_TRUE(read_endpoint("WSS://h").tls);
  EXPECT_EQ(read_endpoint("ws://h/worker").socket_path, "/worker");
  EXPECT_EQ(read_endpoint("http://[::1]:8080/x?y").host, "::1");
  EXPECT_EQ(read_endpoint("http://[::1]:8080/x?y").authority, "[::1]:8080");
  for (const char* bad : {"", "h:1", "ftp://h", "http://", "http://u:p@h", "http://h:port",
                          "http://h/\r\nX: y", "http://[::1"}) {
    EXPECT_THROW(read_endpoint(bad), std::invalid_argument) << bad;
  }
}

TEST(ReconnectDelay, DoublesUpToTheLongestWithJitter) {
  EXPECT_EQ(reconnect_delay(1, 1, 1s, 30s), 1s);
  EXPECT_EQ(reconnect_delay(4, 1, 1s, 30s), 8s);
  EXPECT_EQ(reconnect_delay(100, 1, 1s, 30s), 30s);
  EXPECT_EQ(reconnect_delay(3, 0, 1s, 30s), 400ms);
}

}  // namespace
}  // namespace errand_worker::internal
