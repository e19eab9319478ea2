#include "errand/notification/webhook_reactor.h"

#include <chrono>
#include <utility>

#include "errand/contract/cloud_event.h"
#include "errand/notification/callback_handler.h"
#include "errand/notification/webhook_catch_up.h"
#include "errand/telemetry/metric_names.h"

namespace errand::notification {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""s;

/// How long the record of a delivery is kept.
constexpr Milliseconds kRetention = 7 * 24h;
/// A request that the client ends by its own deadline has time to say so.
constexpr Milliseconds kBesideTheRequest = 5s;

job::RetryPolicy::Options schedule(const std::vector<Milliseconds>& waits) {
  return {.max_attempts = static_cast<int>(waits.size()) + 1,
          .kind = job::RetryPolicy::Kind::kList,
          .jitter = job::RetryPolicy::Jitter::kSpread,
          .waits = waits};
}

}  // namespace

engine::EnqueueJob make_webhook_delivery(const WebhookEndpoint& endpoint, const job::Event& event,
                                         const job::JobState& job,
                                         const WebhookDeliveryOptions& options) {
  engine::EnqueueJob delivery;
  delivery.input = WebhookDelivery{.job = event.job, .sequence = event.sequence}.to_json();
  job::JobSpec& spec = delivery.spec;
  spec.tenant = job.spec.tenant;
  spec.subject = SubjectId("errand:webhooks");
  spec.type = endpoint.job_type();
  spec.queue = endpoint.queue();
  // By it the delivery of an event is found, so that none is made twice.
  spec.unique_key = contract::event_id(event);
  spec.timeout = endpoint.timeout + kBesideTheRequest;
  spec.retention = kRetention;
  spec.retry = schedule(options.retry_waits);
  // What it is about, for lists of deliveries: the event may be gone before its delivery.
  spec.tags = {std::string(job::event_name(event.data))};
  spec.input = {.digest = options.payload_key.sign(delivery.input),
                .size_bytes = delivery.input.size()};
  if (endpoint.ordering == WebhookOrdering::kPerJob) {
    spec.fifo = true;
    spec.limit_key = event.job.str();
  }
  return delivery;
}

WebhookReactor::WebhookReactor(const WebhookRegistry& endpoints, WebhookDeliveryOptions options,
                               telemetry::Log log, telemetry::Metrics& metrics)
    : endpoints_(endpoints),
      options_(std::move(options)),
      log_(std::move(log)),
      metrics_(metrics) {}

void WebhookReactor::react(const engine::JobChange& change,
                           std::vector<engine::EnqueueJob>& reactions) {
  const auto endpoints = endpoints_.endpoints();
  endpoints->for_each_of(change.after.spec.tenant, [&](const RegisteredWebhookPtr& registered) {
    const WebhookEndpoint& endpoint = registered->endpoint;
    for (const job::Event& event : change.events) {
      if (endpoint.takes(event, change.after)) {
        reactions.push_back(make_webhook_delivery(endpoint, event, change.after, options_));
      }
    }
  });
  const job::JobSpec& spec = change.after.spec;
  if (spec.callback_url.empty()) return;
  const WebhookEndpoint callback = callback_of(spec);
  for (const job::Event& event : change.events) {
    if (callback.takes_type(job::event_name(event.data))) {
      reactions.push_back(make_webhook_delivery(callback, event, change.after, options_));
    }
  }
}

std::optional<engine::EnqueueJob> WebhookReactor::instead_of(const engine::EnqueueJob& reaction,
                                                             LogPosition position) {
  return make_webhook_catch_up(
      kCatchUpType, reaction.spec.tenant,
      {.endpoint = endpoint_of(reaction.spec.type), .after = LogPosition{to_number(position) - 1}},
      options_.payload_key);
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

}  // namespace errand::notification
