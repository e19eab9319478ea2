#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/result.h"
#include "errand/contract/front_schema.h"
#include "errand/graphql/request/document_loader.h"
#include "errand/graphql/request/service.h"
#include "errand/notification/notifications.h"
#include "errand/notification/webhook_endpoint.h"
#include "errand/notification/webhook_waits.h"
#include "errand/outbound/address_guard.h"
#include "errand/relay/relay_settings.h"
#include "errand/server/cors.h"
#include "errand/server/cross_site.h"
#include "errand/server/status_profile.h"
#include "errand/telemetry/log.h"

namespace errand::app {

/// Where the page /graphiql is served: kAuto in development mode alone.
enum class ServeGraphiql : std::uint8_t { kAuto, kOn, kOff };

/// What a start does when the schema lacks or breaks a job type that still has live jobs.
enum class OnSchemaChange : std::uint8_t { kFail, kKeepOld, kDrop };

/// Who runs commands of @job(handler: {command:}): the server, or workers that connect.
enum class RunCommandsBy : std::uint8_t { kServer, kWorker };

using GraphqlLimits = graphql::request::Limits;
using graphql::request::TrustedDocumentsMode;

/// Everything that an operator can set, with its defaults. A plain value.
///
/// Each member has one row in settings_table.cpp, which names its key in errand.toml
/// ("server.port"), its variable ("ERRAND_SERVER_PORT") and its flag ("--port").
struct Config {
  struct Server {
    std::string listen =
        "127.0.0.1";            ///< address to bind; loopback unless authentication is set up
    std::uint16_t port = 7420;  ///< 0 takes a free port and prints it
    int threads = 0;            ///< threads that serve connections; 0 is one a core, at most 8
    std::size_t body_bytes_max = 1 << 20;
    std::size_t connections_max = 10'000;
    Milliseconds drain_timeout{10'000};  ///< longest wait for running requests at shutdown
    ServeGraphiql graphiql = ServeGraphiql::kAuto;
    std::size_t gzip_bytes_min = 1'024;  ///< shortest answer that is packed; 0: none
    std::string public_url;              ///< under which others reach this server; may be empty
  } server;

  struct Graphql {
    server::StatusProfile status_profile = server::StatusProfile::kAudit;
    std::size_t batch_max = 0;       ///< requests of one HTTP batch; 0: no batches
    Milliseconds heartbeat{10'000};  ///< between two signs of life on an HTTP stream
    /// How increments are written over WebSocket, where the client does not say.
    graphql::request::IncrementalFormat websocket_increments =
        graphql::request::IncrementalFormat::kDraft;
    server::CrossSiteRule cross_site;
    std::size_t document_cache_bytes_max = 16 << 20;    ///< parsed documents; 0: none are kept
    std::size_t persisted_queries_bytes_max = 4 << 20;  ///< 0: no automatic persisted queries
    std::string trusted_documents;                      ///< manifest file; empty: none
    TrustedDocumentsMode trusted_documents_mode = TrustedDocumentsMode::kAllow;
  } graphql;

  server::Cors::Options cors;

  struct Schema {
    std::vector<std::string> files;  ///< SDL files, in order; one at least, or an upstream
    std::string prefix;              ///< put before the names of Errand's own types and fields
    std::string options_argument = "options";
    bool federation = false;  ///< be a subgraph even where the schema does not @link federation
    OnSchemaChange on_change = OnSchemaChange::kFail;
  } schema;

  /// The GraphQL server in front of which this one stands.
  struct Upstream {
    std::string url;     ///< of its GraphQL endpoint; empty: there is none
    std::string schema;  ///< SDL file with its schema; empty: it is asked over introspection
    std::vector<contract::JobForm> jobs;
    /// Headers of clients that go along with their jobs.
    std::vector<std::string> forward_headers{"authorization"};
    std::string headers_file;            ///< further headers, of jobs and of introspection
    std::string on_behalf_of;            ///< header that names a job's subject; empty: none
    std::vector<std::string> transient;  ///< codes of its errors after which a job is tried again
    std::vector<std::string> permanent;  ///< and of those that end it
    // Of what is passed on:
    std::string websocket_url;           ///< where it takes WebSockets; empty: as url
    Milliseconds timeout{60'000};        ///< until the head of its response
    Milliseconds idle_timeout{300'000};  ///< between two pieces of a response
    std::size_t requests_max = 1'024;    ///< under way at once, streams included
    /// Whom it knows is known here: see upstream::Identity. An empty query: it is not asked.
    struct {
      std::string query;
      std::string subject;
      std::string tenant;  ///< empty: all are of the tenant "default"
      std::vector<std::string> scopes{"jobs:*"};
      std::vector<std::string> queues;
      std::vector<std::string> headers{"authorization", "cookie"};
    } identity;
  } upstream;

  struct Store {
    std::string data = "errand-data";  ///< directory of the database and the master key
  } store;

  struct Auth {
    std::string credentials;  ///< credentials file; empty is development mode
  } auth;

  struct Worker {
    Milliseconds lease{30'000};
    std::size_t result_bytes_max = 1 << 20;
  } worker;

  /// Requests that the server makes: where they may go, and how they are signed.
  struct Outbound {
    outbound::AddressGuard::Options guard;
    std::string ca_file;        ///< certificates to trust instead of the system's; empty: those
    int secret_generation = 1;  ///< of push secrets; the one before stays good beside it
  } outbound;

  /// Where events are posted to.
  struct Webhooks {
    std::vector<notification::WebhookEndpoint> endpoints;
    int secret_generation = 1;  ///< of their secrets; the one before stays good beside it
    /// Before the second and each further attempt of a delivery.
    std::vector<Milliseconds> retry_waits = notification::webhook_waits_by_default();
    std::size_t endpoints_per_tenant = 20;  ///< that a tenant may make by the API; 0: none
    std::string notify_group;  ///< of notifications.groups: told of what is disabled; may be empty
    /// By tenant: hosts that its jobs may name in a callback.
    std::map<std::string, std::vector<std::string>, std::less<>> callback_hosts;
  } webhooks;

  /// Who is told what of which jobs, and how.
  notification::NotificationSettings notifications;

  /// Brokers that events are relayed to.
  std::vector<relay::RelaySettings> relays;

  /// Commands that the server or `errand worker run` runs: what the machine gives them.
  struct Sandbox {
    RunCommandsBy run_by = RunCommandsBy::kServer;
    std::string user;  ///< whom they run as; needed where the server is root
    std::string bubblewrap = "/usr/bin/bwrap";
    std::string scratch = "/tmp";  ///< where their private folders are made
    std::string cgroup;            ///< a control group (v2) for them; empty: none
  } sandbox;

  struct Limits {
    GraphqlLimits graphql;                  ///< of one request
    Milliseconds request_timeout{120'000};  ///< of one request, `waitFor` not counted
    std::size_t queue_length = 1'000'000;   ///< waiting jobs of one queue; more are refused
    Milliseconds wait_for{60'000};          ///< longest `waitFor`
    Milliseconds deferred_result{900'000};  ///< longest that a deferred result waits for its job
  } limits;

  struct Log {
    telemetry::LogLevel level = telemetry::LogLevel::kInfo;
    telemetry::LogFormat format = telemetry::LogFormat::kText;
  } log;
};

/// One effective setting, for `errand config show`.
struct EffectiveSetting {
  std::string key;
  std::string value;   ///< as it would be written in errand.toml
  std::string origin;  ///< "default", "errand.toml:3", "ERRAND_SERVER_PORT" or "--port"
};

/// One row of the table of settings, for flags and documentation.
struct SettingInfo {
  std::string_view key;
  std::string_view flag;  ///< "--port"; empty where there is none
  std::string_view help;
  bool is_list;
};

/// All settings, in the order of `errand config show`. Thread-safe.
std::vector<SettingInfo> settings();

/// Where load_config() looks, weakest first.
struct ConfigSources {
  /// Path of errand.toml; nullopt takes ./errand.toml when there is one.
  std::optional<std::string> file;
  /// The environment; only names that begin with ERRAND_ are looked at.
  std::map<std::string, std::string> environment;
  /// Flags by key ("server.port"), each with its values.
  std::map<std::string, std::vector<std::string>> flags;
};

struct LoadedConfig {
  Config config;
  std::vector<EffectiveSetting> effective;
};

/// Defaults, then the file, then the environment, then the flags. Paths of the file are relative to
/// the file, others to the working directory.
/// @return kConfigInvalid naming the file and line, variable or flag, and what to write instead.
///         Unknown keys and variables are errors.
Result<LoadedConfig> load_config(const ConfigSources& sources);

}  // namespace errand::app
