#include "errand/worker/worker_message.h"

#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "errand/base/time_text.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"
#include "errand/worker/server_message.h"
#include "errand/worker/wire_token.h"

namespace errand::worker {
namespace {

namespace bj = boost::json;
using testing::HasSubstr;

const bj::object& golden_frames() {
  static const bj::object frames = [] {
    std::ifstream in(ERRAND_SOURCE_DIR "/docs/protocol/frames/worker-v1.json");
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    return json::parse(text).value().as_object();
  }();
  return frames;
}

constexpr std::string_view kJob = "0193595e-7a00-7abc-8def-0123456789ab";
constexpr std::string_view kToken = "17.AAAAAAAAAAAAAAAAAAAAAA";

JobId job(char last = 'b') {
  std::string text(kJob);
  text.back() = last;
  return JobId::parse(text).value();
}

/// The server's messages behind the golden frames, by name.
std::map<std::string, ServerMessage> server_messages() {
  const std::string token(kToken);
  Welcome welcome{.worker = WorkerId("w-1"),
                  .server = "errand/0.1.0",
                  .message_bytes_max = 1 << 20,
                  .queues = {QueueName("inventory")},
                  .unknown_types = {JobTypeName("importInventory")}};
  Welcome open = welcome;
  open.worker = WorkerId("w-2");
  open.queues.clear();
  open.unknown_types.clear();
  Welcome able = open;
  able.worker = WorkerId("w-3");
  able.features = {"steps"};
  JobOffer shortest{.job = job(),
                    .token = token,
                    .type = JobTypeName("exportInventory"),
                    .queue = QueueName("inventory"),
                    .tenant = TenantId("acme"),
                    .arguments_json = "{}",
                    .lease = Milliseconds(30'000),
                    .timeout = Milliseconds(-5),
                    .deadline = std::nullopt,
                    .tags = {},
                    .labels = {},
                    .correlation_id = "c",
                    .traceparent = "",
                    .created_at = parse_timestamp("2026-11-23T20:15:00Z").value()};
  JobOffer offer = shortest;
  offer.attempt = 2;
  offer.max_attempts = 5;
  offer.arguments_json = R"({"input":{"format":"CSV","minSizeKb":64}})";
  offer.timeout = Milliseconds(900'000);
  offer.deadline = Milliseconds(3'599'000);
  offer.priority = -5;
  offer.tags = {"nightly"};
  offer.labels = {{"team", "ops"}};
  offer.correlation_id = "req-7";
  offer.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  offer.created_at = parse_timestamp("2026-11-23T20:15:00.250Z").value();
  const HeartbeatAck beat{
      .jobs = {
          {.job = job('b'), .token = token, .lease = Milliseconds(30'000)},
          {.job = job('c'),
           .token = "2.AAAAAAAAAAAAAAAAAAAAAA",
           .state = HoldState::kCanceling,
           .lease = Milliseconds(30'000),
           .reason = StopReason::kDeadline,
           .grace = Milliseconds(12'000)},
          {.job = job('d'), .token = "3.AAAAAAAAAAAAAAAAAAAAAA", .state = HoldState::kLeaseLost},
          {.job = job('e'), .token = "4.AAAAAAAAAAAAAAAAAAAAAA", .state = HoldState::kJobEnded}}};
  const auto ack = [&](std::optional<std::string> ref, std::optional<Error> error) {
    return Ack{.ref = std::move(ref), .job = job(), .token = token, .error = std::move(error)};
  };
  return {
      {"welcome", welcome},
      {"welcome to every queue", open},
      {"welcome with features", able},
      {"job", offer},
      {"job, shortest", shortest},
      {"heartbeat_ack", beat},
      {"cancel", CancelNotice{.job = job(), .token = token, .grace = Milliseconds(30'000)}},
      {"cancel after a kill",
       CancelNotice{.job = job(), .token = token, .reason = StopReason::kKill}},
      {"ack", ack("1", std::nullopt)},
      {"ack of a stale report",
       ack(std::nullopt, Error{ErrorCode::kLeaseLost, "another attempt has begun"})},
      {"ack to be tried again",
       ack("5", Error{ErrorCode::kUnavailable, "the store is being reopened"})},
      {"draining", Draining{}},
      {"drain", DrainNotice{.grace = Milliseconds(30'000)}},
      {"drain of this worker alone",
       DrainNotice{.reason = DrainReason::kRequested, .grace = Milliseconds(600'000)}},
      {"error", ProtocolErrorNotice{{ErrorCode::kProtocolError, "[2].jobs[0].token: is missing"}}},
  };
}

TEST(ServerMessage, IsWrittenAsTheGoldenFramesSay) {
  const auto messages = server_messages();
  for (const auto& [name, frame] : golden_frames().at("server").as_object()) {
    const auto message = messages.find(std::string(name));
    ASSERT_NE(message, messages.end()) << name;
    EXPECT_EQ(to_text(message->second), json::to_text(frame)) << name;
  }
  EXPECT_EQ(messages.size(), golden_frames().at("server").as_object().size());
}

TEST(WorkerMessage, EachGoldenFrameIsRead) {
  for (const auto& [name, frame] : golden_frames().at("worker").as_object()) {
    const auto messages = parse_messages(json::to_text(frame), 1 << 20);
    ASSERT_TRUE(messages) << name << ": " << messages.error().message;
    EXPECT_EQ(messages->size(), 1U);
  }
}

TEST(WorkerMessage, EachInvalidGoldenFrameIsRefusedWithItsPlace) {
  for (const auto& [name, entry] : golden_frames().at("invalid").as_object()) {
    const auto text = json::to_text(entry.as_object().at("message"));
    const auto messages = parse_messages(text, 1 << 20);
    ASSERT_FALSE(messages) << name;
    EXPECT_EQ(messages.error().code, ErrorCode::kProtocolError) << name;
    EXPECT_THAT(messages.error().message,
                HasSubstr(std::string(entry.as_object().at("error").as_string())))
        << name;
  }
}

TEST(WorkerMessage, BehindAFeatureThatThisServerLacksIsRefusedByThatName) {
  for (const auto& [feature, value] : golden_frames().at("features").as_object()) {
    const bj::object& set = value.as_object();
    const std::string refusal(set.at("refusal").as_string());
    for (const auto& [name, frame] : set.at("worker").as_object()) {
      const auto messages = parse_messages("[" + json::to_text(frame) + "]", 1 << 20);
      ASSERT_FALSE(messages) << feature << ": " << name;
      EXPECT_EQ(messages.error().code, ErrorCode::kProtocolError) << name;
      EXPECT_THAT(messages.error().message, HasSubstr("[0]: " + refusal)) << name;
    }
  }
}

TEST(WorkerMessage, TheGoldenBatchesAreReadWholeOrNotAtAll) {
  const bj::object& batches = golden_frames().at("batches").as_object();
  for (const auto& [name, batch] : batches.at("worker").as_object()) {
    const auto messages = parse_messages(json::to_text(batch), 1 << 20);
    ASSERT_TRUE(messages) << name << ": " << messages.error().message;
    EXPECT_EQ(messages->size(), batch.as_array().size()) << name;
  }
  for (const auto& [name, entry] : batches.at("invalid").as_object()) {
    const auto messages = parse_messages(json::to_text(entry.as_object().at("message")), 1 << 20);
    ASSERT_FALSE(messages) << name;
    EXPECT_THAT(messages.error().message,
                HasSubstr(std::string(entry.as_object().at("error").as_string())))
        << name;
  }
}

TEST(WorkerMessage, TheGoldenBodiesOfHttpAreRead) {
  const bj::object& bodies = golden_frames().at("http").as_object();
  for (const auto& [name, body] : bodies.at("poll-request").as_object()) {
    EXPECT_TRUE(parse_poll(json::to_text(body), 1 << 20)) << name;
  }
  for (const auto& [name, body] : bodies.at("messages-request").as_object()) {
    EXPECT_TRUE(parse_posted_messages(json::to_text(body), 1 << 20)) << name;
  }
}

template <class T>
T read_report(std::string_view name) {
  const auto frame = json::to_text(golden_frames().at("worker").as_object().at(name));
  return std::get<T>(std::get<Report>(parse_messages(frame, 1 << 20).value().at(0)).what);
}

TEST(WorkerMessage, KeepsEveryMember) {
  const auto frame = json::to_text(golden_frames().at("worker").as_object().at("hello"));
  const Hello hello = std::get<Hello>(parse_messages(frame, 1 << 20).value().at(0));
  EXPECT_EQ(hello.types.at(1), JobTypeName("importInventory"));
  EXPECT_EQ(hello.queues.at(0), QueueName("inventory"));
  EXPECT_EQ(hello.slots, 4U);
  EXPECT_EQ(hello.name + hello.build + hello.sdk, "inventory-12026.11.23errand-worker-ts/0.1.0");
  EXPECT_EQ(hello.labels.at("zone"), "a");
  EXPECT_TRUE(hello.selectors.empty());
  const auto choosy =
      json::to_text(golden_frames().at("worker").as_object().at("hello that chooses by labels"));
  const std::map<std::string, std::vector<std::string>> selectors{{"region", {"eu", "us"}},
                                                                  {"gpu", {}}};
  EXPECT_EQ(std::get<Hello>(parse_messages(choosy, 1 << 20).value().at(0)).selectors, selectors);

  const auto progress = read_report<Progress>("progress");
  EXPECT_EQ(progress.completed, 12.5);
  EXPECT_EQ(progress.total, 100.0);
  EXPECT_EQ(progress.stage, "measuring");
  EXPECT_EQ(progress.message, "12 of 100 packages");

  const auto failure = read_report<Failure>("fail");
  EXPECT_EQ(failure.kind, FailureKind::kTransient);
  EXPECT_EQ(failure.code, "UPSTREAM_BUSY");
  EXPECT_EQ(failure.remediation, "wait or add a printer");
  EXPECT_EQ(failure.retry_after, Milliseconds(1'500));
  EXPECT_EQ(failure.details->at("host").as_string(), "p1");
  EXPECT_EQ(read_report<Failure>("fail, shortest").kind, FailureKind::kPermanent);
  EXPECT_EQ(read_report<Snooze>("snooze").delay, Milliseconds(60'000));
  EXPECT_EQ(json::to_text(read_report<Complete>("complete").result),
            R"({"rows":42,"files":["a.csv"]})");
}

TEST(WorkerMessage, ComesInBatchesAndAnErrorNamesItsPlace) {
  const std::string beat = R"({"type":"heartbeat","jobs":[]})";
  EXPECT_EQ(parse_messages("[" + beat + "," + beat + "]", 1 << 20).value().size(), 2U);
  EXPECT_THAT(parse_messages("[" + beat + R"(,{"type":"heartbeat","jobs":[{"jobId":")" +
                                 std::string(kJob) + "\"}]}]",
                             1 << 20)
                  .error()
                  .message,
              HasSubstr("[1].jobs[0].token: is missing"));
  EXPECT_THAT(parse_messages(R"([{"type":"fail","jobId":")" + std::string(kJob) +
                                 R"(","token":"1","error":{"kind":"NO","message":""}}])",
                             1 << 20)
                  .error()
                  .message,
              HasSubstr("[0].error.kind: must be TRANSIENT or PERMANENT"));
  EXPECT_FALSE(parse_messages("[]", 1 << 20));
}

TEST(WorkerMessage, IsBoundedInSizeAndDepth) {
  EXPECT_EQ(parse_messages(R"({"type":"drain"})", 10).error().code, ErrorCode::kPayloadTooLarge);
  std::string deep(100'000, '[');
  EXPECT_EQ(parse_messages(deep, 1 << 20).error().code, ErrorCode::kProtocolError);
  EXPECT_THAT(parse_messages("{\"type\":", 1 << 20).error().message, HasSubstr("not JSON"));
}

TEST(WorkerMessage, OverHttpOnlyHeartbeatsAndReportsArePosted) {
  const std::string beat = R"({"type":"heartbeat","jobs":[]})";
  EXPECT_TRUE(parse_posted_messages(beat, 1 << 20));
  EXPECT_TRUE(parse_posted_messages("{\"messages\":[" + beat + "]}", 1 << 20));
  EXPECT_THAT(
      parse_posted_messages(R"({"messages":[{"type":"credits"}]})", 1 << 20).error().message,
      HasSubstr("messages[0].add: is missing"));
  EXPECT_FALSE(parse_posted_messages(R"({"type":"credits","add":1})", 1 << 20));
  const auto poll = parse_poll(R"({"types":["a"],"slots":2,"waitMs":100})", 1 << 20);
  ASSERT_TRUE(poll);
  EXPECT_EQ(poll->wait, Milliseconds(100));
  EXPECT_THAT(parse_poll(R"({"types":["a"],"slots":2,"waitMs":100000})", 1 << 20).error().message,
              HasSubstr("waitMs"));
}

RC_GTEST_PROP(WorkerMessage, NeverFailsOtherwiseThanByAnError, (const std::string& text)) {
  static_cast<void>(parse_messages(text, 1 << 20));
  static_cast<void>(parse_poll(text, 1 << 20));
}

WireTokens tokens(std::uint64_t seed) {
  SeededRandom random(seed);
  return WireTokens(crypto::MasterKey::generate(random));
}

TEST(WireTokens, AreGoodForTheirJobNumberAndHolderOnly) {
  const WireTokens wire = tokens(1);
  const std::string token = wire.make(job(), FencingToken{17}, "acme");
  EXPECT_EQ(wire.check(job(), token, "acme"), FencingToken{17});
  EXPECT_EQ(wire.check(job('c'), token, "acme"), std::nullopt);
  EXPECT_EQ(wire.check(job(), token, "globex"), std::nullopt);
  EXPECT_EQ(wire.check(job(), "18" + token.substr(2), "acme"), std::nullopt);
  EXPECT_EQ(wire.check(job(), "0" + token, "acme"), std::nullopt);
  EXPECT_EQ(tokens(2).check(job(), token, "acme"), std::nullopt);
  EXPECT_EQ(tokens(1).check(job(), token, "acme"), FencingToken{17}) << "after a restart";
  for (const char* bad : {"", ".", "17", "17.", ".abc", "-1.AAAA", "99999999999999999999.AA"}) {
    EXPECT_EQ(wire.check(job(), bad, "acme"), std::nullopt) << bad;
  }
}

TEST(WireTokens, HoldWithinTheirStoresLineage) {
  SeededRandom random(1);
  const auto key = crypto::MasterKey::generate(random);
  const JobId job;
  const auto made = WireTokens(key).make(job, FencingToken{1}, "acme");
  EXPECT_TRUE(WireTokens(key, "").check(job, made, "acme"));
  EXPECT_FALSE(WireTokens(key, "another").check(job, made, "acme"));
  const auto later = WireTokens(key, "another").make(job, FencingToken{1}, "acme");
  EXPECT_TRUE(WireTokens(key, "another").check(job, later, "acme"));
  EXPECT_FALSE(WireTokens(key).check(job, later, "acme"));
}

RC_GTEST_PROP(WireTokens, NoChangedCharacterPasses, (std::uint64_t number, unsigned char change)) {
  const WireTokens wire = tokens(1);
  std::string token = wire.make(job(), FencingToken{number}, "t");
  const auto at = *rc::gen::inRange<std::size_t>(0, token.size());
  RC_PRE(static_cast<unsigned char>(token[at]) != change);
  token[at] = static_cast<char>(change);
  RC_ASSERT(!wire.check(job(), token, "t").has_value());
}

}  // namespace
}  // namespace errand::worker
