#include <cstdio>
#include <cstdlib>
#include <memory>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <unistd.h>

#include "errand/app/app.h"
#include "errand/app/config.h"
#include "errand/base/crash_point.h"
#include "errand/cli/commands.h"
#include "errand/cli/exit_status.h"
#include "errand/json/writer.h"
#include "errand/telemetry/log.h"

namespace errand::cli {

namespace {

void print_summary(const app::App::Summary& summary, bool as_json) {
  if (as_json) {
    boost::json::object object{
        {"url", summary.url},
        {"port", summary.port},
        {"data", summary.data},
        {"upstream", summary.upstream},
        {"types", boost::json::array(summary.types.begin(), summary.types.end())}};
    if (summary.tokens && summary.first_start) {
      object["tokens"] = boost::json::object{{"client", summary.tokens->client},
                                             {"worker", summary.tokens->worker}};
    }
    fmt::print("{}\n", json::to_text(object));
    std::fflush(stdout);
    return;
  }
  fmt::print("Errand {} serves {} job type{}: {}\n", ERRAND_VERSION, summary.types.size(),
             summary.types.size() == 1 ? "" : "s", fmt::join(summary.types, ", "));
  fmt::print("  GraphQL   {}/graphql\n", summary.url);
  if (!summary.upstream.empty()) fmt::print("  Upstream  {}\n", summary.upstream);
  if (summary.graphiql) fmt::print("  GraphiQL  {}/graphiql\n", summary.url);
  fmt::print("  Workers   ws{}/worker\n", summary.url.substr(4));
  fmt::print("  Data      {}\n", summary.data);
  if (summary.tokens) {
    fmt::print("Development mode: no credentials file, so loopback only.\n");
    if (summary.first_start) {
      fmt::print("Tokens, printed once:\n  client  {}\n  worker  {}\n", summary.tokens->client,
                 summary.tokens->worker);
    } else {
      fmt::print("Tokens as before; show them with: errand token development --data {}\n",
                 summary.data);
    }
  }
  std::fflush(stdout);
}

/// Waits for SIGINT or SIGTERM; SIGHUP reloads the credentials. The signals must be blocked.
void wait_for_end(app::App& app, const telemetry::Log& log, const sigset_t& signals) {
  while (true) {
    int signal = 0;
    if (::sigwait(&signals, &signal) != 0) continue;
    if (signal != SIGHUP) return;
    if (const auto reloaded = app.reload_credentials(); !reloaded) {
      log.error("credentials not reloaded", {{"error", reloaded.error().message}});
    }
  }
}

void serve(Context& context, const ConfigFlags& flags, const app::App::Options& options,
           bool as_json) {
  app::ConfigSources sources;
  if (!flags.file.empty()) sources.file = flags.file;
  sources.environment = context.environment;
  if (const auto armed = arm_crash_point(sources.environment); !armed) {
    return report(context, kUsage, armed.error().message);
  }
  sources.flags = flags.values;
  const auto loaded = app::load_config(sources);
  if (!loaded) return report(context, kUsage, loaded.error().message);
  const app::Config& config = loaded->config;

  // Blocked before any thread starts, so that all of them inherit it and sigwait() gets them.
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const auto log = telemetry::Log::to_stderr(config.log.level, config.log.format);
  auto app = app::App::start(config, options, log);
  if (!app) {
    const bool usage = app.error().code == ErrorCode::kConfigInvalid ||
                       app.error().code == ErrorCode::kSchemaInvalid;
    return report(context, usage ? kUsage : kRefused,
                  fmt::format("{} [{}]", app.error().message, to_string(app.error().code)));
  }
  print_summary((*app)->summary(), as_json);
  wait_for_end(**app, log, signals);

  // A second signal does not wait for anything: the store survives it.
  ::sigdelset(&signals, SIGHUP);
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  (*app)->stop();
}

}  // namespace

void add_serve_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("serve", "Serve a schema");
  auto flags = std::make_shared<ConfigFlags>();
  auto options = std::make_shared<app::App::Options>();
  auto as_json = std::make_shared<bool>(false);
  add_config_flags(*command, *flags);
  command->add_flag("--json", *as_json, "print addresses and tokens as one JSON object");
  command->add_flag("--test-clock", options->test_clock,
                    "a clock that tests put forward at /test/clock; development mode only");
  command->footer(
      "Without a credentials file the server is in development mode: it binds loopback only, makes "
      "a token for\n"
      "clients and one for workers, and prints them at the first start. SIGTERM and Ctrl-C end it "
      "gracefully (a\n"
      "second one at once), SIGHUP reads the credentials file anew.\n\n"
      "Examples:\n"
      "  errand serve --schema schema.graphql\n"
      "  errand serve --schema jobs.graphql --schema types.graphql --data /var/lib/errand --port "
      "8080\n"
      "  errand serve --upstream https://api.example.com/graphql --job exportReport\n"
      "  errand serve --config /etc/errand/errand.toml --log-format json");
  command->callback([=, &context] { serve(context, *flags, *options, *as_json); });
}

}  // namespace errand::cli
