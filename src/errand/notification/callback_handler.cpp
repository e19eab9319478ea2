#include "errand/notification/callback_handler.h"

#include <chrono>
#include <utility>

#include "errand/crypto/encoding.h"
#include "errand/outbound/target_url.h"

namespace errand::notification {
namespace {

/// Origins whose fate is remembered.
constexpr std::size_t kTargetsMax = 1'024;
/// Of one tenant: requests at once, and that begin in a second.
constexpr std::uint64_t kAtOnce = 20;
constexpr std::uint64_t kRate = 100;

}  // namespace

std::string callback_secret(const crypto::MasterKey& master_key, const TenantId& tenant,
                            int generation) {
  const auto key = master_key.hmac_key("callback-secret.v1");
  return "whsec_" + crypto::to_base64(key.sign(std::to_string(generation) + "\n" + tenant.str()));
}

WebhookEndpoint callback_endpoint() { return {.name = std::string(kCallbackName)}; }

WebhookEndpoint callback_of(const job::JobSpec& spec) {
  WebhookEndpoint callback = callback_endpoint();
  callback.types = spec.callback_types.empty() ? callback_types_by_default() : spec.callback_types;
  return callback;
}

std::vector<engine::Limit> callback_limits() {
  const JobTypeName type = callback_endpoint().job_type();
  return {
      {.kind = engine::LimitKind::kRate,
       .type = type,
       .by_tenant = true,
       .value = kRate,
       .per = std::chrono::seconds(1)},
      {.kind = engine::LimitKind::kConcurrency, .type = type, .by_tenant = true, .value = kAtOnce}};
}

const std::vector<std::string>& callback_types_by_default() {
  static const std::vector<std::string> kTypes{"dev.errand.job.succeeded", "dev.errand.job.failed",
                                               "dev.errand.job.canceled", "dev.errand.job.killed",
                                               "dev.errand.job.expired"};
  return kTypes;
}

Result<std::shared_ptr<CallbackHandler>> CallbackHandler::create(Options options,
                                                                 const Means& means, Keys keys) {
  auto breaker = outbound::CircuitBreaker::create(options.breaker);
  if (!breaker) return std::unexpected(breaker.error());
  return std::shared_ptr<CallbackHandler>(
      new CallbackHandler(std::move(options), means, *std::move(breaker), std::move(keys)));
}

Result<RegisteredWebhookPtr> CallbackHandler::find(const WebhookDelivery& delivery) const {
  const auto job = means_.reader.job(delivery.job);
  if (!job) return std::unexpected(job.error());
  if (*job == nullptr || (*job)->spec.callback_url.empty()) {
    return fail(ErrorCode::kNotFound, "the event was deleted with its job");
  }
  const job::JobSpec& spec = (*job)->spec;
  auto webhook = std::make_shared<RegisteredWebhook>();
  webhook->endpoint = callback_endpoint();
  webhook->endpoint.url = spec.callback_url;
  webhook->keys = keys_(spec.tenant);
  return webhook;
}

std::shared_ptr<WebhookHandler::Target> CallbackHandler::target_of(
    const WebhookEndpoint& endpoint) {
  const auto url = outbound::parse_target_url(endpoint.url);
  const std::string origin = url ? url->origin() : std::string();
  const std::scoped_lock lock(mutex_);
  // What goes on keeps its own; the others begin anew.
  if (targets_.size() >= kTargetsMax && !targets_.contains(origin)) targets_.clear();
  auto& target = targets_[origin];
  if (!target) target = std::make_shared<Target>(origin, means_, breaker_);
  return target;
}

}  // namespace errand::notification
