#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "errand/base/result.h"
#include "errand/cli/commands.h"
#include "errand/cli/graphql_client.h"

namespace errand::cli {

/// Which server, and by what token.
struct ServerFlags {
  std::string url = "http://127.0.0.1:7420";
  std::string token;
};

/// Adds them to `command`, which must not outlive them; the environment gives their defaults.
std::shared_ptr<ServerFlags> add_server_flags(CLI::App& command, const Context& context);

/// Flags that all commands of a client have.
struct ClientFlags : ServerFlags {
  bool as_json = false;
};

/// As add_server_flags().
std::shared_ptr<ClientFlags> add_client_flags(CLI::App& command, const Context& context);

/// Prints a failure with what can be done about it, and leaves its exit status.
void report_error(Context& context, const Error& error);

/// nullopt after a report, where the address is not good.
std::optional<GraphqlClient> connect(Context& context, const ClientFlags& flags);

/// JSON given as text, as "@file" or as "-" for standard input.
Result<boost::json::value> read_json(const std::string& source);

/// The lines of a file that are not blank.
Result<std::vector<std::string>> read_lines(const std::string& name);

}  // namespace errand::cli
