#include <chrono>
#include <utility>
#include <variant>

#include "errand/notification/webhook_manager.h"
#include "errand/telemetry/metric_names.h"

// What becomes of endpoints by their own doing.

namespace errand::notification {
namespace {

using std::chrono_literals::operator""min;

/// How often a change of an endpoint's health is written that can be told again from what follows.
constexpr Milliseconds kHealthEvery = 1min;

}  // namespace

void WebhookManager::on_outcome(const RegisteredWebhook& endpoint, const WebhookOutcome& outcome) {
  const std::string& name = endpoint.endpoint.name;
  const RegisteredWebhookPtr webhook = registry_.find(name);
  // It went to an address that counts no more, or is of no interest any more.
  if (!webhook || webhook->endpoint.url != endpoint.endpoint.url) return;
  if (webhook->gone_at || webhook->state.disabled) return;
  const Timestamp at = now();
  HealthChange change = HealthChange::kNone;
  bool writes = false;
  RegisteredWebhook next = *webhook;
  {
    const std::scoped_lock lock(health_mutex_);
    Watched& watched = watched_[name];
    change = outcome.delivered ? note_success(watched.health, at)
                               : note_failure(watched.health, outcome.why, at);
    if (outcome.status == 410) change = HealthChange::kGivenUp;
    // A success takes back at once what is stored of failures, so that none of them counts after a
    // crash; the rest can be told from what follows.
    const bool due = !watched.stored_at || at - *watched.stored_at >= kHealthEvery;
    const bool takes_back = outcome.delivered && watched.stored_failing;
    const bool store = change != HealthChange::kNone || takes_back || (!outcome.delivered && due);
    next.state.health = watched.health;
    // What is being written does not keep anything from being told.
    writes = store && (!watched.writing || change == HealthChange::kGivenUp || takes_back);
    if (writes) watched.writing = true;
  }
  if (change == HealthChange::kGivenUp) {
    next.state.disabled = outcome.status == 410 ? DisabledReason::kGone : DisabledReason::kFailing;
    next.state.disabled_at = at;
  } else if (change != HealthChange::kNone) {
    tell(next, change, outcome.why);
  }
  if (!writes) return;
  store_state(std::move(next), change, outcome.why);
}

/// A write that another one crossed is let go: what comes next from the endpoint is written again.
void WebhookManager::store_state(RegisteredWebhook next, HealthChange change, std::string why) {
  engine::WriteRecords request{{{.id = state_record_id(next),
                                 .text = to_state_record(next),
                                 .expires_at = {},
                                 .if_revision = next.state.revision}}};
  lane_->submit(std::move(request), [this, next = std::move(next), change, why = std::move(why)](
                                        const Result<engine::Reply>& reply) mutable {
    const std::string& name = next.endpoint.name;
    {
      const std::scoped_lock lock(health_mutex_);
      Watched& watched = watched_[name];
      watched.writing = false;
      if (reply) {
        watched.stored_at = next.state.health.last_failure_at;
        watched.stored_failing = next.state.health.failures > 0;
      }
    }
    if (!reply) {
      if (reply.error().code != ErrorCode::kConflict) {
        log_.warn_limited("state of a webhook endpoint not written",
                          {{"endpoint", name}, {"error", reply.error().message}});
      }
      return;
    }
    next.state.revision = std::get<engine::RecordsReply>(*reply).records.front().revision;
    registry_.put_state(name, next.state);
    if (change != HealthChange::kGivenUp) return;
    tell(next, change, why);
    if (on_disabled_) on_disabled_(next);
  });
}

void WebhookManager::tell(const RegisteredWebhook& webhook, HealthChange change,
                          std::string_view why) {
  const std::string& name = webhook.endpoint.name;
  const auto what = [&]() -> std::string_view {
    switch (change) {
      case HealthChange::kFailing:
        log_.warn_limited("webhook endpoint is failing",
                          {{"endpoint", name}, {"tenant", webhook.owner_name()}, {"error", why}});
        return "failing";
      case HealthChange::kRecovered:
        // At one level with the other, of which it is the end: a flaky endpoint provokes both.
        log_.warn_limited("webhook endpoint has recovered",
                          {{"endpoint", name}, {"tenant", webhook.owner_name()}});
        return "recovered";
      default:
        log_.error("webhook endpoint is disabled: its deliveries fail until it is enabled",
                   {{"endpoint", name},
                    {"tenant", webhook.owner_name()},
                    {"reason", to_string(*webhook.state.disabled)},
                    {"error", why}});
        return "disabled";
    }
  }();
  means_.metrics.counter(telemetry::kWebhookEndpointChanges, {what}).add();
}

}  // namespace errand::notification
