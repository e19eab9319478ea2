#include "errand/notification/webhook_registry.h"

#include <chrono>

namespace errand::notification {
namespace {

/// Expression of the key that keeps a job's events in order, for Limit::id().
constexpr const char* kOrderKey = "job";

}  // namespace

std::string_view to_string(WebhookStatus status) noexcept {
  switch (status) {
    case WebhookStatus::kActive:
      return "ACTIVE";
    case WebhookStatus::kPaused:
      return "PAUSED";
    case WebhookStatus::kDisabled:
      return "DISABLED";
    case WebhookStatus::kDeleted:
      return "DELETED";
  }
  return "ACTIVE";
}

std::string_view to_string(DisabledReason reason) noexcept {
  return reason == DisabledReason::kGone ? "GONE" : "FAILING";
}

WebhookStatus RegisteredWebhook::status() const {
  if (gone_at) return WebhookStatus::kDeleted;
  if (state.disabled) return WebhookStatus::kDisabled;
  return paused ? WebhookStatus::kPaused : WebhookStatus::kActive;
}

bool RegisteredWebhook::is_seen_by(const TenantId& tenant) const {
  if (gone_at) return false;
  if (owner) return *owner == tenant;
  return endpoint.tenants.empty() || endpoint.tenants.contains(tenant);
}

RegisteredWebhookPtr WebhookRegistry::Endpoints::find(std::string_view name) const {
  const auto found = all.find(name);
  return found == all.end() ? nullptr : found->second;
}

WebhookRegistry::WebhookRegistry() : endpoints_(std::make_shared<const Endpoints>()) {}

WebhookRegistry::EndpointsPtr WebhookRegistry::endpoints() const {
  const std::scoped_lock lock(mutex_);
  return endpoints_;
}

void WebhookRegistry::put(RegisteredWebhook webhook) {
  const std::scoped_lock changing(change_mutex_);
  auto all = endpoints()->all;
  auto& place = all[webhook.endpoint.name];
  if (place && place->state.revision > webhook.state.revision) webhook.state = place->state;
  if (place && place->revision > webhook.revision) {
    WebhookState state = std::move(webhook.state);
    webhook = *place;
    webhook.state = std::move(state);
  }
  place = std::make_shared<const RegisteredWebhook>(std::move(webhook));
  rebuild(std::move(all));
}

void WebhookRegistry::put_state(std::string_view name, WebhookState state) {
  const std::scoped_lock changing(change_mutex_);
  auto all = endpoints()->all;
  const auto found = all.find(name);
  if (found == all.end() || found->second->state.revision > state.revision) return;
  auto next = std::make_shared<RegisteredWebhook>(*found->second);
  next->state = std::move(state);
  found->second = std::move(next);
  rebuild(std::move(all));
}

void WebhookRegistry::erase(std::string_view name) {
  const std::scoped_lock changing(change_mutex_);
  auto all = endpoints()->all;
  const auto found = all.find(name);
  if (found == all.end()) return;
  all.erase(found);
  rebuild(std::move(all));
}

void WebhookRegistry::rebuild(std::map<std::string, RegisteredWebhookPtr, std::less<>> all) {
  auto next = std::make_shared<Endpoints>();
  next->all = std::move(all);
  for (const auto& [name, endpoint] : next->all) {
    if (endpoint->owner) {
      next->of_tenant[*endpoint->owner].push_back(endpoint);
    } else {
      next->of_settings.push_back(endpoint);
    }
  }
  const std::scoped_lock lock(mutex_);
  endpoints_ = std::move(next);
}

std::vector<engine::Limit> webhook_limits(const WebhookEndpoint& endpoint) {
  // The order holds those alone that have a key, so that an endpoint may change its mind: what was
  // made before goes on as it was meant.
  return {{.kind = engine::LimitKind::kRate,
           .type = endpoint.job_type(),
           .value = endpoint.rate,
           .per = std::chrono::seconds(1)},
          {.kind = engine::LimitKind::kConcurrency,
           .type = endpoint.job_type(),
           .value = endpoint.concurrency},
          {.kind = engine::LimitKind::kConcurrency,
           .type = endpoint.job_type(),
           .by_tenant = true,
           .by_input = kOrderKey,
           .fifo = true,
           .value = 1}};
}

}  // namespace errand::notification
