#include "errand/job/json.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "errand/job/testing/jobs.h"

namespace errand::job {
namespace {

Event event_of(EventData data) {
  Event event;
  event.job = testing::job_id();
  event.sequence = Sequence{3};
  event.position = LogPosition{std::numeric_limits<std::int64_t>::max()};
  event.time = testing::kStart;
  event.actor = {ActorKind::kWorker, SubjectId("worker:render-1")};
  event.cause = {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "c-1"};
  event.data = std::move(data);
  return event;
}

/// One of each, with every member set.
std::vector<EventData> all_events() {
  JobSpec spec = testing::spec();
  spec.priority = -7;
  spec.scheduled_for = testing::kStart;
  spec.deadline = testing::kStart + std::chrono::hours(1);
  spec.queue_timeout = Milliseconds(5);
  spec.retry = {.max_attempts = 9,
                .kind = RetryPolicy::Kind::kList,
                .jitter = RetryPolicy::Jitter::kEqual,
                .backoff_coefficient = 0.1 + 0.2 + 1.0,
                .waits = {Milliseconds(0), Milliseconds(1'500)}};
  spec.input = {.digest = {0, 1, 0xff}, .size_bytes = 1'234};
  spec.contract_hash = "c0ffee";
  spec.tags = {"a", "\"quoted\" \u00fc \n"};
  spec.labels = {{"k", "v"}, {"", ""}};
  spec.has_idempotency_key = true;
  spec.has_credentials = true;
  spec.retry_of = testing::job_id(2);
  const JobError error{.code = "C",
                       .message = "m",
                       .details = R"({"a":[1]})",
                       .retryable = true,
                       .remediation = "r",
                       .attempt = 4};
  const ReportMark mark{FencingToken{5}, std::numeric_limits<std::uint64_t>::max()};
  const PayloadRef payload{.digest = {9}, .size_bytes = 1};
  const Timestamp time = testing::kStart;
  return {Enqueued{spec},
          Ready{},
          Started{2, FencingToken{3}, WorkerId("w"), "b"},
          Progressed{{.completed = 1.0 / 3, .total = 1e300, .stage = "s", .message = "m"}},
          StepCompleted{"s", payload},
          Waiting{"r", mark},
          Signaled{"s"},
          Released{"r", mark},
          Snoozed{time, "r", mark},
          AttemptFailed{FailureKind::kLeaseLost, error, mark},
          RetryScheduled{time},
          CancelRequested{CancelReason::kDeadline, "m", time},
          Canceled{error, mark},
          Killed{error},
          Succeeded{payload, mark},
          Failed{error},
          Expired{ExpiryReason::kQueueTimeout, error, mark},
          CompensationStarted{JobStatus::kExpired, error},
          Compensated{"s"},
          CompensationFailed{"s", error},
          DeadLettered{"f"},
          Discarded{},
          Requeued{2, time, payload, "key", "unique"}};
}

TEST(Json, ReadsBackEveryKindOfEvent) {
  const auto events = all_events();
  ASSERT_EQ(events.size(), kEventNameCount);
  for (std::size_t i = 0; i < events.size(); ++i) {
    SCOPED_TRACE(event_name(i));
    ASSERT_EQ(events[i].index(), i);
    const Event event = event_of(events[i]);
    const auto read = event_from_json(event_to_json(event));
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_EQ(*read, event) << event_to_json(event);
  }
}

TEST(Json, NamesAreThoseOfTheProtocol) {
  EXPECT_EQ(event_name(EventData(Enqueued{})), "dev.errand.job.enqueued");
  EXPECT_EQ(event_name(EventData(AttemptFailed{})), "dev.errand.job.attempt_failed");
  EXPECT_EQ(event_name(EventData(Requeued{})), "dev.errand.job.requeued");
  EXPECT_EQ(event_data_to_json(Ready{}), "{}");
}

TEST(Json, SaysWhatIsWrongWithWhatItCannotRead) {
  const auto code = [](const auto& result) {
    EXPECT_FALSE(result.has_value());
    return result ? ErrorCode::kInternal : result.error().code;
  };
  EXPECT_EQ(code(event_data_from_json("dev.errand.job.unheard_of", "{}")),
            ErrorCode::kStoreCorrupt);
  EXPECT_EQ(code(event_data_from_json("dev.errand.job.ready", "[]")), ErrorCode::kStoreCorrupt);
  EXPECT_EQ(code(event_data_from_json("dev.errand.job.started", R"({"attempt":-1})")),
            ErrorCode::kStoreCorrupt);
  EXPECT_EQ(code(state_from_json(R"({"status":"EXECUTING"})")), ErrorCode::kStoreCorrupt);
  EXPECT_EQ(code(state_from_json("{")), ErrorCode::kStoreCorrupt);
}

TEST(Json, ReadsThePolicyOfAJobThatWasStoredBeforeThereWereKinds) {
  const auto read = event_data_from_json(
      "dev.errand.job.enqueued",
      R"({"tenant":"acme","type":"t","queue":"q","retry":{"maxAttempts":7,"initialIntervalMs":20,)"
      R"("maxIntervalMs":400,"backoffCoefficient":3.0}})");
  ASSERT_TRUE(read.has_value());
  const RetryPolicy::Options expected{.max_attempts = 7,
                                      .initial_interval = Milliseconds(20),
                                      .max_interval = Milliseconds(400),
                                      .backoff_coefficient = 3.0};
  EXPECT_EQ(std::get<Enqueued>(*read).spec.retry, expected);
}

TEST(Json, WritesAUsualPolicyAsItAlwaysWas) {
  const std::string text = event_data_to_json(Enqueued{testing::spec()});
  EXPECT_EQ(text.find("\"kind\""), std::string::npos) << text;
  EXPECT_EQ(text.find("\"jitter\""), std::string::npos) << text;
  EXPECT_EQ(text.find("\"waitsMs\""), std::string::npos) << text;
}

TEST(Json, IgnoresMembersOfALaterVersion) {
  EXPECT_TRUE(event_data_from_json("dev.errand.job.ready", R"({"later":1})").has_value());
}

}  // namespace
}  // namespace errand::job
