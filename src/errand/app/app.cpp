#include "errand/app/app.h"

#include <algorithm>
#include <filesystem>
#include <future>
#include <system_error>
#include <thread>
#include <vector>

#include "web/embedded_assets.h"
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/use_future.hpp>
#include <fmt/format.h>

#include "errand/api/backend.h"
#include "errand/api/context.h"
#include "errand/api/forwarded_credentials.h"
#include "errand/api/limits.h"
#include "errand/api/resolvers.h"
#include "errand/app/commit_observer.h"
#include "errand/app/hosted_handlers.h"
#include "errand/app/outbound_requests.h"
#include "errand/app/queue_gauges.h"
#include "errand/app/schema_change.h"
#include "errand/app/schema_files.h"
#include "errand/app/test_clock.h"
#include "errand/app/test_clock_routes.h"
#include "errand/app/unsubscribe_page.h"
#include "errand/app/upstream_schema.h"
#include "errand/async/blocking_pool.h"
#include "errand/async/task_group.h"
#include "errand/auth/authenticator.h"
#include "errand/base/clock.h"
#include "errand/base/crash_point.h"
#include "errand/base/random.h"
#include "errand/contract/event_schemas.h"
#include "errand/crypto/master_key.h"
#include "errand/engine/reactor_list.h"
#include "errand/graphql/request/service.h"
#include "errand/net/http_server.h"
#include "errand/net/router.h"
#include "errand/notification/make_channels.h"
#include "errand/notification/notifications.h"
#include "errand/notification/operator_notice.h"
#include "errand/notification/webhook_catch_up.h"
#include "errand/notification/webhook_manager.h"
#include "errand/notification/webhook_reactor.h"
#include "errand/relay/relay.h"
#include "errand/relay/relay_set.h"
#include "errand/runtime/event_bus.h"
#include "errand/runtime/lane.h"
#include "errand/runtime/lane_client.h"
#include "errand/server/document.h"
#include "errand/server/server.h"
#include "errand/store/sqlite/sqlite_store.h"
#include "errand/telemetry/metric_names.h"
#include "errand/telemetry/metrics.h"
#include "errand/upstream/front.h"
#include "errand/worker/contract_job_types.h"
#include "errand/worker/gateway.h"

namespace errand::app {

namespace {

namespace asio = boost::asio;

constexpr std::size_t kReadThreads = 4;
/// Catch-ups of webhook endpoints that run at once.
constexpr std::uint32_t kCatchUpSlots = 16;
/// One more than threads that read, so that the lane never waits for the end of a client's query.
constexpr std::size_t kReadConnections = kReadThreads + 1;
/// Workers are asked to report at a third of the lease: two heartbeats may get lost.
constexpr int kHeartbeatsPerLease = 3;
/// How long a wait may not notice that a test put the clock forward.
constexpr Milliseconds kClockGlance{10};
/// What stands around a result in a worker's report, at most.
constexpr std::size_t kReportBytes = 64 << 10;

Result<std::filesystem::path> make_data_folder(const std::string& name) {
  const std::filesystem::path folder(name);
  std::error_code error;
  const bool is_new = std::filesystem::create_directories(folder, error);
  if (error) {
    return fail(ErrorCode::kStoreReadOnly,
                fmt::format("cannot make the data directory {}: {}; name another with --data", name,
                            error.message()));
  }
  if (is_new) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  return folder;
}

/// The address to bind. Without authentication only loopback is safe.
Result<std::string> check_listen_address(const Config& config) {
  const std::string& listen =
      config.server.listen == "localhost" ? "127.0.0.1" : config.server.listen;
  boost::system::error_code error;
  const auto address = asio::ip::make_address(listen, error);
  if (error) {
    return fail(
        ErrorCode::kConfigInvalid,
        fmt::format("server.listen: \"{}\" is not an IP address, such as 127.0.0.1, 0.0.0.0 or ::",
                    listen));
  }
  if (!address.is_loopback() && config.auth.credentials.empty()) {
    return fail(
        ErrorCode::kConfigInvalid,
        fmt::format(
            "server.listen: {} can be reached by others, and no authentication is configured.\n"
            "Make a credentials file (errand token create --append credentials.toml ...) and name "
            "it "
            "with --credentials, or listen on 127.0.0.1",
            listen));
  }
  return listen;
}

std::vector<server::Document> schema_documents() {
  std::vector<server::Document> documents;
  for (contract::EventDocument& document : contract::event_documents()) {
    documents.push_back(
        {std::move(document.path), std::string(document.content_type), std::move(document.text)});
  }
  return documents;
}

std::vector<server::Asset> page_assets() {
  std::vector<server::Asset> assets;
  for (const auto& asset : web::embedded_assets()) {
    assets.push_back({asset.path, asset.content_type, asset.bytes, asset.gzipped, asset.etag});
  }
  return assets;
}

/// Reads the document cache's counters off at each scrape, until the token goes.
std::shared_ptr<void> export_document_cache(telemetry::Metrics& metrics,
                                            const graphql::request::Service& service) {
  return metrics.on_render([&service, last = graphql::request::CacheStatistics()](
                               telemetry::Metrics& out) mutable {
    const auto now = service.cache_statistics();
    const auto add = [&](std::string_view result, std::uint64_t count, std::uint64_t before) {
      out.counter(telemetry::kGraphqlDocumentCache, {result})
          .add(static_cast<double>(count - before));
    };
    add("hit", now.hits, last.hits);
    add("miss", now.misses, last.misses);
    out.counter(telemetry::kGraphqlDocumentCacheEvictions)
        .add(static_cast<double>(now.evictions - last.evictions));
    out.gauge(telemetry::kGraphqlDocumentCacheDocuments).set(static_cast<double>(now.documents));
    out.gauge(telemetry::kGraphqlDocumentCacheBytes).set(static_cast<double>(now.bytes));
    last = now;
  });
}

bool serves_graphiql(const Config& config) {
  switch (config.server.graphiql) {
    case ServeGraphiql::kOn:
      return true;
    case ServeGraphiql::kOff:
      return false;
    case ServeGraphiql::kAuto:
      return config.auth.credentials.empty();
  }
  return false;
}

}  // namespace

/// Parts in the order of their making; destroyed in reverse.
class App::Impl {
 public:
  Impl(const Config& config, const App::Options& options, telemetry::Log log)
      : config_(config), log_(std::move(log)) {
    if (options.test_clock) test_clock_.emplace();
    given_handlers_ = options.handlers;
  }
  ~Impl() { stop(); }

  Result<void> start() {
    if (auto done = open_store(); !done) return done;
    if (auto done = check_schema(); !done) return done;
    pool_.emplace(async::BlockingPool::Options{.threads = kReadThreads});
    credentials_.emplace(store_->reader(), *pool_,
                         crypto::Sealer(*master_key_, auth::kJobCredentialsLabel, random_));
    handlers_.emplace(config_, *master_key_, clock(),
                      HostedHandlers::Means{.requests = requests_,
                                            .credentials = *credentials_,
                                            .pool = *pool_,
                                            .reader = store_->reader()},
                      log_);
    if (auto done = handlers_->make(*contract_, given_handlers_); !done) return done;
    if (auto done = load_webhooks(); !done) return done;
    if (auto done = load_notifications(); !done) return done;
    assemble();
    if (auto done = bind_resolvers(); !done) return done;
    if (auto done = listen(); !done) return done;
    if (auto done = lane_->start(); !done) return done;
    run_threads();
    if (auto done = drop_broken_jobs(); !done) return done;
    host_handlers();
    webhooks_->start(*lane_, *gateway_, context_.get_executor());
    host_catch_ups();
    notifications_->start(*lane_, *gateway_, context_.get_executor());
    gateway_->host(context_.get_executor(),
                   {.name = std::string(notification::kOperatorNoticeType),
                    .types = {JobTypeName(notification::kOperatorNoticeType)},
                    .slots = 2,
                    .handler = std::make_shared<notification::OperatorNoticeHandler>(
                        notifications_->channels())});
    tasks_.spawn(context_.get_executor(), "sample the queues",
                 sample_queues(runtime::LaneClient(*lane_), metrics_));
    if (auto done = start_relays(); !done) return done;
    http_->start();
    started_ = true;
    fill_summary();
    log_.info("server started", {{"url", summary_.url},
                                 {"job_types", summary_.types.size()},
                                 {"data", config_.store.data},
                                 {"development", config_.auth.credentials.empty()}});
    if (test_clock_) log_.warn("the clock is one for tests: /test/clock puts it forward");
    return {};
  }

  void stop() {
    if (stopped_) return;
    stopped_ = true;
    if (started_) log_.info("server stops", {{"connections", http_->connections()}});
    if (server_) server_->drain();
    bus_.drain();
    crash_point(CrashPoint::kDrain);
    if (!threads_.empty()) {
      webhooks_->stop();
      gateway_->drain(config_.server.drain_timeout);
      tasks_.cancel();
      const auto end = [this]() -> asio::awaitable<void> {
        co_await tasks_.join();
        co_await http_->stop(config_.server.drain_timeout);
        co_await server_->stop();
        co_await gateway_->stop(std::chrono::steady_clock::now() + config_.server.drain_timeout);
        // Last, so that what the others did still goes out.
        if (relays_) {
          relays_->stop();
          co_await relays_->join();
        }
      };
      asio::co_spawn(context_, end(), asio::use_future).wait();
    }
    crash_point(CrashPoint::kDrain);
    if (notifications_) notifications_->stop();
    if (handlers_) handlers_->stop();
    if (front_) front_->stop();
    requests_.stop();
    if (lane_) lane_->stop();
    crash_point(CrashPoint::kDrain);
    bus_.close();
    if (pool_) pool_->stop();
    work_.reset();
    context_.stop();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    if (started_) log_.info("server stopped");
  }

  Result<void> reload_credentials() {
    if (config_.auth.credentials.empty()) return {};
    const auto credentials = auth::load_credentials(config_.auth.credentials);
    if (!credentials) return std::unexpected(credentials.error());
    authenticator_->replace(*credentials);
    log_.info("credentials reloaded", {{"credentials", credentials->size()}});
    return {};
  }

  [[nodiscard]] const Summary& summary() const { return summary_; }

 private:
  [[nodiscard]] const Clock& clock() const {
    if (test_clock_) return *test_clock_;
    return machine_clock_;
  }

  Result<void> open_store() {
    const auto address = check_listen_address(config_);
    if (!address) return std::unexpected(address.error());
    address_ = *address;
    if (test_clock_ && !config_.auth.credentials.empty()) {
      return fail(ErrorCode::kConfigInvalid,
                  "--test-clock lets clients put the clock forward, which ends jobs and deletes "
                  "them: it works in development mode only. Leave out --credentials "
                  "(auth.credentials), or --test-clock");
    }

    contract::ContractOptions options;
    options.prefix = config_.schema.prefix;
    options.options_argument = config_.schema.options_argument;
    options.federation = config_.schema.federation;
    options.result_bytes_max = config_.worker.result_bytes_max;
    if (auto done = open_contract(std::move(options)); !done) return done;

    // Before anything is made on disk: a wrong file must not leave a half-made data directory.
    std::vector<auth::Credential> credentials;
    if (!config_.auth.credentials.empty()) {
      auto loaded = auth::load_credentials(config_.auth.credentials);
      if (!loaded) return std::unexpected(loaded.error());
      credentials = *std::move(loaded);
    }

    const auto folder = make_data_folder(config_.store.data);
    if (!folder) return std::unexpected(folder.error());
    const auto key_file = *folder / "master.key";
    summary_.first_start = !std::filesystem::exists(key_file);
    auto key = crypto::MasterKey::load_or_create(key_file, random_);
    if (!key) return std::unexpected(key.error());
    master_key_.emplace(*std::move(key));
    auto store = store::sqlite::open({.file = *folder / "errand.db",
                                      .readers = kReadConnections,
                                      .chain = store::EventChain(*master_key_),
                                      .log = log_});
    if (!store) return std::unexpected(store.error());
    store_ = *std::move(store);
    if (config_.auth.credentials.empty()) {
      summary_.tokens = auth::development_tokens(*master_key_);
      credentials = auth::development_credentials(*summary_.tokens);
    }
    authenticator_.emplace(credentials);
    return {};
  }

  Result<void> open_contract(contract::ContractOptions options) {
    std::vector<graphql::language::Source> sources;
    if (!config_.schema.files.empty() || config_.upstream.url.empty()) {
      auto files = read_schema_files(config_.schema.files);
      if (!files) return std::unexpected(files.error());
      sources = *std::move(files);
    }
    if (!config_.upstream.url.empty()) {
      if (auto opened = requests_.open(); !opened) return opened;
      auto upstream = load_upstream_schema(config_.upstream, requests_, log_);
      if (!upstream) return std::unexpected(upstream.error());
      upstream_schema_ = std::move(upstream->schema);
      sources.insert(sources.begin(),
                     {.body = std::move(upstream->sdl), .name = "schema of the upstream"});
      options.has_resolver = [this](std::string_view type, std::string_view field) {
        return is_upstreams(type, field);
      };
    }
    auto contract = build_contract(sources, options);
    if (!contract) return std::unexpected(contract.error());
    contract_ = *std::move(contract);
    return {};
  }

  /// Whether the upstream has that root field.
  [[nodiscard]] bool is_upstreams(std::string_view type, std::string_view field) const {
    const auto* named = upstream_schema_->type(type);
    const auto* object = named == nullptr ? nullptr : named->get_if<graphql::type::ObjectType>();
    return object != nullptr && object->field(field) != nullptr;
  }

  Result<void> check_schema() {
    auto affected = find_affected_types(*contract_, store_->reader());
    if (!affected) return std::unexpected(affected.error());
    std::erase_if(*affected, [](const AffectedType& type) { return !type.broken(); });
    if (affected->empty()) return {};
    switch (config_.schema.on_change) {
      case OnSchemaChange::kFail:
        return fail(
            ErrorCode::kSchemaIncompatible,
            fmt::format(
                "the schema breaks job types that still have live jobs:\n{}\n"
                "Let them end first under the old schema, or start with --on-change keep-old "
                "(they go on as they are) or --on-change drop (they are killed)",
                describe(*affected)));
      case OnSchemaChange::kKeepOld:
        log_.warn("live jobs of broken types are kept", {{"types", affected->size()}});
        return {};
      case OnSchemaChange::kDrop:
        to_drop_ = *std::move(affected);
        return {};
    }
    return {};
  }

  Result<void> load_webhooks() {
    if (auto opened = requests_.open(); !opened) return opened;
    webhooks_.emplace(
        notification::WebhookManager::Options{
            .endpoints = config_.webhooks.endpoints,
            .secret_generation = config_.webhooks.secret_generation,
            .public_url = config_.server.public_url,
            .retry_waits = config_.webhooks.retry_waits,
            .per_tenant_max = config_.webhooks.endpoints_per_tenant,
            .callback_hosts = config_.webhooks.callback_hosts},
        notification::WebhookManager::Means{.client = requests_.client(),
                                            .guard = requests_.guard(),
                                            .reader = store_->reader(),
                                            .pool = *pool_,
                                            .master_key = *master_key_,
                                            .clock = clock(),
                                            .random = random_,
                                            .metrics = metrics_},
        log_);
    if (auto done = tell_of_disabled_webhooks(); !done) return done;
    return webhooks_->load();
  }

  Result<void> tell_of_disabled_webhooks() {
    const std::string& name = config_.webhooks.notify_group;
    if (name.empty()) return {};
    const auto group = config_.notifications.groups.find(name);
    if (group == config_.notifications.groups.end()) {
      return fail(ErrorCode::kConfigInvalid,
                  fmt::format("webhooks.notify_group: there is no group \"{0}\"; make "
                              "[notifications.groups.{0}]",
                              name));
    }
    webhooks_->on_disabled(
        [this, &group = group->second](const notification::RegisteredWebhook& webhook) {
          for (auto& job : notification::disabled_webhook_notices(
                   webhook, group, master_key_->hmac_key(crypto::kPayloadDigestLabel))) {
            job.id = JobId{Uuid::v7(clock().now().wall, random_)};
            job.correlation_id = job.id.str();
            lane_->submit(std::move(job), [this](const Result<engine::Reply>& reply) {
              if (reply) return;
              log_.error("operators not told of a webhook endpoint that is disabled",
                         {{"error", reply.error().message}});
            });
          }
        });
    return {};
  }

  Result<void> load_notifications() {
    notifications_.emplace(config_.notifications, config_.server.public_url,
                           notification::Notifications::Means{.contract = *contract_,
                                                              .reader = store_->reader(),
                                                              .pool = *pool_,
                                                              .master_key = *master_key_,
                                                              .clock = clock(),
                                                              .random = random_,
                                                              .metrics = metrics_},
                           log_);
    if (auto done = notifications_->load(); !done) return done;
    return load_http_channels();
  }

  /// Channels whose messages the server posts.
  Result<void> load_http_channels() {
    const auto& settings = notifications_->settings();
    if (auto opened = requests_.open(); !opened) return opened;
    const notification::HttpChannelMeans means{
        .client = requests_.client(), .pool = *pool_, .clock = clock(), .random = random_};
    auto chat = notification::make_chat_channel(settings.chats, means);
    if (!chat) return std::unexpected(chat.error());
    if (*chat) notifications_->add_channel(contract::NotifyChannel::kChat, *std::move(chat));
    auto push = notification::make_web_push_channel(settings.web_push, *master_key_,
                                                    notifications_->subscriptions(), means, log_);
    if (!push) return std::unexpected(push.error());
    if (*push) notifications_->add_channel(contract::NotifyChannel::kWebPush, *std::move(push));
    return {};
  }

  void assemble() {
    const int wanted = config_.server.threads;
    thread_count_ = wanted > 0 ? static_cast<std::size_t>(wanted)
                               : std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 8);
    metrics_.gauge(telemetry::kBuildInfo, {ERRAND_VERSION}).set(1);
    metrics_.gauge(telemetry::kStartTime)
        .set(std::chrono::duration<double>(clock().now().wall.time_since_epoch()).count());
    job_types_.emplace(contract_, handlers_->types());

    worker::Gateway::Options gateway_options;
    gateway_options.result_bytes_max = config_.worker.result_bytes_max;
    gateway_options.lease = config_.worker.lease;
    gateway_options.heartbeat =
        std::min(gateway_options.heartbeat, config_.worker.lease / kHeartbeatsPerLease);
    gateway_options.server = "errand/" ERRAND_VERSION;
    gateway_options.lineage = store_->lineage();
    gateway_.emplace(gateway_options, worker::Gateway::Parts{.authenticator = *authenticator_,
                                                             .master_key = *master_key_,
                                                             .types = *job_types_,
                                                             .reader = store_->reader(),
                                                             .pool = *pool_,
                                                             .random = random_,
                                                             .log = log_,
                                                             .metrics = &metrics_});

    runtime::Lane::Options lane_options;
    lane_options.engine.lease = config_.worker.lease;
    lane_options.engine.queue_length_max = config_.limits.queue_length;
    lane_options.engine.limits = api::limits_of(*contract_);
    for (auto& limit : webhooks_->limits()) {
      lane_options.engine.limits.push_back(std::move(limit));
    }
    for (auto& limit : notification::webhook_catch_up_limits()) {
      lane_options.engine.limits.push_back(std::move(limit));
    }
    for (auto& limit : notifications_->limits()) {
      lane_options.engine.limits.push_back(std::move(limit));
    }
    webhook_reactor_.emplace(webhooks_->registry(), webhook_deliveries(), log_, metrics_);
    reactors_.add("errand.webhook", *webhook_reactor_);
    reactors_.add("errand.notify", notifications_->reactor());
    lane_options.engine.reactor = &reactors_;
    lane_.emplace(
        lane_options, *store_, bus_, clock(), random_,
        [this](std::vector<engine::Action> actions) { gateway_->deliver(std::move(actions)); },
        log_,
        runtime::LaneMetrics{.commit_seconds = metrics_.histogram(telemetry::kCommitDuration),
                             .commit_requests = metrics_.histogram(telemetry::kCommitCommands),
                             .jobs_pruned = metrics_.counter(telemetry::kJobsPruned)},
        CommitObserver(log_, metrics_));
    gateway_->attach(*lane_);
  }

  void host_handlers() {
    for (const auto& hosted : handlers_->hosted()) {
      gateway_->host(context_.get_executor(), hosted);
    }
  }

  Result<void> start_relays() {
    relays_.emplace(log_);
    const auto now = store_->reader().last_position();
    if (!now) return std::unexpected(now.error());
    for (const relay::RelaySettings& settings : config_.relays) {
      auto publisher = relay::make_publisher(settings);
      if (!publisher) return std::unexpected(publisher.error());
      relays_->add(std::make_unique<relay::Relay>(
          relay::Relay::Options{.name = settings.name,
                                .filter = settings.filter,
                                .from = settings.from,
                                .now = *now,
                                .window = settings.window,
                                .base_url = config_.server.public_url,
                                .lineage = store_->lineage()},
          relay::Relay::Means{.lane = runtime::LaneClient(*lane_),
                              .reader = store_->reader(),
                              .pool = *pool_,
                              .bus = bus_,
                              .random = random_,
                              .metrics = metrics_},
          *std::move(publisher), context_.get_executor(), log_));
    }
    relays_->start();
    return {};
  }

  [[nodiscard]] notification::WebhookDeliveryOptions webhook_deliveries() const {
    return {.payload_key = master_key_->hmac_key(crypto::kPayloadDigestLabel),
            .retry_waits = config_.webhooks.retry_waits};
  }

  void host_catch_ups() {
    const auto handler = std::make_shared<notification::WebhookCatchUpHandler>(
        notification::WebhookCatchUpHandler::Means{.endpoints = webhooks_->registry(),
                                                   .reader = store_->reader(),
                                                   .pool = *pool_,
                                                   .lane = runtime::LaneClient(*lane_),
                                                   .deliveries = webhook_deliveries(),
                                                   .clock = clock(),
                                                   .random = random_,
                                                   .metrics = metrics_},
        log_);
    for (const auto type : {notification::kCatchUpType, notification::kRecoveryType}) {
      gateway_->host(context_.get_executor(), {.name = std::string(type),
                                               .types = {JobTypeName(std::string(type))},
                                               .slots = kCatchUpSlots,
                                               .handler = handler});
    }
  }

  Result<void> bind_resolvers() {
    api::ApiOptions options;
    options.wait_for_max = config_.limits.wait_for;
    options.deferred_wait_max = config_.limits.deferred_result;
    options.input_bytes_max = config_.server.body_bytes_max;
    options.result_bytes_max = config_.worker.result_bytes_max;
    options.lineage = store_->lineage();
    if (test_clock_) options.clock_glance = kClockGlance;
    const auto backend =
        std::make_shared<api::Backend>(runtime::LaneClient(*lane_), store_->reader(), *pool_, bus_,
                                       contract_, *master_key_, clock(), random_, options);
    backend->webhooks = &*webhooks_;
    backend->notifications = &*notifications_;
    auto resolvers = api::make_resolvers(backend);
    if (!resolvers) return std::unexpected(resolvers.error());

    if (auto done = make_service(*std::move(resolvers)); !done) return done;
    if (auto done = make_front(); !done) return done;

    if (serves_graphiql(config_)) assets_ = page_assets();
    server::Server::Options server_options;
    server_options.http.status_profile = config_.graphql.status_profile;
    server_options.http.read.batch_max = config_.graphql.batch_max;
    server_options.http.read.batch_tokens_max = config_.limits.graphql.tokens_max;
    server_options.http.read.cross_site = config_.graphql.cross_site;
    server_options.http.request_timeout = config_.limits.request_timeout + config_.limits.wait_for;
    server_options.web_socket.request_timeout = server_options.http.request_timeout;
    server_options.http.heartbeat = config_.graphql.heartbeat;
    server_options.web_socket.incremental = config_.graphql.websocket_increments;
    server_options.web_socket.socket.message_bytes_max = config_.server.body_bytes_max;
    server_.emplace(
        server::Server::Dependencies{
            .graphql = {.service = *service_,
                        .authenticator = &*authenticator_,
                        .make_context =
                            [this](server::RequestInfo info) {
                              return make_context(std::move(info));
                            },
                        .clock = clock(),
                        .random = random_,
                        .log = log_,
                        .metrics = &metrics_,
                        .front = front_.get(),
                        .forward_headers = api::forwarded_header_names(*contract_)},
            .readiness =
                [this] {
                  return std::vector<server::HealthCheck>{
                      {.name = "store",
                       .ok = lane_->healthy(),
                       .reason = "the store is being reopened"}};
                },
            .assets = assets_},
        server_options);
    server_->add_routes(router_);
    server::add_document_routes(router_, "/schemas/", schema_documents());
    add_unsubscribe_pages(router_, {.links = notifications_->links(),
                                    .users = notifications_->users(),
                                    .pool = *pool_,
                                    .lane = runtime::LaneClient(*lane_),
                                    .title = [this](std::string_view name) {
                                      return notifications_->category_title(name);
                                    }});
    gateway_->add_routes(router_);
    add_scaling_route(router_, runtime::LaneClient(*lane_), *authenticator_);
    if (test_clock_) add_test_clock_routes(router_, *test_clock_, *lane_, *authenticator_);
    auto cors = server::Cors::create(router_, cors_options());
    if (!cors) {
      return fail(cors.error().code, "cors.origins: " + cors.error().message);
    }
    cors_ = *std::move(cors);
    return {};
  }

  Result<void> make_front() {
    if (config_.upstream.url.empty()) return {};
    std::vector<std::string> replaced;
    for (const auto& form : config_.upstream.jobs) {
      if (form.replace) replaced.push_back(form.mutation);
    }
    std::optional<upstream::Identity::Options> identity;
    if (const auto& asked = config_.upstream.identity; !asked.query.empty()) {
      identity = {.query = asked.query,
                  .subject = asked.subject,
                  .tenant = asked.tenant,
                  .scopes = asked.scopes,
                  .queues = {asked.queues.begin(), asked.queues.end()},
                  .headers = asked.headers};
    }
    auto front = upstream::Front::create(
        {.http = {.url = config_.upstream.url,
                  .timeout = config_.upstream.timeout,
                  .idle_timeout = config_.upstream.idle_timeout,
                  .requests_max = config_.upstream.requests_max,
                  .ca_file = config_.outbound.ca_file},
         .web_socket = {},
         .web_socket_url = config_.upstream.websocket_url,
         .identity = std::move(identity)},
        upstream::RootFields::between(service_->schema(), *upstream_schema_, replaced, {}), log_,
        &metrics_);
    if (!front) return fail(front.error().code, "upstream." + front.error().message);
    front_ = *std::move(front);
    return {};
  }

  Result<void> make_service(graphql::execution::Resolvers resolvers) {
    service_.emplace(
        std::move(resolvers),
        graphql::request::Service::Options{
            .limits = config_.limits.graphql,
            .cache_bytes_max = config_.graphql.document_cache_bytes_max,
            .persisted_queries_bytes_max = config_.graphql.persisted_queries_bytes_max,
            .trusted_documents_mode = config_.graphql.trusted_documents_mode,
            .on_warning = [this](ErrorCode limit) {
              metrics_.counter(telemetry::kGraphqlLimitWarnings, {to_string(limit)}).add();
              log_.warn_limited("request over a limit let pass", {{"limit", limit}});
            }});
    document_cache_metrics_ = export_document_cache(metrics_, *service_);
    const std::string& file = config_.graphql.trusted_documents;
    if (file.empty()) {
      if (config_.graphql.trusted_documents_mode == TrustedDocumentsMode::kRequire) {
        return fail(ErrorCode::kConfigInvalid,
                    "graphql.trusted_documents_mode is \"require\", but there is no manifest; name "
                    "it in graphql.trusted_documents");
      }
      return {};
    }
    const auto in_file = [&](const Error& error) {
      return fail(error.code, fmt::format("{}: {}", file, error.message));
    };
    const auto text = read_text_file(file, ErrorCode::kConfigInvalid);
    if (!text) return std::unexpected(text.error());
    const auto documents = graphql::request::parse_trusted_documents(*text);
    if (!documents) return in_file(documents.error());
    if (const auto done = service_->trust(*documents); !done) return in_file(done.error());
    log_.info("trusted documents loaded", {{"documents", documents->size()}});
    return {};
  }

  /// Pages may send what jobs carry on.
  [[nodiscard]] server::Cors::Options cors_options() const {
    server::Cors::Options options = config_.cors;
    for (const std::string& name : api::forwarded_header_names(*contract_)) {
      const auto is_name = [&](const std::string& other) {
        return net::equals_ignoring_case(name, other);
      };
      if (std::ranges::none_of(options.headers, is_name)) options.headers.push_back(name);
    }
    return options;
  }

  std::shared_ptr<graphql::execution::RequestContext> make_context(server::RequestInfo info) const {
    auto context = std::make_shared<api::Context>();
    context->principal = std::move(info.principal);
    context->request_id = std::move(info.request_id);
    context->traceparent = info.trace.traceparent();
    context->correlation_id = std::move(info.correlation_id);
    context->idempotency_key = std::move(info.idempotency_key);
    context->last_event_id = std::move(info.last_event_id);
    context->batch_index = info.batch_index;
    context->forwarded_headers = std::move(info.forwarded_headers);
    // A token of ours is for us: it goes to no other server.
    std::erase_if(context->forwarded_headers, [this](const auto& header) {
      return header.first == "authorization" && authenticator_->authenticate_header(header.second);
    });
    context->deadline = info.deadline;
    context->clock = &clock();
    return context;
  }

  Result<void> listen() {
    net::HttpServer::Options options;
    options.address = address_;
    options.port = config_.server.port;
    // A worker that polls reports its result in a body, with a frame around it.
    options.body_bytes_max =
        std::max(config_.server.body_bytes_max, config_.worker.result_bytes_max + kReportBytes);
    options.connections_max = config_.server.connections_max;
    options.gzip_bytes_min = config_.server.gzip_bytes_min;
    auto http = net::HttpServer::listen(context_.get_executor(), options, *cors_, log_, &metrics_);
    if (!http) return std::unexpected(http.error());
    http_ = *std::move(http);
    return {};
  }

  void run_threads() {
    for (std::size_t i = 0; i < thread_count_; ++i) {
      threads_.emplace_back([this] { context_.run(); });
    }
  }

  /// on_change = drop: ends the live jobs of types that the schema broke.
  Result<void> drop_broken_jobs() {
    for (const auto& type : to_drop_) {
      std::size_t dropped = 0;
      const auto counts = store_->reader().counts(std::nullopt);
      if (!counts) return std::unexpected(counts.error());
      for (const auto& count : *counts) {
        if (count.type != type.type || count.contract_hash != type.contract_hash ||
            job::is_terminal(count.status))
          continue;
        const auto jobs = jobs_to_drop(count);
        if (!jobs) return std::unexpected(jobs.error());
        for (const JobId id : *jobs) {
          if (auto killed = kill(id); !killed) return killed;
          ++dropped;
        }
      }
      log_.warn("live jobs of a broken type were killed",
                {{"job_type", type.type.view()}, {"jobs", dropped}});
    }
    to_drop_.clear();
    return {};
  }

  Result<std::vector<JobId>> jobs_to_drop(const store::JobCount& count) const {
    constexpr std::size_t kPage = 500;
    const store::JobFilter filter{.tenant = count.tenant,
                                  .statuses = {count.status},
                                  .types = {count.type},
                                  .queues = {count.queue}};
    store::JobPage page{.order = store::JobOrder::kOldestFirst, .limit = kPage};
    std::vector<JobId> ids;
    while (true) {
      const auto jobs = store_->reader().jobs(filter, page);
      if (!jobs) return std::unexpected(jobs.error());
      for (const auto& state : *jobs) {
        if (state->spec.contract_hash == count.contract_hash) ids.push_back(state->id);
      }
      if (jobs->size() < kPage) return ids;
      page.after = store::JobCursor{jobs->back()->created_at, jobs->back()->id};
    }
  }

  Result<void> kill(JobId id) {
    std::promise<Result<engine::Reply>> answered;
    lane_->submit(
        engine::CommandJob{
            .id = id,
            .command = job::Kill{.message = "The schema no longer has this type of job."},
            .actor = {.kind = job::ActorKind::kSystem}},
        [&](Result<engine::Reply> reply) { answered.set_value(std::move(reply)); });
    const auto reply = answered.get_future().get();
    if (!reply && reply.error().code != ErrorCode::kJobEnded) return std::unexpected(reply.error());
    return {};
  }

  void fill_summary() {
    summary_.url = "http://" + http_->address();
    summary_.port = http_->port();
    summary_.data = config_.store.data;
    summary_.upstream = config_.upstream.url;
    summary_.graphiql = !assets_.empty();
    for (const auto& type : contract_->job_types()) summary_.types.push_back(type.name.str());
  }

  const Config config_;
  const telemetry::Log log_;
  const SystemClock machine_clock_;
  std::optional<TestClock> test_clock_;  ///< in place of the machine's
  SystemRandom random_;
  Summary summary_;
  std::string address_;
  std::vector<AffectedType> to_drop_;
  std::size_t thread_count_ = 1;
  bool started_ = false;
  bool stopped_ = false;

  telemetry::Metrics metrics_;
  OutboundRequests requests_{config_, metrics_};
  std::shared_ptr<const graphql::type::Schema> upstream_schema_;  ///< null without an upstream
  std::shared_ptr<const contract::Contract> contract_;
  std::optional<crypto::MasterKey> master_key_;
  std::optional<auth::Authenticator> authenticator_;
  std::unique_ptr<store::Store> store_;
  runtime::EventBus bus_;
  async::TaskGroup tasks_;
  std::vector<worker::Gateway::Hosted> given_handlers_;
  std::optional<async::BlockingPool> pool_;
  std::optional<worker::CredentialStore> credentials_;
  std::optional<HostedHandlers> handlers_;
  std::optional<worker::ContractJobTypes> job_types_;
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::optional<notification::WebhookManager> webhooks_;
  std::optional<worker::Gateway> gateway_;
  std::optional<notification::WebhookReactor> webhook_reactor_;
  std::optional<notification::Notifications> notifications_;
  engine::ReactorList reactors_;
  std::optional<runtime::Lane> lane_;
  std::optional<relay::RelaySet> relays_;
  std::optional<graphql::request::Service> service_;
  std::shared_ptr<void> document_cache_metrics_;
  std::unique_ptr<upstream::Front> front_;
  std::vector<server::Asset> assets_;
  std::optional<server::Server> server_;
  net::Router router_;
  std::unique_ptr<server::Cors> cors_;
  std::unique_ptr<net::HttpServer> http_;
  std::vector<std::thread> threads_;
};

App::App(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
App::~App() = default;

Result<std::unique_ptr<App>> App::start(const Config& config, const Options& options,
                                        telemetry::Log log) {
  auto impl = std::make_unique<Impl>(config, options, std::move(log));
  if (auto done = impl->start(); !done) return std::unexpected(done.error());
  return std::unique_ptr<App>(new App(std::move(impl)));
}

const App::Summary& App::summary() const { return impl_->summary(); }
Result<void> App::reload_credentials() { return impl_->reload_credentials(); }
void App::stop() { impl_->stop(); }

}  // namespace errand::app
