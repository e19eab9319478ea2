#include "errand/embedded/server.h"

#include <algorithm>
#include <set>

#include "errand/app/app.h"
#include "errand/app/config.h"
#include "errand/embedded/in_process_handler.h"
#include "errand/telemetry/log.h"

namespace errand {
namespace {

constexpr int kSlotsMax = 10'000;

struct Named {
  std::string type;
  errand_worker::Handler function;
  int slots = 1;
};

}  // namespace

class Server::Impl {
 public:
  explicit Impl(ServerOptions given) : options(std::move(given)) {}

  Result<void> start() {
    if (app) return fail(ErrorCode::kInvalidArgument, "the server was started already");
    app::ConfigSources sources;
    for (const auto& [key, value] : options.settings) sources.flags[key] = {value};
    if (!options.schema_files.empty()) sources.flags["schema.files"] = options.schema_files;
    if (options.data) sources.flags["store.data"] = {*options.data};
    if (options.port) sources.flags["server.port"] = {std::to_string(*options.port)};
    if (!options.config_file.empty()) sources.file = options.config_file;
    const auto loaded = app::load_config(sources);
    if (!loaded) return std::unexpected(loaded.error());
    app::App::Options extra{.test_clock = options.test_clock};
    std::set<std::string> types;
    for (const Named& each : handlers) {
      if (!types.insert(each.type).second) {
        return fail(ErrorCode::kInvalidArgument, "there are two handlers of " + each.type);
      }
      if (each.slots < 1 || each.slots > kSlotsMax) {
        return fail(ErrorCode::kInvalidArgument,
                    "the slots of " + each.type + " are not from 1 to 10000");
      }
      const auto slots = static_cast<std::uint32_t>(each.slots);
      extra.handlers.push_back(
          {.name = "in process",
           .types = {JobTypeName(each.type)},
           .slots = slots,
           .way = engine::WorkerWay::kInProcess,
           .handler = std::make_shared<embedded::InProcessHandler>(each.function, slots)});
    }
    auto started = app::App::start(
        loaded->config, extra,
        telemetry::Log::to_stderr(loaded->config.log.level, loaded->config.log.format));
    if (!started) return std::unexpected(started.error());
    app = *std::move(started);
    url = app->summary().url;
    if (const auto& tokens = app->summary().tokens) {
      client_token = tokens->client;
      worker_token = tokens->worker;
    }
    return {};
  }

  const ServerOptions options;
  std::vector<Named> handlers;
  std::unique_ptr<app::App> app;
  std::string url;
  std::string client_token;
  std::string worker_token;
};

Server::Server(ServerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Server::~Server() { stop(); }

Server& Server::handle(std::string type, errand_worker::Handler handler, int slots) {
  impl_->handlers.push_back(
      {.type = std::move(type), .function = std::move(handler), .slots = slots});
  return *this;
}

Result<void> Server::start() { return impl_->start(); }

void Server::stop() {
  if (impl_->app) impl_->app->stop();
}

const std::string& Server::url() const { return impl_->url; }
const std::string& Server::client_token() const { return impl_->client_token; }
const std::string& Server::worker_token() const { return impl_->worker_token; }

}  // namespace errand
