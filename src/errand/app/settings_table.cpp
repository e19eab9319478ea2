#include "errand/app/settings_table.h"

#include <chrono>

#include "errand/app/notification_settings.h"
#include "errand/app/object_settings.h"
#include "errand/app/relay_setting_tables.h"
#include "errand/base/time_text.h"

namespace errand::app {
namespace {

void add_graphql_settings(std::vector<Setting>& t) {
  using namespace std::chrono_literals;
  using graphql::request::LimitsMode;
  t.push_back(choice_setting<server::StatusProfile>(
      "graphql.status_profile", "",
      "HTTP statuses by the public audits (audit) or by the draft of August 2026 (draft)",
      [](Config& c) -> server::StatusProfile& { return c.graphql.status_profile; },
      {{"audit", server::StatusProfile::kAudit}, {"draft", server::StatusProfile::kDraft}}));
  t.push_back(number_setting<std::size_t>(
      "graphql.batch_max", "", "requests of one HTTP batch; 0 refuses batches",
      [](Config& c) -> std::size_t& { return c.graphql.batch_max; }, 0, 10));
  t.push_back(duration_setting(
      "graphql.heartbeat", "", "between two signs of life on an event stream or multipart answer",
      [](Config& c) -> Milliseconds& { return c.graphql.heartbeat; }, 1s, 10min));
  t.push_back(choice_setting<graphql::request::IncrementalFormat>(
      "graphql.websocket_increments", "",
      "increments over WebSocket, where the client does not say: v0.2 or 20220824",
      [](Config& c) -> graphql::request::IncrementalFormat& {
        return c.graphql.websocket_increments;
      },
      {{"v0.2", graphql::request::IncrementalFormat::kDraft},
       {"20220824", graphql::request::IncrementalFormat::k20220824}}));
  t.push_back(switch_setting("graphql.csrf",
                             "refuse a GET that another site's page could have sent: on or off",
                             [](Config& c) -> bool& { return c.graphql.cross_site.enabled; }));
  t.push_back(list_setting("graphql.csrf_headers", "",
                           "headers which show that a GET came from no other site's page",
                           [](Config& c) -> TextList& { return c.graphql.cross_site.headers; }));
  t.push_back(bytes_setting(
      "graphql.document_cache_bytes_max", "", "memory for parsed documents; 0 keeps none",
      [](Config& c) -> std::size_t& { return c.graphql.document_cache_bytes_max; }, 0, 1 << 30));
  t.push_back(bytes_setting(
      "graphql.persisted_queries_bytes_max", "",
      "memory for automatic persisted queries; 0 switches them off",
      [](Config& c) -> std::size_t& { return c.graphql.persisted_queries_bytes_max; }, 0, 1 << 30));
  t.push_back(text_setting(
      "graphql.trusted_documents", "", "manifest of trusted documents (JSON)",
      [](Config& c) -> std::string& { return c.graphql.trusted_documents; }, Setting::Kind::kPath));
  t.push_back(choice_setting<TrustedDocumentsMode>(
      "graphql.trusted_documents_mode", "",
      "allow other documents too, or require that a document is in the manifest",
      [](Config& c) -> TrustedDocumentsMode& { return c.graphql.trusted_documents_mode; },
      {{"allow", TrustedDocumentsMode::kAllow}, {"require", TrustedDocumentsMode::kRequire}}));
  t.push_back(switch_setting("graphql.introspection", "answer __schema and __type: on or off",
                             [](Config& c) -> bool& { return c.limits.graphql.introspection; }));
  t.push_back(switch_setting("graphql.suggestions",
                             "\"Did you mean\" in errors: on or off; off without introspection",
                             [](Config& c) -> bool& { return c.limits.graphql.suggestions; }));
  t.push_back(choice_setting<LimitsMode>(
      "limits.mode", "",
      "enforce the limits on GraphQL documents, or warn: count and log, and let them pass",
      [](Config& c) -> LimitsMode& { return c.limits.graphql.mode; },
      {{"enforce", LimitsMode::kEnforce}, {"warn", LimitsMode::kWarn}}));
  t.push_back(bytes_setting(
      "limits.query_bytes", "", "text of one GraphQL document; 0 is no limit",
      [](Config& c) -> std::size_t& { return c.limits.graphql.query_bytes_max; }, 0, 64 << 20));
  t.push_back(limit_setting(
      "limits.tokens", "tokens of one GraphQL document",
      [](Config& c) -> std::size_t& { return c.limits.graphql.tokens_max; }, 10));
  t.push_back(number_setting<std::size_t>(
      "limits.recursion", "", "nesting that the parser follows, fragments put in place",
      [](Config& c) -> std::size_t& { return c.limits.graphql.recursion_max; }, 10, 1'000));
  t.push_back(number_setting<std::size_t>(
      "limits.depth", "", "nesting of selection sets; introspection has its own limit",
      [](Config& c) -> std::size_t& { return c.limits.graphql.depth_max; }, 1, 1'000));
  t.push_back(limit_setting(
      "limits.introspection_depth", "nesting below __schema and __type; 0 is no limit",
      [](Config& c) -> std::size_t& { return c.limits.graphql.introspection_depth_max; }));
  t.push_back(limit_setting("limits.height", "fields of one operation; 0 is no limit",
                            [](Config& c) -> std::size_t& { return c.limits.graphql.height_max; }));
  t.push_back(
      limit_setting("limits.aliases", "aliases of one operation; 0 is no limit",
                    [](Config& c) -> std::size_t& { return c.limits.graphql.aliases_max; }));
  t.push_back(
      limit_setting("limits.root_fields", "root fields of one operation; 0 is no limit",
                    [](Config& c) -> std::size_t& { return c.limits.graphql.root_fields_max; }));
  t.push_back(limit_setting(
      "limits.mutation_root_fields", "root fields of one mutation; 0 is no limit",
      [](Config& c) -> std::size_t& { return c.limits.graphql.mutation_root_fields_max; }));
  t.push_back(
      limit_setting("limits.directives", "directives of one document; 0 is no limit",
                    [](Config& c) -> std::size_t& { return c.limits.graphql.directives_max; }));
  t.push_back(number_setting<std::size_t>(
      "limits.cost", "", "cost of one operation (@cost, @listSize); 0 is no limit",
      [](Config& c) -> std::size_t& { return c.limits.graphql.cost_max; }, 0, 1'000'000'000));
  t.push_back(
      limit_setting("limits.list_size", "items that a list is asked for; 0 is no limit",
                    [](Config& c) -> std::size_t& { return c.limits.graphql.list_size_max; }));
  t.push_back(limit_setting(
      "limits.assumed_list_size", "items that a list of objects without @listSize counts as",
      [](Config& c) -> std::size_t& { return c.limits.graphql.assumed_list_size; }));
}

void add_upstream_settings(std::vector<Setting>& t) {
  using namespace std::chrono_literals;
  t.push_back(text_setting("upstream.url", "--upstream",
                           "GraphQL endpoint of a server to stand in front of",
                           [](Config& c) -> std::string& { return c.upstream.url; }));
  t.push_back(text_setting(
      "upstream.schema", "--upstream-schema",
      "SDL file with that server's schema; it is asked over introspection where there is none",
      [](Config& c) -> std::string& { return c.upstream.schema; }, Setting::Kind::kPath));
  t.push_back({"upstream.jobs", "--job",
               "mutations of that server that can be had as jobs; a table for each says more",
               Setting::Kind::kTexts,
               [](Config& config, Texts texts) -> Result<void> {
                 config.upstream.jobs.clear();
                 for (const std::string& text : texts) {
                   config.upstream.jobs.push_back({.mutation = text});
                 }
                 return {};
               },
               show_job_forms, read_job_forms});
  t.push_back(list_setting("upstream.forward_headers", "",
                           "headers of clients that go along with their jobs, kept encrypted",
                           [](Config& c) -> TextList& { return c.upstream.forward_headers; }));
  t.push_back(text_setting(
      "upstream.headers_file", "",
      "file of further headers, one a line, for jobs and introspection; a forwarded one outranks "
      "it",
      [](Config& c) -> std::string& { return c.upstream.headers_file; }, Setting::Kind::kPath));
  t.push_back(text_setting("upstream.on_behalf_of", "",
                           "header that tells the server on whose behalf a job runs",
                           [](Config& c) -> std::string& { return c.upstream.on_behalf_of; }));
  t.push_back(list_setting("upstream.transient", "",
                           "codes of the server's errors after which a job is tried again",
                           [](Config& c) -> TextList& { return c.upstream.transient; }));
  t.push_back(list_setting("upstream.permanent", "", "codes of the server's errors that end a job",
                           [](Config& c) -> TextList& { return c.upstream.permanent; }));
  t.push_back(text_setting("upstream.websocket_url", "",
                           "where that server takes WebSockets (ws or wss), if not at upstream.url",
                           [](Config& c) -> std::string& { return c.upstream.websocket_url; }));
  t.push_back(duration_setting(
      "upstream.timeout", "", "longest wait for its answer to what is passed on",
      [](Config& c) -> Milliseconds& { return c.upstream.timeout; }, 100ms, 1h));
  t.push_back(duration_setting(
      "upstream.idle_timeout", "", "longest wait for the next piece of such an answer",
      [](Config& c) -> Milliseconds& { return c.upstream.idle_timeout; }, 100ms, 24h));
  t.push_back(number_setting<std::size_t>(
      "upstream.requests_max", "", "requests passed on at once, streams included",
      [](Config& c) -> std::size_t& { return c.upstream.requests_max; }, 1, 100'000));
  t.push_back(text_setting("upstream.identity.query", "",
                           "query by which that server says who sends a request",
                           [](Config& c) -> std::string& { return c.upstream.identity.query; }));
  t.push_back(text_setting("upstream.identity.subject", "",
                           "where its answer has the id of who that is, such as \"viewer.id\"",
                           [](Config& c) -> std::string& { return c.upstream.identity.subject; }));
  t.push_back(text_setting("upstream.identity.tenant", "",
                           "where it has the id of the tenant; empty: all are of \"default\"",
                           [](Config& c) -> std::string& { return c.upstream.identity.tenant; }));
  t.push_back(list_setting("upstream.identity.scopes", "", "what such a client may do here",
                           [](Config& c) -> TextList& { return c.upstream.identity.scopes; }));
  t.push_back(list_setting("upstream.identity.queues", "",
                           "queues that such a client may use; none named: all",
                           [](Config& c) -> TextList& { return c.upstream.identity.queues; }));
  t.push_back(list_setting("upstream.identity.headers", "",
                           "headers of a request that are credentials, and go along",
                           [](Config& c) -> TextList& { return c.upstream.identity.headers; }));
}

void add_webhook_settings(std::vector<Setting>& t) {
  t.push_back({"webhooks.endpoints", "",
               "where events are posted to: a table for each, [webhooks.endpoints.NAME]",
               Setting::Kind::kTexts,
               [](Config&, Texts) -> Result<void> {
                 return fail(ErrorCode::kConfigInvalid,
                             "endpoints are tables of errand.toml: [webhooks.endpoints.NAME]");
               },
               show_endpoints, read_endpoints});
  t.push_back(number_setting<int>(
      "webhooks.secret_generation", "",
      "generation of the secrets that webhooks are signed with; signatures of the one before are "
      "sent too",
      [](Config& c) -> int& { return c.webhooks.secret_generation; }, 1, 1'000'000));
  t.push_back({"webhooks.retry_schedule", "",
               "waits before the second and each further attempt of a delivery, each a fifth "
               "earlier or later: as many attempts as waits, and one",
               Setting::Kind::kTexts,
               [](Config& config, Texts texts) -> Result<void> {
                 if (texts.empty() || texts.size() > notification::kWebhookWaitsMax) {
                   return fail(ErrorCode::kConfigInvalid, "give 1 to 50 waits");
                 }
                 std::vector<Milliseconds> waits;
                 for (const std::string& text : texts) {
                   const auto wait = parse_duration(text);
                   if (!wait) return std::unexpected(wait.error());
                   if (*wait < std::chrono::milliseconds(100) || *wait > std::chrono::hours(72)) {
                     return fail(ErrorCode::kConfigInvalid, "a wait is 100ms to 72h, not " + text);
                   }
                   waits.push_back(*wait);
                 }
                 config.webhooks.retry_waits = std::move(waits);
                 return {};
               },
               [](const Config& config) {
                 std::vector<std::string> texts;
                 for (const Milliseconds wait : config.webhooks.retry_waits) {
                   texts.push_back("\"" + format_duration(wait) + "\"");
                 }
                 return fmt::format("[{}]", fmt::join(texts, ", "));
               }});
  t.push_back({"webhooks.callback_hosts", "",
               "hosts that jobs of a tenant may name in options.callback: a list for each tenant",
               Setting::Kind::kTexts,
               [](Config&, Texts) -> Result<void> {
                 return fail(ErrorCode::kConfigInvalid,
                             "hosts are lists of errand.toml: [webhooks.callback_hosts] "
                             "acme = [\"hooks.example.com\"]");
               },
               show_callback_hosts, read_callback_hosts});
  t.push_back(
      text_setting("webhooks.notify_group", "",
                   "group of notifications.groups that is told when an endpoint is disabled",
                   [](Config& c) -> std::string& { return c.webhooks.notify_group; }));
  t.push_back(number_setting<std::size_t>(
      "webhooks.endpoints_per_tenant", "",
      "endpoints that a tenant may make by createWebhookEndpoint; 0: none",
      [](Config& c) -> std::size_t& { return c.webhooks.endpoints_per_tenant; }, 0, 1'000));
}

/// A setting that is tables of errand.toml alone.
Setting relay_setting(std::string_view key, std::string_view help,
                      std::string (*show)(const Config&),
                      Result<void> (*read)(Config&, const toml::table&)) {
  return {key,
          "",
          help,
          Setting::Kind::kTexts,
          [key](Config&, Texts) -> Result<void> {
            return fail(ErrorCode::kConfigInvalid,
                        fmt::format("relays are tables of errand.toml: [{}.NAME]", key));
          },
          show,
          read};
}

void add_relay_settings(std::vector<Setting>& t) {
  t.push_back(relay_setting("relay.nats",
                            "streams of NATS JetStream that events are relayed to: "
                            "a table for each, [relay.nats.NAME]",
                            show_nats_relays, read_nats_relays));
  t.push_back(relay_setting("relay.amqp",
                            "AMQP exchanges that events are relayed to: a table for "
                            "each, [relay.amqp.NAME]",
                            show_amqp_relays, read_amqp_relays));
}

void add_way_settings(std::vector<Setting>& t) {
  t.push_back(list_setting("outbound.allow", "",
                           "subnets, addresses and host names that requests of the server may "
                           "reach in spite of being internal, such as \"10.1.0.0/16\"",
                           [](Config& c) -> TextList& { return c.outbound.guard.allow; }));
  t.push_back(list_setting("outbound.deny", "", "subnets and addresses that they may never reach",
                           [](Config& c) -> TextList& { return c.outbound.guard.deny; }));
  t.push_back({"outbound.ports", "", "ports that they may use", Setting::Kind::kTexts,
               [](Config& config, Texts texts) -> Result<void> {
                 std::vector<std::uint16_t> ports;
                 for (const std::string& text : texts) {
                   const auto port = read_integer<std::uint16_t>(text, 1, 65'535);
                   if (!port) return std::unexpected(port.error());
                   ports.push_back(*port);
                 }
                 config.outbound.guard.ports = std::move(ports);
                 return {};
               },
               [](const Config& config) {
                 return fmt::format("[\"{}\"]", fmt::join(config.outbound.guard.ports, "\", \""));
               }});
  t.push_back(switch_setting("outbound.http", "whether they may go without TLS: on or off",
                             [](Config& c) -> bool& { return c.outbound.guard.allow_http; }));
  t.push_back(text_setting(
      "outbound.ca_file", "", "certificates to trust instead of the system's (PEM)",
      [](Config& c) -> std::string& { return c.outbound.ca_file; }, Setting::Kind::kPath));
  t.push_back(number_setting<int>(
      "outbound.secret_generation", "",
      "generation of the secrets that push is signed with; signatures of the one before are sent "
      "too",
      [](Config& c) -> int& { return c.outbound.secret_generation; }, 1, 1'000'000));
  t.push_back(choice_setting<RunCommandsBy>(
      "sandbox.run_by", "--sandbox-run-by",
      "server, or worker: leave commands to `errand worker run` on other machines",
      [](Config& c) -> RunCommandsBy& { return c.sandbox.run_by; },
      {{"server", RunCommandsBy::kServer}, {"worker", RunCommandsBy::kWorker}}));
  t.push_back(text_setting("sandbox.user", "--sandbox-user",
                           "user that commands run as; needed where their runner is root",
                           [](Config& c) -> std::string& { return c.sandbox.user; }));
  t.push_back(text_setting(
      "sandbox.bubblewrap", "--sandbox-bubblewrap",
      "the program bwrap, for commands of the profile ISOLATED",
      [](Config& c) -> std::string& { return c.sandbox.bubblewrap; }, Setting::Kind::kPath));
  t.push_back(text_setting(
      "sandbox.scratch", "--sandbox-scratch",
      "folder in which the private folders of commands are made",
      [](Config& c) -> std::string& { return c.sandbox.scratch; }, Setting::Kind::kPath));
  t.push_back(text_setting(
      "sandbox.cgroup", "--sandbox-cgroup",
      "control group (v2) handed over to Errand, for limits on the memory of whole commands",
      [](Config& c) -> std::string& { return c.sandbox.cgroup; }, Setting::Kind::kPath));
}

}  // namespace

const std::vector<Setting>& settings_table() {
  using namespace std::chrono_literals;
  static const std::vector<Setting> rows = [] {
    std::vector<Setting> t;
    t.push_back(text_setting("server.listen", "--listen",
                             "address to bind; other than loopback only with auth.credentials",
                             [](Config& c) -> std::string& { return c.server.listen; }));
    t.push_back(number_setting<std::uint16_t>(
        "server.port", "--port", "port to bind; 0 takes a free one and prints it",
        [](Config& c) -> std::uint16_t& { return c.server.port; }, 0, 65'535));
    t.push_back(number_setting<int>(
        "server.threads", "--threads", "threads that serve connections; 0 is one a core, at most 8",
        [](Config& c) -> int& { return c.server.threads; }, 0, 256));
    t.push_back(bytes_setting(
        "server.body_bytes_max", "", "largest request body",
        [](Config& c) -> std::size_t& { return c.server.body_bytes_max; }, 1'024, 64 << 20));
    t.push_back(number_setting<std::size_t>(
        "server.connections_max", "", "open connections; more are refused",
        [](Config& c) -> std::size_t& { return c.server.connections_max; }, 1, 1'000'000));
    t.push_back(duration_setting(
        "server.drain_timeout", "", "longest wait for running requests at shutdown",
        [](Config& c) -> Milliseconds& { return c.server.drain_timeout; }, 0ms, 10min));
    t.push_back(choice_setting<ServeGraphiql>(
        "server.graphiql", "", "serve the page /graphiql: on, off, or auto (in development mode)",
        [](Config& c) -> ServeGraphiql& { return c.server.graphiql; },
        {{"auto", ServeGraphiql::kAuto},
         {"on", ServeGraphiql::kOn},
         {"off", ServeGraphiql::kOff}}));
    t.push_back(bytes_setting(
        "server.gzip_bytes_min", "", "shortest answer that is packed with gzip; 0 packs none",
        [](Config& c) -> std::size_t& { return c.server.gzip_bytes_min; }, 0, 64 << 20));
    t.push_back(text_setting(
        "server.public_url", "",
        "address under which others reach this server, such as \"https://errand.example\"",
        [](Config& c) -> std::string& { return c.server.public_url; }));
    t.push_back(list_setting("cors.origins", "",
                             "origins whose pages may use GraphQL, such as \"https://app.example\"",
                             [](Config& c) -> TextList& { return c.cors.origins; }));
    t.push_back(choice_setting<bool>(
        "cors.credentials", "", "whether those pages may send cookies: on or off",
        [](Config& c) -> bool& { return c.cors.credentials; }, {{"on", true}, {"off", false}}));
    t.push_back(list_setting("cors.headers", "", "request headers that those pages may set",
                             [](Config& c) -> TextList& { return c.cors.headers; }));
    t.push_back(duration_setting(
        "cors.max_age", "", "how long a browser may keep the answer to a preflight",
        [](Config& c) -> Milliseconds& { return c.cors.max_age; }, 0ms, 24h));
    t.push_back(list_setting(
        "schema.files", "--schema", "SDL files, in order; the flag may be repeated",
        [](Config& c) -> TextList& { return c.schema.files; }, Setting::Kind::kPaths));
    t.push_back(text_setting("schema.prefix", "",
                             "put before the names of Errand's own types and fields",
                             [](Config& c) -> std::string& { return c.schema.prefix; }));
    t.push_back(text_setting("schema.options_argument", "",
                             "name of the argument that takes JobOptions",
                             [](Config& c) -> std::string& { return c.schema.options_argument; }));
    t.push_back(choice_setting<bool>(
        "schema.federation", "",
        "on or off: be a federation subgraph even where the schema has no @link of federation",
        [](Config& c) -> bool& { return c.schema.federation; }, {{"off", false}, {"on", true}}));
    t.push_back(choice_setting<OnSchemaChange>(
        "schema.on_change", "--on-change",
        "fail, keep-old or drop: what to do when the schema breaks a type with live jobs",
        [](Config& c) -> OnSchemaChange& { return c.schema.on_change; },
        {{"fail", OnSchemaChange::kFail},
         {"keep-old", OnSchemaChange::kKeepOld},
         {"drop", OnSchemaChange::kDrop}}));
    add_upstream_settings(t);
    add_webhook_settings(t);
    add_notification_settings(t);
    add_relay_settings(t);
    t.push_back(text_setting(
        "store.data", "--data", "directory of the database and the master key",
        [](Config& c) -> std::string& { return c.store.data; }, Setting::Kind::kPath));
    t.push_back(text_setting(
        "auth.credentials", "--credentials",
        "credentials file; without one the server is in development mode",
        [](Config& c) -> std::string& { return c.auth.credentials; }, Setting::Kind::kPath));
    t.push_back(duration_setting(
        "worker.lease", "", "how long a job stays with a worker that does not report",
        [](Config& c) -> Milliseconds& { return c.worker.lease; }, 1s, 1h));
    t.push_back(bytes_setting(
        "worker.result_bytes_max", "", "largest result of a job",
        [](Config& c) -> std::size_t& { return c.worker.result_bytes_max; }, 1'024, 64 << 20));
    add_way_settings(t);
    add_graphql_settings(t);
    t.push_back(duration_setting(
        "limits.request_timeout", "",
        "longest work on one request; JobOptions.waitFor and open streams do not count",
        [](Config& c) -> Milliseconds& { return c.limits.request_timeout; }, 100ms, 1h));
    t.push_back(number_setting<std::size_t>(
        "limits.queue_length", "", "waiting jobs of one queue; more are refused with QUEUE_FULL",
        [](Config& c) -> std::size_t& { return c.limits.queue_length; }, 1, 1'000'000'000));
    t.push_back(duration_setting(
        "limits.wait_for", "", "longest waitFor, of JobOptions and of job",
        [](Config& c) -> Milliseconds& { return c.limits.wait_for; }, 0ms, 10min));
    t.push_back(duration_setting(
        "limits.deferred_result", "", "longest that `... @defer { result }` waits for its job",
        [](Config& c) -> Milliseconds& { return c.limits.deferred_result; }, 0ms, 24h));
    t.push_back(choice_setting<telemetry::LogLevel>(
        "log.level", "--log-level", "debug, info, warn, error or off",
        [](Config& c) -> telemetry::LogLevel& { return c.log.level; },
        {{"debug", telemetry::LogLevel::kDebug},
         {"info", telemetry::LogLevel::kInfo},
         {"warn", telemetry::LogLevel::kWarn},
         {"error", telemetry::LogLevel::kError},
         {"off", telemetry::LogLevel::kOff}}));
    t.push_back(choice_setting<telemetry::LogFormat>(
        "log.format", "--log-format", "text or json",
        [](Config& c) -> telemetry::LogFormat& { return c.log.format; },
        {{"text", telemetry::LogFormat::kText}, {"json", telemetry::LogFormat::kJson}}));
    return t;
  }();
  return rows;
}

}  // namespace errand::app
