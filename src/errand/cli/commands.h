#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "errand/base/error.h"

namespace errand::cli {

/// What main() hands to each command. A command registers itself, and its callback leaves the exit
/// status here.
struct Context {
  std::map<std::string, std::string> environment;
  int status = 0;
};

void add_serve_command(CLI::App& app, Context& context);
void add_schema_commands(CLI::App& app, Context& context);
void add_codegen_commands(CLI::App& app, Context& context);
void add_event_commands(CLI::App& app, Context& context);
void add_job_commands(CLI::App& app, Context& context);
void add_graphql_commands(CLI::App& app, Context& context);
void add_database_commands(CLI::App& app, Context& context);
void add_audit_commands(CLI::App& app, Context& context);
void add_config_commands(CLI::App& app, Context& context);
void add_token_commands(CLI::App& app, Context& context);
void add_worker_commands(CLI::App& app, Context& context);
void add_push_commands(CLI::App& app, Context& context);
void add_webhook_commands(CLI::App& app, Context& context);
void add_notification_commands(CLI::App& app, Context& context);

/// Adds the flags of every setting that has one, and --config. The values stand in `flags` by key
/// once the command line has been read. `flags` must outlive `command`. With `keys`, only those of
/// these settings.
struct ConfigFlags {
  std::string file;
  std::map<std::string, std::vector<std::string>> values;
};
void add_config_flags(CLI::App& command, ConfigFlags& flags,
                      std::span<const std::string_view> keys = {});

/// Prints "errand: <text>" to standard error and leaves `status`.
void report(Context& context, int status, const std::string& text);
/// The same for an error of a command that works on the database's file, with its code; the status
/// is kRefused.
void report_database_error(Context& context, const Error& error);

}  // namespace errand::cli
