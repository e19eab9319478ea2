#include "errand/contract/event_samples.h"

#include <array>

#include "errand/base/assert.h"
#include "errand/contract/cloud_event.h"

namespace errand::contract {
namespace {

using std::chrono::seconds;

constexpr Timestamp kStart{Milliseconds{1'767'322'245'250}};  // 2026-01-02T02:50:45.250Z
constexpr std::string_view kJob = "019b7c80-5d82-7a3f-9c41-2f1f6c1d7e55";

JobId job_id(std::string_view text) {
  const auto uuid = Uuid::parse(text);
  ERRAND_ASSERT(uuid.has_value());
  return JobId{*uuid};
}

job::JobError error() {
  return {.code = "STORAGE_DOWN",
          .message = "The report's storage does not answer.",
          .details = R"({"region":"eu-1"})",
          .retryable = true,
          .remediation = "Try again when the storage is back.",
          .attempt = 1};
}

job::JobSpec spec() {
  job::JobSpec spec;
  spec.tenant = TenantId("acme");
  spec.subject = SubjectId("user:anna");
  spec.type = JobTypeName("exportReport");
  spec.queue = QueueName("reports");
  spec.priority = 10;
  spec.scheduled_for = kStart + seconds(60);
  spec.deadline = kStart + seconds(3600);
  spec.input.size_bytes = 42;
  spec.tags = {"yearly"};
  spec.labels = {{"region", "eu"}};
  spec.retry_of = job_id("019b7c7f-1a04-7c55-8b7d-6e0d35a9c1f2");
  return spec;
}

std::array<job::EventData, job::kEventNameCount> data() {
  return {
      job::Enqueued{spec()},
      job::Ready{},
      job::Started{.attempt = 1,
                   .token = FencingToken{1},
                   .worker = WorkerId("w-7"),
                   .worker_build = "2.4.1"},
      job::Progressed{
          {.completed = 30, .total = 120, .stage = "rendering", .message = "Page 30 of 120"}},
      job::StepCompleted{.step = "render", .result = {.digest = {}, .size_bytes = 512}},
      job::Waiting{.reason = "Waits for an approval.", .report = {}},
      job::Signaled{.signal = "approved"},
      job::Released{.reason = "The worker stops.", .report = {}},
      job::Snoozed{
          .until = kStart + seconds(900), .reason = "The source is being loaded.", .report = {}},
      job::AttemptFailed{.kind = job::FailureKind::kError, .error = error(), .report = {}},
      job::RetryScheduled{.at = kStart + seconds(120)},
      job::CancelRequested{.reason = job::CancelReason::kRequested,
                           .message = "No longer needed.",
                           .grace_until = kStart + seconds(90)},
      job::Canceled{.error = error(), .report = {}},
      job::Killed{.error = error()},
      job::Succeeded{.result = {.digest = {}, .size_bytes = 2048}, .report = {}},
      job::Failed{.error = error()},
      job::Expired{.reason = job::ExpiryReason::kDeadline, .error = error(), .report = {}},
      job::CompensationStarted{.outcome = job::JobStatus::kFailed, .error = error()},
      job::Compensated{.step = "render"},
      job::CompensationFailed{.step = "render", .error = error()},
      job::DeadLettered{.fingerprint = "5f1c0a77d2b94e10"},
      job::Discarded{},
      job::Requeued{.run = 2,
                    .deadline = kStart + seconds(7200),
                    .input = job::PayloadRef{.digest = {}, .size_bytes = 40},
                    .limit_key = "",
                    .unique_key = ""},
  };
}

}  // namespace

job::Event sample_event(std::size_t kind) {
  ERRAND_ASSERT(kind < job::kEventNameCount);
  job::Event event;
  event.job = job_id(kJob);
  event.sequence = Sequence{kind + 1};
  event.position = LogPosition{kind + 1};
  event.time = kStart + seconds(kind);
  event.actor = {.kind = job::ActorKind::kClient, .subject = SubjectId("user:anna")};
  event.cause = {.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                 .correlation_id = "order-4711"};
  event.data = data()[kind];
  ERRAND_ASSERT(event.data.index() == kind);
  return event;
}

std::string sample_cloud_event(std::size_t kind) {
  return to_cloud_event(sample_event(kind), {.base_url = "https://jobs.example.com",
                                             .tenant = TenantId("acme"),
                                             .job_type = JobTypeName("exportReport"),
                                             .job = nullptr,
                                             .result = {}});
}

}  // namespace errand::contract
