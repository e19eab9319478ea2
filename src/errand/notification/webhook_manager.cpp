#include "errand/notification/webhook_manager.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "errand/base/uuid.h"
#include "errand/notification/callback_handler.h"
#include "errand/notification/webhook_verification.h"
#include "errand/outbound/target_url.h"
#include "errand/runtime/lane_client.h"

namespace errand::notification {

namespace asio = boost::asio;

namespace {

using std::chrono_literals::operator""h;

/// How long a deleted endpoint is remembered, so that deliveries that wait for their next attempt
/// end with a reason: longer than the longest wait between two attempts, which is 72 h of
/// webhooks.retry_schedule and a fifth on top of it.
constexpr Milliseconds kGoneFor = 96h;
/// How long after an endpoint was disabled a start tells of it again.
constexpr Milliseconds kToldAgainFor = 24h;
/// A change that another one crossed is made again.
constexpr int kTries = 5;
constexpr std::size_t kRecordsPage = 200;
/// Deleted endpoints of a tenant that are remembered, beside those that are there.
constexpr std::size_t kGoneShare = 5;
/// Callbacks of all tenants at once: room for many whose hosts are slow.
constexpr std::uint32_t kCallbackSlots = 1'000;
constexpr std::size_t kCallbackTypesMax = 50;
constexpr std::size_t kCallbackTypeBytesMax = 256;
constexpr std::string_view kNoSuchEndpoint = "There is no such webhook endpoint.";

}  // namespace

WebhookManager::WebhookManager(Options options, const Means& means, telemetry::Log log)
    : options_(std::move(options)),
      means_(means),
      log_(std::move(log)),
      sealer_(means.master_key, kWebhookSealerLabel, means.random) {}

RegisteredWebhook WebhookManager::of_settings(const WebhookEndpoint& endpoint) const {
  RegisteredWebhook webhook{.endpoint = endpoint, .owner = std::nullopt};
  webhook.keys = keys_of(
      [&](int generation) { return webhook_secret(means_.master_key, endpoint.name, generation); });
  return webhook;
}

std::vector<WebhookKey> WebhookManager::keys_of(
    const std::function<std::string(int generation)>& secret) const {
  std::vector<WebhookKey> keys;
  for (const int each : {options_.secret_generation, options_.secret_generation - 1}) {
    if (each < 1) continue;
    keys.push_back({.secret = *outbound::WebhookSecret::parse(secret(each)),
                    .signing = std::nullopt,
                    .created_at = std::nullopt,
                    .until = std::nullopt});
  }
  return keys;
}

WebhookHandler::Means WebhookManager::handler_means() {
  return {.endpoints = registry_,
          .watch = *this,
          .client = means_.client,
          .reader = means_.reader,
          .pool = means_.pool,
          .clock = means_.clock,
          .log = log_};
}

Result<void> WebhookManager::load() {
  for (const WebhookEndpoint& endpoint : options_.endpoints) {
    RegisteredWebhook webhook = of_settings(endpoint);
    if (auto read = load_state(webhook); !read) return read;
    take(std::move(webhook), true);
  }
  const store::RecordFilter filter{.collection = std::string(kEndpointCollection),
                                   .tenant = std::nullopt};
  store::RecordPage page{.limit = kRecordsPage};
  for (;;) {
    const auto records = means_.reader.records(filter, page);
    if (!records) return std::unexpected(records.error());
    for (const store::Record& record : *records) {
      if (record.expires_at && *record.expires_at <= now()) continue;
      auto stored = read_record(record, sealer_);
      if (!stored) return std::unexpected(stored.error());
      if (auto read = load_state(stored->webhook); !read) return read;
      take(std::move(stored->webhook), true);
    }
    if (records->size() < kRecordsPage) break;
    page.after = records->back().id;
  }
  return load_left_behind();
}

/// Deliveries to endpoints that nothing is known of any more, as where the server was down until a
/// deleted one was forgotten, are to end too.
Result<void> WebhookManager::load_left_behind() {
  const auto counts = means_.reader.counts(std::nullopt);
  if (!counts) return std::unexpected(counts.error());
  const std::string prefix = WebhookEndpoint{.name = std::string(kManagedPrefix)}.queue().str();
  const std::size_t before_name = prefix.size() - kManagedPrefix.size();
  for (const store::JobCount& group : *counts) {
    if (job::is_terminal(group.status) || !group.queue.view().starts_with(prefix)) continue;
    RegisteredWebhook webhook{
        .endpoint = {.name = std::string(group.queue.view().substr(before_name))},
        .owner = group.tenant};
    const std::string& name = webhook.endpoint.name;
    if (name == kCallbackName || registry_.find(name)) continue;
    webhook.gone_at = now() + kGoneFor;
    take(std::move(webhook), true);
  }
  return {};
}

Result<void> WebhookManager::load_state(RegisteredWebhook& webhook) const {
  const auto record = means_.reader.record(state_record_id(webhook));
  if (!record) return std::unexpected(record.error());
  if (!*record) return {};
  return read_state_record(**record, webhook);
}

std::vector<engine::Limit> WebhookManager::limits() const {
  std::vector<engine::Limit> limits;
  for (const auto& [name, webhook] : registry_.endpoints()->all) {
    for (engine::Limit& limit : webhook_limits(webhook->endpoint)) {
      limits.push_back(std::move(limit));
    }
  }
  for (engine::Limit& limit : callback_limits()) limits.push_back(std::move(limit));
  return limits;
}

void WebhookManager::start(runtime::Lane& lane, worker::Gateway& gateway,
                           asio::any_io_executor executor) {
  const auto all = registry_.endpoints();
  {
    const std::scoped_lock lock(live_mutex_);
    lane_ = &lane;
    gateway_ = &gateway;
    executor_ = std::move(executor);
    running_ = true;
    // The engine has their limits from its options.
    for (const auto& [name, webhook] : all->all) live_[name].limits_of = webhook->endpoint;
  }
  for (const auto& [name, webhook] : all->all) {
    reconcile(name);
    // The server may have died before it told.
    const auto& at = webhook->state.disabled_at;
    if (on_disabled_ && at && !webhook->gone_at && now() - *at < kToldAgainFor) {
      on_disabled_(*webhook);
    }
  }
  // Also where no tenant has hosts any more: what was promised before is kept.
  auto callbacks = CallbackHandler::create(
      {.name = std::string(kCallbackName), .public_url = options_.public_url}, handler_means(),
      [this](const TenantId& tenant) {
        return keys_of(
            [&](int generation) { return callback_secret(means_.master_key, tenant, generation); });
      });
  gateway.host(executor_, {.name = "webhook callbacks",
                           .types = {callback_endpoint().job_type()},
                           .slots = kCallbackSlots,
                           .way = engine::WorkerWay::kPush,
                           .handler = *std::move(callbacks)});
}

Result<void> WebhookManager::check_callback(const TenantId& tenant, std::string_view url,
                                            const std::vector<std::string>& types) const {
  const auto hosts = options_.callback_hosts.find(tenant.view());
  if (hosts == options_.callback_hosts.end()) {
    return fail(ErrorCode::kForbidden,
                "url: callbacks are not switched on for this tenant (webhooks.callback_hosts).");
  }
  const auto target = outbound::parse_target_url(url);
  if (!target) return fail(ErrorCode::kBadUserInput, "url: " + target.error().message);
  const bool listed = std::ranges::any_of(hosts->second, [&](std::string_view pattern) {
    if (!pattern.starts_with("*.")) return target->host == pattern;
    return !target->address && target->host.ends_with(pattern.substr(1));
  });
  if (!listed) {
    return fail(
        ErrorCode::kForbidden,
        "url: the host \"" + target->host +
            "\" is not one of this tenant's hosts for callbacks (webhooks.callback_hosts).");
  }
  if (const auto allowed = means_.guard.check_url(*target); !allowed) {
    return fail(ErrorCode::kBadUserInput, "url: " + allowed.error().message);
  }
  if (types.size() > kCallbackTypesMax) {
    return fail(ErrorCode::kBadUserInput, "types: at most 50 are allowed.");
  }
  for (const std::string& type : types) {
    if (is_type_pattern(type) && type.size() <= kCallbackTypeBytesMax) continue;
    return fail(ErrorCode::kBadUserInput,
                "types: \"" + type +
                    "\" is no type of events, such as \"dev.errand.job.failed\" or "
                    "\"dev.errand.job.*\".");
  }
  return {};
}

void WebhookManager::stop() {
  const std::scoped_lock lock(live_mutex_);
  running_ = false;
}

void WebhookManager::take(RegisteredWebhook webhook, bool state) {
  const std::string name = webhook.endpoint.name;
  if (state) {
    const std::scoped_lock lock(health_mutex_);
    Watched& watched = watched_[name];
    watched.health = webhook.state.health;
    watched.stored_failing = webhook.state.health.failures > 0;
  }
  registry_.put(std::move(webhook));
  reconcile(name);
}

/// Brings hosting and limits in line with the registry. What it reads and hands over is one step,
/// so that of two changes the later one has the last word.
void WebhookManager::reconcile(const std::string& name) {
  const std::scoped_lock lock(live_mutex_);
  if (!running_) return;
  const RegisteredWebhookPtr webhook = registry_.find(name);
  Live& live = live_[name];
  if (!webhook) {
    if (live.hosted) gateway_->unhost(*live.hosted);
    lane_->submit(engine::DeclareLimits{.declare = {},
                                        .withdraw = {WebhookEndpoint{.name = name}.job_type()}},
                  [](const Result<engine::Reply>&) {});
    live_.erase(name);
    return;
  }
  if (live.limits_of != webhook->endpoint) {
    live.limits_of = webhook->endpoint;
    lane_->submit(engine::DeclareLimits{.declare = webhook_limits(webhook->endpoint)},
                  [log = log_, name](const Result<engine::Reply>& reply) {
                    if (reply) return;
                    log.error("limits of a webhook endpoint not declared",
                              {{"endpoint", name}, {"error", reply.error().message}});
                  });
  }
  const bool wanted = webhook->status() != WebhookStatus::kPaused;
  // As many slots as it needs, since the engine reads jobs ahead for all of them. While those that
  // run under the old number end, the limit keeps the number.
  if (live.hosted && (!wanted || live.slots != webhook->endpoint.concurrency)) {
    gateway_->unhost(*live.hosted);
    live.hosted.reset();
  }
  if (wanted && !live.hosted) {
    if (!live.handler) {
      live.handler = *WebhookHandler::create({.name = name, .public_url = options_.public_url},
                                             handler_means());
    }
    live.slots = webhook->endpoint.concurrency;
    live.hosted = gateway_->host(executor_, {.name = "webhook " + name,
                                             .types = {webhook->endpoint.job_type()},
                                             .slots = live.slots,
                                             .way = engine::WorkerWay::kPush,
                                             .handler = live.handler});
  }
}

RegisteredWebhookPtr WebhookManager::with_health(const RegisteredWebhookPtr& webhook) const {
  const std::scoped_lock lock(health_mutex_);
  const auto found = watched_.find(webhook->endpoint.name);
  if (found == watched_.end() || found->second.health == webhook->state.health) {
    return webhook;
  }
  auto copy = std::make_shared<RegisteredWebhook>(*webhook);
  copy->state.health = found->second.health;
  return copy;
}

RegisteredWebhookPtr WebhookManager::find(const TenantId& tenant, std::string_view name) const {
  const RegisteredWebhookPtr webhook = registry_.find(name);
  return webhook && webhook->is_seen_by(tenant) ? with_health(webhook) : nullptr;
}

std::vector<RegisteredWebhookPtr> WebhookManager::list(const TenantId& tenant) const {
  std::vector<RegisteredWebhookPtr> seen;
  registry_.endpoints()->for_each_of(tenant, [&](const RegisteredWebhookPtr& webhook) {
    if (webhook->is_seen_by(tenant)) seen.push_back(with_health(webhook));
  });
  std::ranges::sort(seen, {},
                    [](const auto& each) -> const std::string& { return each->endpoint.name; });
  return seen;
}

WebhookKeyText WebhookManager::make_key(bool signing) const {
  return {
      .secret = outbound::WebhookSecret::generate(means_.random),
      .signing = signing ? outbound::WebhookSigningKey::generate(means_.random) : std::string()};
}

void WebhookManager::add_key(StoredWebhook& stored, WebhookKeyText text, Timestamp now) {
  WebhookKey key{.secret = *outbound::WebhookSecret::parse(text.secret),
                 .signing = std::nullopt,
                 .created_at = now,
                 .until = std::nullopt};
  if (!text.signing.empty()) key.signing = *outbound::WebhookSigningKey::parse(text.signing);
  stored.webhook.keys.insert(stored.webhook.keys.begin(), std::move(key));
  stored.texts.insert(stored.texts.begin(), std::move(text));
}

/// Lets go of those that were deleted long ago.
void WebhookManager::forget_old() {
  for (const auto& [name, webhook] : registry_.endpoints()->all) {
    if (!webhook->gone_at || *webhook->gone_at > now()) continue;
    registry_.erase(name);
    {
      const std::scoped_lock lock(health_mutex_);
      watched_.erase(name);
    }
    reconcile(name);
  }
}

Result<std::unique_ptr<WebhookManager::Creating>> WebhookManager::make_room(
    const TenantId& tenant) {
  const std::scoped_lock lock(creating_mutex_);
  std::size_t there = 0;
  std::size_t gone = 0;
  // Within the lock: what is counted no more as under way is in the registry by then.
  if (const auto all = registry_.endpoints(); all->of_tenant.contains(tenant)) {
    for (const auto& each : all->of_tenant.at(tenant)) {
      ++(each->gone_at ? gone : there);
    }
  }
  if (const auto under_way = creating_.find(tenant); under_way != creating_.end()) {
    there += under_way->second;
  }
  if (there >= options_.per_tenant_max) {
    return fail(ErrorCode::kResourceExhausted,
                "There are " + std::to_string(there) +
                    " webhook endpoints of this tenant, which is as many as "
                    "webhooks.endpoints_per_tenant allows. Delete one.");
  }
  if (gone >= kGoneShare * options_.per_tenant_max) {
    return fail(ErrorCode::kResourceExhausted,
                "Too many webhook endpoints of this tenant were deleted in the last four days. "
                "Change one that is there, or wait.");
  }
  auto room = std::make_unique<Creating>(*this, tenant);
  ++creating_[tenant];
  return room;
}

WebhookManager::Creating::~Creating() {
  const std::scoped_lock lock(manager_.creating_mutex_);
  const auto under_way = manager_.creating_.find(tenant_);
  if (under_way == manager_.creating_.end()) return;
  if (--under_way->second == 0) manager_.creating_.erase(under_way);
}

asio::awaitable<Result<WebhookManager::WithSecret>> WebhookManager::create(Caller caller,
                                                                           WebhookChange change) {
  forget_old();
  // Verification takes its time: what is created beside it is counted until then.
  const auto room = make_room(caller.tenant);
  if (!room) co_return std::unexpected(room.error());
  StoredWebhook stored;
  RegisteredWebhook& webhook = stored.webhook;
  const Timestamp at = now();
  webhook.endpoint.name = std::string(kManagedPrefix);
  for (const char c : Uuid::v7(at, means_.random).str()) {
    if (c != '-') webhook.endpoint.name += c;
  }
  webhook.endpoint.tenants = {caller.tenant};
  webhook.owner = caller.tenant;
  webhook.created_at = at;
  webhook.changed_at = at;
  webhook.created_by = caller.subject;
  if (auto made = apply_webhook_change(change, means_.guard, webhook); !made) {
    co_return std::unexpected(std::move(made.error()));
  }
  add_key(stored, make_key(change.signing.value_or(false)), at);
  if (auto verified = co_await verify(webhook, change.verification); !verified) {
    co_return std::unexpected(std::move(verified.error()));
  }
  // Before the first delivery: those that are there already nobody has counted.
  if (auto declared = co_await declare_limits(webhook.endpoint); !declared) {
    co_return std::unexpected(std::move(declared.error()));
  }
  if (auto written = co_await write(webhook, to_record(webhook, stored.texts, sealer_), false);
      !written) {
    // It is not in the registry, so that this takes back its limits.
    reconcile(webhook.endpoint.name);
    co_return std::unexpected(std::move(written.error()));
  }
  log_.info("webhook endpoint created", {{"endpoint", webhook.endpoint.name},
                                         {"tenant", webhook.owner_name()},
                                         {"by", caller.subject.view()}});
  const std::string name = webhook.endpoint.name;
  take(std::move(webhook), true);
  auto found = find(caller.tenant, name);
  // Somebody deleted it in this moment.
  if (!found) co_return fail(ErrorCode::kNotFound, std::string(kNoSuchEndpoint));
  co_return WithSecret{.webhook = std::move(found), .secret = stored.texts.front().secret};
}

asio::awaitable<Result<void>> WebhookManager::declare_limits(WebhookEndpoint endpoint) {
  auto done = co_await runtime::LaneClient(*lane_).execute_as<engine::Done>(
      engine::DeclareLimits{.declare = webhook_limits(endpoint)});
  if (!done) co_return std::unexpected(std::move(done.error()));
  const std::scoped_lock lock(live_mutex_);
  live_[endpoint.name].limits_of = std::move(endpoint);
  co_return Result<void>();
}

asio::awaitable<Result<void>> WebhookManager::write(RegisteredWebhook& webhook, std::string text,
                                                    bool state) {
  engine::WriteRecords request;
  if (webhook.owner) {
    request.changes.push_back({.id = record_id(webhook),
                               .text = std::move(text),
                               .expires_at = webhook.gone_at,
                               .if_revision = webhook.revision});
  }
  if (state) {
    request.changes.push_back({.id = state_record_id(webhook),
                               .text = to_state_record(webhook),
                               .expires_at = webhook.gone_at});
  }
  auto reply =
      co_await runtime::LaneClient(*lane_).execute_as<engine::RecordsReply>(std::move(request));
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  if (webhook.owner) webhook.revision = reply->records.front().revision;
  if (state) webhook.state.revision = reply->records.back().revision;
  co_return Result<void>();
}

asio::awaitable<Result<RegisteredWebhookPtr>> WebhookManager::change(Caller caller,
                                                                     std::string name,
                                                                     std::string_view what,
                                                                     Change make) {
  const RegisteredWebhookPtr known = find(caller.tenant, name);
  if (!known) co_return fail(ErrorCode::kNotFound, std::string(kNoSuchEndpoint));
  if (!known->owner) {
    co_return fail(ErrorCode::kForbidden,
                   "This endpoint is one of the settings: change it there "
                   "([webhooks.endpoints." +
                       name + "]).");
  }
  for (int tries = 0;; ++tries) {
    // What is stored counts, as the registry may be a moment behind.
    const auto record =
        co_await means_.pool.run([this, known] { return means_.reader.record(record_id(*known)); });
    if (!record) co_return std::unexpected(record.error());
    if (!*record) co_return fail(ErrorCode::kNotFound, std::string(kNoSuchEndpoint));
    auto stored = read_record(**record, sealer_);
    if (!stored) co_return std::unexpected(std::move(stored.error()));
    if (stored->webhook.gone_at) co_return fail(ErrorCode::kNotFound, std::string(kNoSuchEndpoint));
    if (const auto present = find(caller.tenant, name)) stored->webhook.state = present->state;
    stored->webhook.changed_at = now();
    const auto with_state = make(*stored);
    if (!with_state) co_return std::unexpected(with_state.error());
    auto written = co_await write(stored->webhook,
                                  to_record(stored->webhook, stored->texts, sealer_), *with_state);
    if (!written && written.error().code == ErrorCode::kConflict && tries + 1 < kTries) continue;
    if (!written) co_return std::unexpected(std::move(written.error()));
    log_.info("webhook endpoint changed", {{"endpoint", name},
                                           {"what", what},
                                           {"tenant", stored->webhook.owner_name()},
                                           {"by", caller.subject.view()}});
    auto result = std::make_shared<const RegisteredWebhook>(stored->webhook);
    take(std::move(stored->webhook), *with_state);
    co_return result;
  }
}

asio::awaitable<Result<RegisteredWebhookPtr>> WebhookManager::update(Caller caller,
                                                                     std::string name,
                                                                     WebhookChange change) {
  if (change.verification != WebhookVerification::kNone) {
    const RegisteredWebhookPtr known = find(caller.tenant, name);
    if (!known || !known->owner) co_return fail(ErrorCode::kNotFound, std::string(kNoSuchEndpoint));
    RegisteredWebhook next = *known;
    if (auto made = apply_webhook_change(change, means_.guard, next); !made) {
      co_return std::unexpected(std::move(made.error()));
    }
    if (auto verified = co_await verify(next, change.verification); !verified) {
      co_return std::unexpected(std::move(verified.error()));
    }
  }
  co_return co_await this->change(
      std::move(caller), std::move(name), "updated",
      [this, change](StoredWebhook& stored) -> Result<bool> {
        RegisteredWebhook& webhook = stored.webhook;
        const std::string url = webhook.endpoint.url;
        if (auto made = apply_webhook_change(change, means_.guard, webhook); !made) {
          return std::unexpected(std::move(made.error()));
        }
        if (change.signing && *change.signing != webhook.keys.front().signing.has_value()) {
          WebhookKeyText text = stored.texts.front();
          text.signing =
              *change.signing ? outbound::WebhookSigningKey::generate(means_.random) : "";
          const auto created_at = webhook.keys.front().created_at;
          webhook.keys.erase(webhook.keys.begin());
          stored.texts.erase(stored.texts.begin());
          add_key(stored, std::move(text), created_at.value_or(now()));
        }
        // Another address is another receiver: what is known of the old one counts no more.
        const bool moved = webhook.endpoint.url != url;
        if (moved) webhook.state = {.revision = webhook.state.revision};
        return moved;
      });
}

asio::awaitable<Result<RegisteredWebhookPtr>> WebhookManager::remove(Caller caller,
                                                                     std::string name) {
  co_return co_await change(std::move(caller), std::move(name), "deleted",
                            [this](StoredWebhook& stored) -> Result<bool> {
                              RegisteredWebhook& webhook = stored.webhook;
                              webhook.gone_at = now() + kGoneFor;
                              webhook.keys.clear();
                              webhook.headers.clear();
                              stored.texts.clear();
                              return true;
                            });
}

asio::awaitable<Result<RegisteredWebhookPtr>> WebhookManager::pause(Caller caller, std::string name,
                                                                    bool paused) {
  co_return co_await change(
      std::move(caller), std::move(name), paused ? "paused" : "resumed",
      [paused](StoredWebhook& stored) -> Result<bool> {
        if (stored.webhook.state.disabled) {
          return fail(ErrorCode::kConflict,
                      "The endpoint is disabled; enableWebhookEndpoint lets it get events again.");
        }
        stored.webhook.paused = paused;
        return false;
      });
}

asio::awaitable<Result<WebhookManager::WithSecret>> WebhookManager::rotate(Caller caller,
                                                                           std::string name,
                                                                           Milliseconds grace) {
  std::string secret;
  const auto make = [this, grace, &secret](StoredWebhook& stored) -> Result<bool> {
    RegisteredWebhook& webhook = stored.webhook;
    const Timestamp at = now();
    const bool signing = webhook.keys.front().signing.has_value();
    for (std::size_t i = webhook.keys.size(); i-- > 0;) {
      auto& until = webhook.keys[i].until;
      until = std::min(until.value_or(at + grace), at + grace);
      if (*until > at) continue;
      webhook.keys.erase(webhook.keys.begin() + static_cast<std::ptrdiff_t>(i));
      stored.texts.erase(stored.texts.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (webhook.keys.size() > kOldKeysMax) {
      return fail(ErrorCode::kConflict,
                  "Ten old secrets still sign. Wait until one has run out, or give a shorter "
                  "graceHours; 0 ends them all at once.");
    }
    add_key(stored, make_key(signing), at);
    secret = stored.texts.front().secret;
    return false;
  };
  auto changed = co_await change(std::move(caller), std::move(name), "secret rotated", make);
  if (!changed) co_return std::unexpected(std::move(changed.error()));
  co_return WithSecret{.webhook = *std::move(changed), .secret = std::move(secret)};
}

asio::awaitable<Result<RegisteredWebhookPtr>> WebhookManager::enable(Caller caller,
                                                                     std::string name,
                                                                     bool is_operator) {
  const auto enabled = [](const RegisteredWebhook& webhook) {
    return WebhookState{.revision = webhook.state.revision,
                        .health = {.last_success_at = webhook.state.health.last_success_at}};
  };
  const RegisteredWebhookPtr known = find(caller.tenant, name);
  if (!known || known->owner || !is_operator) {
    co_return co_await change(std::move(caller), std::move(name), "enabled",
                              [enabled](StoredWebhook& stored) -> Result<bool> {
                                stored.webhook.state = enabled(stored.webhook);
                                return true;
                              });
  }
  RegisteredWebhook webhook = *known;
  webhook.state = enabled(webhook);
  if (auto written = co_await write(webhook, {}, true); !written) {
    co_return std::unexpected(std::move(written.error()));
  }
  log_.info("webhook endpoint changed",
            {{"endpoint", name}, {"what", "enabled"}, {"by", caller.subject.view()}});
  auto result = std::make_shared<const RegisteredWebhook>(webhook);
  take(std::move(webhook), true);
  co_return result;
}

asio::awaitable<Result<void>> WebhookManager::verify(const RegisteredWebhook& webhook,
                                                     WebhookVerification verification) {
  if (verification == WebhookVerification::kNone) co_return Result<void>();
  co_return co_await verify_webhook(
      means_.client, webhook, verification,
      {.origin = options_.public_url, .now = now(), .random = means_.random, .log = log_});
}

}  // namespace errand::notification
