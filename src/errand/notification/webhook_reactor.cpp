#include "errand/notification/webhook_reactor.h"

#include <chrono>
#include <utility>

#include "errand/telemetry/metric_names.h"

namespace errand::notification {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""s;

/// How long the record of a delivery is kept.
constexpr Milliseconds kRetention = 7 * 24h;
/// A request that the client ends by its own deadline has time to say so.
constexpr Milliseconds kBesideTheRequest = 5s;
/// Expression of the key that keeps a job's events in order, for Limit::id().
constexpr const char* kOrderKey = "job";

job::RetryPolicy::Options schedule() {
  const std::vector<Milliseconds> waits{5s, 5min, 30min, 2h, 5h, 10h, 14h, 20h, 24h};
  return {.max_attempts = static_cast<int>(waits.size()) + 1,
          .kind = job::RetryPolicy::Kind::kList,
          .jitter = job::RetryPolicy::Jitter::kSpread,
          .waits = waits};
}

}  // namespace

WebhookReactor::WebhookReactor(std::vector<WebhookEndpoint> endpoints, crypto::HmacKey payload_key,
                               telemetry::Log log, telemetry::Metrics& metrics)
    : endpoints_(std::move(endpoints)),
      payload_key_(std::move(payload_key)),
      log_(std::move(log)),
      metrics_(metrics) {}

void WebhookReactor::react(const engine::JobChange& change,
                           std::vector<engine::EnqueueJob>& reactions) {
  for (const WebhookEndpoint& endpoint : endpoints_) {
    if (!endpoint.takes_job(change.after)) continue;
    for (const job::Event& event : change.events) {
      if (!endpoint.takes_type(job::event_name(event.data))) continue;
      engine::EnqueueJob delivery;
      delivery.input = WebhookDelivery{.job = event.job, .sequence = event.sequence}.to_json();
      job::JobSpec& spec = delivery.spec;
      spec.tenant = change.after.spec.tenant;
      spec.subject = SubjectId("errand:webhooks");
      spec.type = endpoint.job_type();
      spec.queue = endpoint.queue();
      spec.timeout = endpoint.timeout + kBesideTheRequest;
      spec.retention = kRetention;
      spec.retry = schedule();
      spec.input = {.digest = payload_key_.sign(delivery.input),
                    .size_bytes = delivery.input.size()};
      if (endpoint.ordering == WebhookOrdering::kPerJob) {
        spec.fifo = true;
        spec.limit_key = event.job.str();
      }
      reactions.push_back(std::move(delivery));
    }
  }
}

void WebhookReactor::on_refused(std::vector<engine::RefusedReaction> refused) {
  for (const engine::RefusedReaction& each : refused) {
    metrics_.counter(telemetry::kWebhookDeliveriesRefused, {each.request.spec.queue.view()}).add();
    log_.error("webhook delivery not made", {{"queue", each.request.spec.queue.view()},
                                             {"job_id", each.cause.str()},
                                             {"position", to_number(each.position)},
                                             {"error", each.why.message}});
  }
}

std::vector<engine::Limit> webhook_limits(const std::vector<WebhookEndpoint>& endpoints) {
  std::vector<engine::Limit> limits;
  for (const WebhookEndpoint& endpoint : endpoints) {
    limits.push_back({.kind = engine::LimitKind::kRate,
                      .type = endpoint.job_type(),
                      .value = endpoint.rate,
                      .per = 1s});
    if (endpoint.ordering == WebhookOrdering::kPerJob) {
      limits.push_back({.kind = engine::LimitKind::kConcurrency,
                        .type = endpoint.job_type(),
                        .by_tenant = true,
                        .by_input = kOrderKey,
                        .fifo = true,
                        .value = 1});
    }
  }
  return limits;
}

}  // namespace errand::notification
