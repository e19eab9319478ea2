#include "errand/notification/notification_reactor.h"

#include <chrono>
#include <utility>

#include "errand/crypto/encoding.h"
#include "errand/telemetry/metric_names.h"

namespace errand::notification {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""s;

constexpr std::string_view kSubject = "errand:notifications";
/// How long it is known what was sent to whom, and that it was.
constexpr Milliseconds kRetention = 30 * 24h;

/// A day and some hours: mail servers and people's networks come back within.
job::RetryPolicy::Options schedule() {
  const std::vector<Milliseconds> waits{10s, 1min, 5min, 15min, 1h, 2h, 4h, 8h, 12h};
  return {.max_attempts = static_cast<int>(waits.size()) + 1,
          .kind = job::RetryPolicy::Kind::kList,
          .jitter = job::RetryPolicy::Jitter::kSpread,
          .waits = waits};
}

}  // namespace

engine::EnqueueJob notification_job(std::string_view type, const TenantId& tenant,
                                    std::string input, std::string_view key,
                                    const crypto::HmacKey& payload_key) {
  engine::EnqueueJob request;
  request.input = std::move(input);
  job::JobSpec& spec = request.spec;
  spec.tenant = tenant;
  spec.subject = SubjectId(kSubject);
  spec.type = JobTypeName(type);
  spec.queue = QueueName(type);
  // A mail server may take ten minutes for its word after the message (RFC 5321, 4.5.3.2.6).
  spec.timeout = type == kNoticeType ? 2min : 12min;
  spec.retention = kRetention;
  spec.retry = schedule();
  spec.input = {.digest = payload_key.sign(request.input), .size_bytes = request.input.size()};
  // A digest, as keys may hold an address. It is all that tells one from another, so that it is the
  // fingerprint too.
  const std::string digest = crypto::to_hex(payload_key.sign(key));
  request.key =
      engine::IdempotencyKey{.key = digest, .fingerprint = digest, .lifetime = kRetention};
  return request;
}

NotificationReactor::NotificationReactor(const NotificationPolicies& policies,
                                         crypto::HmacKey payload_key, telemetry::Log log,
                                         telemetry::Metrics& metrics)
    : policies_(policies),
      payload_key_(std::move(payload_key)),
      log_(std::move(log)),
      metrics_(metrics) {}

void NotificationReactor::react(const engine::JobChange& change,
                                std::vector<engine::EnqueueJob>& reactions) {
  for (const NotificationPolicy& policy : policies_.all()) {
    if (!policy.takes(change.after)) continue;
    for (const Reached& each : reached(change, policy.rule)) {
      const Notice notice{.job = change.after.id,
                          .run = change.after.run,
                          .policy = policy.name,
                          .milestone = each.milestone,
                          .share = each.share,
                          .sequence = each.milestone == Milestone::kOverdue
                                          ? Sequence{}
                                          : change.after.last_sequence};
      engine::EnqueueJob job = notification_job(kNoticeType, change.after.spec.tenant,
                                                notice.to_json(), notice.key(), payload_key_);
      job.spec.tags = {message_tag(notice.job)};
      reactions.push_back(std::move(job));
    }
  }
}

void NotificationReactor::on_refused(std::vector<engine::RefusedReaction> refused) {
  for (const engine::RefusedReaction& each : refused) {
    metrics_.counter(telemetry::kNoticesRefused).add();
    log_.error("notification not made", {{"job_id", each.cause.str()},
                                         {"position", to_number(each.position)},
                                         {"error", each.why.message}});
  }
}

}  // namespace errand::notification
