#include <exception>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include "errand/cli/commands.h"
#include "errand/cli/exit_status.h"

namespace {

std::map<std::string, std::string> read_environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (const auto equals = text.find('='); equals != std::string_view::npos) {
      variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return variables;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace errand::cli;
  // A reader that went away is seen as a failed write, not as the end of the process.
  ::signal(SIGPIPE, SIG_IGN);
  // A file at its size limit too: the store then refuses with STORE_FULL.
  ::signal(SIGXFSZ, SIG_IGN);
  try {
    Context context{.environment = read_environment()};
    CLI::App app{"Errand turns slow GraphQL mutations into durable background jobs.", "errand"};
    app.set_version_flag("--version", "errand " ERRAND_VERSION);
    app.require_subcommand(1);
    app.footer(
        "Exit status: 0 done; 1 refused by the server; 2 wrong flags, configuration or schema;\n"
        "3 the followed job FAILED; 4 it was CANCELED or EXPIRED; 5 no server answered.\n\n"
        "Examples:\n"
        "  errand serve --schema schema.graphql\n"
        "  errand schema check schema.graphql\n"
        "  errand job submit exportReport --input '{\"year\": 2026}' --watch");
    add_serve_command(app, context);
    add_schema_commands(app, context);
    add_codegen_commands(app, context);
    add_event_commands(app, context);
    add_job_commands(app, context);
    add_worker_commands(app, context);
    add_push_commands(app, context);
    add_webhook_commands(app, context);
    add_notification_commands(app, context);
    add_graphql_commands(app, context);
    add_database_commands(app, context);
    add_audit_commands(app, context);
    add_config_commands(app, context);
    add_token_commands(app, context);
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      // CLI11 throws for --help and --version too; those end well.
      return app.exit(error) == 0 ? kOk : kUsage;
    }
    return context.status;
  } catch (const std::exception& error) {
    fmt::print(stderr, "errand: {}\n", error.what());
    return kRefused;
  }
}
