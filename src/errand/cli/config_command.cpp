#include <algorithm>
#include <cstdio>
#include <memory>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "errand/app/config.h"
#include "errand/cli/commands.h"
#include "errand/cli/exit_status.h"
#include "errand/json/writer.h"

namespace errand::cli {

void add_config_flags(CLI::App& command, ConfigFlags& flags,
                      std::span<const std::string_view> keys) {
  command.add_option("--config", flags.file,
                     "configuration file (default: ./errand.toml, if there)");
  for (const auto& setting : app::settings()) {
    if (setting.flag.empty()) continue;
    if (!keys.empty() && std::ranges::find(keys, setting.key) == keys.end()) continue;
    auto* option = command.add_option_function<std::vector<std::string>>(
        std::string(setting.flag),
        [&flags, key = std::string(setting.key)](const std::vector<std::string>& values) {
          flags.values[key] = values;
        },
        std::string(setting.help));
    if (setting.is_list) {
      option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    } else {
      option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    }
  }
}

void report(Context& context, int status, const std::string& text) {
  fmt::print(stderr, "errand: {}\n", text);
  context.status = status;
}

void report_database_error(Context& context, const Error& error) {
  report(context, kRefused, fmt::format("{} [{}]", error.message, to_string(error.code)));
}

void add_config_commands(CLI::App& app, Context& context) {
  auto* config = app.add_subcommand("config", "Show the configuration")->require_subcommand(1);
  auto* show =
      config->add_subcommand("show", "Print the effective settings and where each comes from");
  show->footer(
      "Weakest first: defaults, errand.toml, environment (ERRAND_SERVER_PORT), flags (--port).\n\n"
      "Examples:\n"
      "  errand config show\n"
      "  ERRAND_SERVER_PORT=8080 errand config show --log-level debug\n"
      "  errand config show --json");
  auto flags = std::make_shared<ConfigFlags>();
  auto as_json = std::make_shared<bool>(false);
  add_config_flags(*show, *flags);
  show->add_flag("--json", *as_json, "print one JSON object");
  show->callback([flags, as_json, &context] {
    app::ConfigSources sources;
    if (!flags->file.empty()) sources.file = flags->file;
    sources.environment = context.environment;
    sources.flags = flags->values;
    const auto loaded = app::load_config(sources);
    if (!loaded) return report(context, kUsage, loaded.error().message);
    if (*as_json) {
      boost::json::object object;
      for (const auto& setting : loaded->effective) {
        object[setting.key] =
            boost::json::object{{"value", setting.value}, {"origin", setting.origin}};
      }
      fmt::print("{}\n", json::to_text(object));
      return;
    }
    std::size_t key_width = 0;
    std::size_t value_width = 0;
    for (const auto& setting : loaded->effective) {
      key_width = std::max(key_width, setting.key.size());
      value_width = std::max(value_width, setting.value.size());
    }
    for (const auto& setting : loaded->effective) {
      fmt::print("{:<{}} = {:<{}}  # {}\n", setting.key, key_width, setting.value, value_width,
                 setting.origin);
    }
  });
}

}  // namespace errand::cli
