#include "errand/cli/worker_run_command.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "errand_worker/worker.h"
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "errand/app/command_sandbox.h"
#include "errand/app/config.h"
#include "errand/app/schema_files.h"
#include "errand/base/time_text.h"
#include "errand/cli/client_flags.h"
#include "errand/cli/command_worker.h"
#include "errand/cli/exit_status.h"
#include "errand/telemetry/log.h"
#include "errand/worker/command_runner.h"

namespace errand::cli {

namespace {

/// Settings of errand.toml that a worker has too.
constexpr std::array<std::string_view, 7> kSettings{
    "schema.files",   "sandbox.user", "sandbox.bubblewrap", "sandbox.scratch",
    "sandbox.cgroup", "log.level",    "log.format"};

/// One type that the worker takes.
struct Command {
  std::string type;
  const contract::CommandHandlerRule* rule = nullptr;
};

struct RunFlags {
  ConfigFlags config;
  std::vector<std::string> types;
  std::vector<std::string> queues;
  std::vector<std::string> labels;
  std::vector<std::string> selectors;
  int slots = 0;  ///< 0: not given
  std::string name;
  std::string build;
  std::string drain_timeout = "30s";
  std::string ca_file;
};

/// @return kInvalidArgument for a text that is not "key=value"
Result<std::pair<std::string, std::string>> split_pair(std::string_view flag,
                                                       const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: \"{}\" is not key=value, such as region=eu", flag, text));
  }
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

Result<std::map<std::string, std::string>> read_labels(const std::vector<std::string>& texts) {
  std::map<std::string, std::string> labels;
  for (const std::string& text : texts) {
    auto pair = split_pair("--label", text);
    if (!pair) return std::unexpected(pair.error());
    if (!labels.insert(*pair).second) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("--label: {} is there twice", pair->first));
    }
  }
  return labels;
}

Result<std::map<std::string, std::vector<std::string>>> read_selectors(
    const std::vector<std::string>& texts) {
  std::map<std::string, std::vector<std::string>> selectors;
  for (const std::string& text : texts) {
    auto pair = split_pair("--selector", text);
    if (!pair) return std::unexpected(pair.error());
    auto& values = selectors[pair->first];
    for (std::string_view rest = pair->second; !rest.empty();) {
      const auto comma = std::min(rest.find(','), rest.size());
      if (comma > 0) values.emplace_back(rest.substr(0, comma));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return selectors;
}

/// The types of `contract` that are commands: all, or those that were named.
Result<std::vector<Command>> choose(const contract::Contract& contract,
                                    const std::vector<std::string>& names) {
  std::vector<Command> commands;
  std::vector<std::string_view> known;
  for (const auto& type : contract.job_types()) {
    const auto* rule = std::get_if<contract::CommandHandlerRule>(&type.handler);
    if (rule == nullptr) continue;
    known.push_back(type.name.view());
    if (names.empty() || std::ranges::find(names, type.name.view()) != names.end()) {
      commands.push_back({.type = type.name.str(), .rule = rule});
    }
  }
  if (known.empty()) {
    return fail(ErrorCode::kConfigInvalid,
                "no mutation of the schema is run by a command; give one @job(handler: {command: "
                "[\"/path/of/program\"]})");
  }
  for (const std::string& name : names) {
    if (std::ranges::find(known, name) != known.end()) continue;
    return fail(
        ErrorCode::kConfigInvalid,
        fmt::format("--type {}: {}; commands are: {}", name,
                    contract.job_type(name) == nullptr ? "the schema has no such mutation with @job"
                                                       : "its @job(handler:) is no command",
                    fmt::join(known, ", ")));
  }
  return commands;
}

/// How many run at once: what was asked for, if the handler of each type lets as many.
Result<int> slots_for(const std::vector<Command>& commands, int asked) {
  const auto& least = *std::ranges::min_element(
      commands, {}, [](const Command& each) { return each.rule->concurrency; });
  const auto most = static_cast<int>(least.rule->concurrency);
  if (asked > most) {
    return fail(ErrorCode::kConfigInvalid,
                fmt::format("--slots {}: the handler of {} lets {} run at once; raise concurrency "
                            "in its sandbox, or give the type a worker of its own with --type {}",
                            asked, least.type, most, least.type));
  }
  return asked > 0 ? asked : most;
}

errand_worker::LogLevel sdk_level(telemetry::LogLevel level) {
  switch (level) {
    case telemetry::LogLevel::kDebug:
      return errand_worker::LogLevel::kDebug;
    case telemetry::LogLevel::kInfo:
      return errand_worker::LogLevel::kInfo;
    case telemetry::LogLevel::kWarn:
      return errand_worker::LogLevel::kWarn;
    case telemetry::LogLevel::kError:
    case telemetry::LogLevel::kOff:
      break;
  }
  return errand_worker::LogLevel::kError;
}

Result<app::LoadedConfig> load(const Context& context, const RunFlags& flags) {
  app::ConfigSources sources;
  if (!flags.config.file.empty()) sources.file = flags.config.file;
  sources.environment = context.environment;
  sources.flags = flags.config.values;
  auto loaded = app::load_config(sources);
  if (loaded && loaded->config.schema.files.empty()) {
    return fail(ErrorCode::kConfigInvalid,
                "name the server's SDL files with --schema, or a configuration file that does with "
                "--config");
  }
  return loaded;
}

Result<std::shared_ptr<const contract::Contract>> read_contract(const app::Config& config) {
  contract::ContractOptions options;
  options.prefix = config.schema.prefix;
  options.options_argument = config.schema.options_argument;
  options.federation = config.schema.federation;
  options.result_bytes_max = config.worker.result_bytes_max;
  return app::load_contract(config.schema.files, options);
}

/// What the SDK is started with, but for the slots.
Result<errand_worker::WorkerOptions> read_options(const RunFlags& flags,
                                                  const ServerFlags& server) {
  auto labels = read_labels(flags.labels);
  if (!labels) return std::unexpected(labels.error());
  auto selectors = read_selectors(flags.selectors);
  if (!selectors) return std::unexpected(selectors.error());
  const auto drain_timeout = parse_duration(flags.drain_timeout);
  if (!drain_timeout) {
    return fail(ErrorCode::kInvalidArgument, "--drain-timeout: " + drain_timeout.error().message);
  }
  errand_worker::WorkerOptions options;
  options.url = server.url;
  options.token = server.token;
  options.queues = flags.queues;
  options.name = flags.name;
  options.build = flags.build;
  options.labels = *std::move(labels);
  options.selectors = *std::move(selectors);
  options.drain_timeout = *drain_timeout;
  options.ca_file = flags.ca_file;
  return options;
}

/// Everything that can be wrong is found before the first connection.
/// @param options  gets slots and log
/// @return the worker, ready to run
Result<std::unique_ptr<errand_worker::Worker>> prepare(const app::Config& config,
                                                       const RunFlags& flags,
                                                       errand_worker::WorkerOptions options) {
  const auto contract = read_contract(config);
  if (!contract) return std::unexpected(contract.error());
  const auto commands = choose(**contract, flags.types);
  if (!commands) return std::unexpected(commands.error());
  const auto slots = slots_for(*commands, flags.slots);
  if (!slots) return std::unexpected(slots.error());
  const auto sandbox = app::open_sandbox(config.sandbox);
  if (!sandbox) return std::unexpected(sandbox.error());

  const auto log = telemetry::Log::to_stderr(config.log.level, config.log.format);
  options.slots = *slots;
  options.logger = sdk_logger(log);
  options.log_level = sdk_level(config.log.level);
  std::unique_ptr<errand_worker::Worker> worker;
  try {
    worker = std::make_unique<errand_worker::Worker>(std::move(options));
  } catch (const std::invalid_argument& wrong) {
    return fail(ErrorCode::kInvalidArgument, wrong.what());
  }
  for (const Command& each : *commands) {
    auto runner = worker::CommandRunner::create(app::command_of(*each.rule), *sandbox, log);
    if (!runner) {
      return fail(runner.error().code,
                  fmt::format("the handler of {}: {}", each.type, runner.error().message));
    }
    worker->handle(each.type, command_handler(*std::move(runner)));
    log.info("takes jobs that are a command",
             {{"job_type", each.type}, {"command", each.rule->argv.front()}, {"slots", *slots}});
  }
  return worker;
}

void run(Context& context, const RunFlags& flags, const ServerFlags& server) {
  if (server.token.empty()) {
    return report(
        context, kUsage,
        "give a token with the scope worker, with ERRAND_TOKEN or --token; `errand serve` "
        "prints one in development mode, `errand token create` makes others");
  }
  const auto loaded = load(context, flags);
  if (!loaded) return report(context, kUsage, loaded.error().message);
  auto options = read_options(flags, server);
  if (!options) return report(context, kUsage, options.error().message);
  const auto worker = prepare(loaded->config, flags, *std::move(options));
  if (!worker) return report(context, kUsage, worker.error().message);
  try {
    (*worker)->run();
  } catch (const errand_worker::WorkerRefused& refused) {
    report(context, kRefused,
           fmt::format("the server refused this worker: {} ({})", refused.what(), refused.code()));
  }
}

template <class List>
void add_list(CLI::App& command, const char* flag, List& list, const char* help) {
  command.add_option(flag, list, help)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

}  // namespace

void add_worker_run_command(CLI::App& worker, Context& context) {
  auto* command = worker.add_subcommand(
      "run", "Run the commands of a schema, @job(handler: {command:}), for a server elsewhere");
  auto flags = std::make_shared<RunFlags>();
  auto server = add_server_flags(*command, context);
  add_config_flags(*command, flags->config, kSettings);
  add_list(*command, "--type", flags->types,
           "only jobs of this mutation; may be repeated. Default: all that are a command");
  add_list(*command, "--queue", flags->queues,
           "only from this queue; may be repeated. Default: all that the token allows");
  add_list(*command, "--label", flags->labels, "key=value, for people to see; may be repeated");
  add_list(*command, "--selector", flags->selectors,
           "key=value,...: only jobs whose label is one of these; key= for jobs without it");
  command
      ->add_option("--slots", flags->slots,
                   "commands at once; default: the least concurrency of their handlers")
      ->check(CLI::Range(1, 256));
  command->add_option("--name", flags->name, "for people; default: host and process id");
  command->add_option("--build", flags->build, "version of the commands, for people");
  command
      ->add_option("--drain-timeout", flags->drain_timeout,
                   "how long running commands go on after SIGTERM before they are stopped")
      ->capture_default_str();
  command->add_option("--ca-file", flags->ca_file,
                      "authorities that vouch for an https server (PEM); default: the system's");
  command->footer(
      "For a server with sandbox.run_by = \"worker\", and the same SDL. Commands run as they would "
      "in the server\n(docs/operating/sandbox.md); what this machine cannot enforce is refused at "
      "the start. Needs a token with the\nscope worker. SIGTERM and Ctrl-C end it gracefully, a "
      "second one at once.\n\n"
      "Exit status: 0 it has left in good order; 1 the server refused it; 2 wrong flags, "
      "configuration, schema or\nmachine. A server that cannot be reached is tried again.\n\n"
      "Examples:\n"
      "  ERRAND_TOKEN=ert_... errand worker run --schema schema.graphql --url "
      "https://errand.example\n"
      "  errand worker run --config /etc/errand/errand.toml --type renderVideo --slots 4 --label "
      "gpu=a100\n"
      "  errand worker run --schema schema.graphql --selector region=eu,uk --sandbox-user nobody");
  command->callback([=, &context] { run(context, *flags, *server); });
}

}  // namespace errand::cli
