#include "errand/worker/reports.h"

#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "errand/base/assert.h"
#include "errand/job/internal_type.h"
#include "errand/json/writer.h"
#include "errand/runtime/lane_client.h"
#include "errand/telemetry/metric_names.h"

namespace errand::worker {
namespace {

template <class... F>
struct Overload : F... {
  using F::operator()...;
};

std::optional<TenantId> tenant_of(const auth::Principal& principal) {
  if (principal.any_tenant) return std::nullopt;
  return principal.tenant;
}

job::Actor actor_of(const auth::Principal& principal) {
  return {.kind = job::ActorKind::kWorker, .subject = principal.subject};
}

Error stale() {
  return {ErrorCode::kLeaseLost,
          "the token is not good for this job, or the attempt it was given for is over"};
}

HoldState to_wire(engine::HoldState state) {
  switch (state) {
    case engine::HoldState::kRunning:
      return HoldState::kRunning;
    case engine::HoldState::kCanceling:
      return HoldState::kCanceling;
    case engine::HoldState::kLeaseLost:
      return HoldState::kLeaseLost;
    case engine::HoldState::kJobEnded:
      return HoldState::kJobEnded;
  }
  return HoldState::kLeaseLost;
}

job::FailAttempt permanent_failure(FencingToken token, std::string code, std::string message,
                                   std::string remediation) {
  return {.token = token,
          .permanent = true,
          .error = {.code = std::move(code),
                    .message = std::move(message),
                    .details = "",
                    .remediation = std::move(remediation)}};
}

}  // namespace

StopReason to_wire(engine::StopReason reason) {
  switch (reason) {
    case engine::StopReason::kCancel:
      return StopReason::kCancel;
    case engine::StopReason::kDeadline:
      return StopReason::kDeadline;
    case engine::StopReason::kKill:
      return StopReason::kKill;
    case engine::StopReason::kTimeout:
      return StopReason::kTimeout;
    case engine::StopReason::kLeaseLost:
      return StopReason::kLeaseLost;
  }
  return StopReason::kLeaseLost;
}

Reports::Reports(const crypto::MasterKey& master_key, std::string_view lineage,
                 const JobTypes& types, std::size_t result_bytes_max, telemetry::Log log,
                 telemetry::Metrics* metrics)
    : tokens_(master_key, lineage),
      payload_key_(master_key.hmac_key(crypto::kPayloadDigestLabel)),
      types_(types),
      result_bytes_max_(result_bytes_max),
      log_(std::move(log)) {
  if (metrics != nullptr) stale_reports_ = metrics->counter(telemetry::kStaleReports);
}

boost::asio::awaitable<Result<JobTypeName>> Reports::type_of(const HeldJob& held, Sender sender) {
  if (!tokens_.check(held.job, held.token, sender.principal->tenant.view())) {
    stale_reports_.add();
    co_return std::unexpected(stale());
  }
  auto explanation = co_await runtime::LaneClient(*lane_).execute_as<engine::Explanation>(
      engine::ExplainJob{.id = held.job, .tenant = tenant_of(*sender.principal)});
  if (!explanation) {
    if (explanation.error().code == ErrorCode::kNotFound) {
      stale_reports_.add();
      co_return std::unexpected(stale());
    }
    co_return std::unexpected(std::move(explanation.error()));
  }
  co_return explanation->state->spec.type;
}

Reports::Decided Reports::decide(const Report& report, FencingToken token,
                                 const JobTypeName& type) const {
  return std::visit(
      Overload{
          [&](const Progress& progress) {
            return Decided{
                .command =
                    job::ReportProgress{.token = token,
                                        .progress = {.completed = progress.completed.value_or(0),
                                                     .total = progress.total.value_or(0),
                                                     .stage = progress.stage.value_or(""),
                                                     .message = progress.message.value_or("")}},
                .result = "",
                .refusal = std::nullopt};
          },
          [&](const Complete& complete) {
            // No schema says what an internal job gives.
            auto text = job::is_internal(type) ? Result<std::string>(json::to_text(complete.result))
                                               : types_.check_result(type, complete.result);
            if (!text) {
              const auto& error = text.error();
              return Decided{.command = permanent_failure(
                                 token, std::string(to_string(error.code)), error.message,
                                 "Correct the worker or the schema, then retry the job."),
                             .result = "",
                             .refusal = error};
            }
            if (text->size() > result_bytes_max_) {
              const Error error{ErrorCode::kPayloadTooLarge,
                                "the result takes " + std::to_string(text->size()) +
                                    " bytes, allowed are " + std::to_string(result_bytes_max_)};
              return Decided{.command = permanent_failure(
                                 token, std::string(to_string(error.code)), error.message,
                                 "Store the result elsewhere and return a link to it."),
                             .result = "",
                             .refusal = error};
            }
            const job::PayloadRef ref{.digest = payload_key_.sign(*text),
                                      .size_bytes = text->size()};
            return Decided{.command = job::Complete{.token = token, .result = ref},
                           .result = std::move(*text),
                           .refusal = std::nullopt};
          },
          [&](const Failure& failure) {
            return Decided{
                .command =
                    job::FailAttempt{
                        .token = token,
                        .permanent = failure.kind == FailureKind::kPermanent,
                        .retry_after = failure.retry_after.value_or(Milliseconds(0)),
                        .error = {.code = failure.code.empty() ? "WORKER_ERROR" : failure.code,
                                  .message = failure.message,
                                  .details = failure.details ? json::to_text(*failure.details) : "",
                                  .remediation = failure.remediation.value_or("")}},
                .result = "",
                .refusal = std::nullopt};
          },
          [&](const Release&) {
            return Decided{.command = job::Release{.token = token, .reason = "by its worker"},
                           .result = "",
                           .refusal = std::nullopt};
          },
          [&](const Snooze& snooze) {
            return Decided{.command = job::Snooze{.token = token,
                                                  .delay = snooze.delay,
                                                  .reason = snooze.reason.empty() ? "by its worker"
                                                                                  : snooze.reason},
                           .result = "",
                           .refusal = std::nullopt};
          },
      },
      report.what);
}

void Reports::submit(Report report, const Sender& sender, const JobTypeName& type,
                     std::move_only_function<void(Ack)> done) {
  ERRAND_ASSERT(lane_ != nullptr);
  Ack ack{.ref = std::move(report.ref),
          .job = report.held.job,
          .token = report.held.token,
          .error = std::nullopt};
  const auto token =
      tokens_.check(report.held.job, report.held.token, sender.principal->tenant.view());
  if (!token) {
    stale_reports_.add();
    ack.error = stale();
    done(std::move(ack));
    return;
  }
  Decided decided = decide(report, *token, type);
  lane_->submit(
      engine::CommandJob{.id = report.held.job,
                         .command = std::move(decided.command),
                         .actor = actor_of(*sender.principal),
                         .traceparent = "",
                         .tenant = tenant_of(*sender.principal),
                         .result = std::move(decided.result),
                         .worker = sender.worker},
      [this, ack = std::move(ack), refusal = std::move(decided.refusal),
       subject = sender.principal->subject,
       done = std::move(done)](Result<engine::Reply> reply) mutable {
        if (!reply) {
          ack.error = std::move(reply.error());
          // Another tenant's job and one that never was look like an attempt that is over.
          if (ack.error->code == ErrorCode::kNotFound) ack.error = stale();
          if (ack.error->code == ErrorCode::kLeaseLost || ack.error->code == ErrorCode::kJobEnded) {
            stale_reports_.add();
          }
          log_.debug("report refused",
                     {{"job_id", ack.job}, {"subject", subject}, {"code", ack.error->code}});
        } else {
          ack.error = std::move(refusal);
          if (const auto* job = std::get_if<engine::JobReply>(&*reply)) {
            log_.debug("report taken", {{"job_id", ack.job},
                                        {"status", job::to_string(job->state->status)},
                                        {"attempt", job->state->attempt},
                                        {"correlation_id", job->state->correlation_id}});
          }
        }
        done(std::move(ack));
      });
}

void Reports::submit(Heartbeat heartbeat, const Sender& sender,
                     std::move_only_function<void(HeartbeatAck)> done) {
  ERRAND_ASSERT(lane_ != nullptr);
  HeartbeatAck ack;
  ack.jobs.reserve(heartbeat.jobs.size());
  engine::Heartbeat request{.worker = sender.worker, .holds = {}};
  std::vector<std::size_t> asked;  // places in ack.jobs, in the order of the request
  for (HeldJob& held : heartbeat.jobs) {
    const auto token = tokens_.check(held.job, held.token, sender.principal->tenant.view());
    if (token) {
      asked.push_back(ack.jobs.size());
      request.holds.push_back({.job = held.job, .token = *token});
    }
    ack.jobs.push_back(
        {.job = held.job, .token = std::move(held.token), .state = HoldState::kLeaseLost});
  }
  if (request.holds.empty()) {
    done(std::move(ack));
    return;
  }
  lane_->submit(std::move(request), [ack = std::move(ack), asked = std::move(asked),
                                     done = std::move(done)](Result<engine::Reply> reply) mutable {
    const auto* beat = reply ? std::get_if<engine::HeartbeatReply>(&*reply) : nullptr;
    if (beat == nullptr) {
      for (auto place = asked.rbegin(); place != asked.rend(); ++place) {
        ack.jobs.erase(ack.jobs.begin() + static_cast<std::ptrdiff_t>(*place));
      }
      done(std::move(ack));
      return;
    }
    ERRAND_ASSERT(beat->holds.size() == asked.size());
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const engine::HeartbeatReply::Hold& hold = beat->holds[i];
      HeartbeatAck::Job& job = ack.jobs[asked[i]];
      job.state = to_wire(hold.state);
      job.lease = hold.lease;
      job.reason = to_wire(hold.reason);
      job.grace = hold.grace;
    }
    done(std::move(ack));
  });
}

void Reports::release(const engine::Dispatch& dispatch, std::string reason) {
  ERRAND_ASSERT(lane_ != nullptr);
  // Where the lane refuses, the lease runs out by itself.
  lane_->submit(engine::CommandJob{.id = dispatch.state->id,
                                   .command = job::Release{.token = dispatch.state->token,
                                                           .reason = std::move(reason)},
                                   .actor = {},
                                   .traceparent = "",
                                   .tenant = std::nullopt,
                                   .result = "",
                                   .worker = dispatch.worker},
                [](const Result<engine::Reply>&) {});
}

JobOffer Reports::offer(const engine::Dispatch& dispatch, const auth::Principal& principal) const {
  const job::JobState& state = *dispatch.state;
  return {.job = state.id,
          .token = token(state.id, state.token, principal),
          .type = state.spec.type,
          .queue = state.spec.queue,
          .tenant = state.spec.tenant,
          .run = static_cast<int>(state.run),
          .attempt = static_cast<int>(state.attempt),
          .max_attempts = state.spec.retry.max_attempts,
          .arguments_json = dispatch.input ? *dispatch.input : "",
          .lease = dispatch.lease,
          .timeout = dispatch.timeout,
          .deadline = dispatch.deadline,
          .priority = state.spec.priority,
          .tags = state.spec.tags,
          .labels = state.spec.labels,
          .correlation_id = state.correlation_id,
          .traceparent = state.traceparent,
          .created_at = state.created_at};
}

}  // namespace errand::worker
