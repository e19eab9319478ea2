#include "errand/cli/client_flags.h"

#include <fstream>
#include <iostream>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "errand/cli/exit_status.h"
#include "errand/json/parse.h"

namespace errand::cli {
namespace {

int exit_status_of(const Error& error) {
  return error.code == ErrorCode::kUnavailable ? kUnreachable : kRefused;
}

void add_flags(CLI::App& command, const Context& context, ServerFlags& flags) {
  const auto variable = [&](const char* name) -> std::string {
    const auto found = context.environment.find(name);
    return found == context.environment.end() ? "" : found->second;
  };
  if (auto url = variable("ERRAND_URL"); !url.empty()) flags.url = std::move(url);
  flags.token = variable("ERRAND_TOKEN");
  command.add_option("--url", flags.url,
                     "the server (or ERRAND_URL); default http://127.0.0.1:7420");
  command.add_option("--token", flags.token,
                     "bearer token (or ERRAND_TOKEN, which keeps it out of the process list)");
}

}  // namespace

std::shared_ptr<ServerFlags> add_server_flags(CLI::App& command, const Context& context) {
  auto flags = std::make_shared<ServerFlags>();
  add_flags(command, context, *flags);
  return flags;
}

std::shared_ptr<ClientFlags> add_client_flags(CLI::App& command, const Context& context) {
  auto flags = std::make_shared<ClientFlags>();
  add_flags(command, context, *flags);
  command.add_flag("--json", flags->as_json, "print JSON, one object a line");
  return flags;
}

void report_error(Context& context, const Error& error) {
  std::string text = error.message;
  if (error.code == ErrorCode::kUnavailable)
    text += "\nIs the server running? Start it with: errand serve";
  if (error.code == ErrorCode::kUnauthenticated) {
    text +=
        "\nGive a token with ERRAND_TOKEN or --token; `errand serve` printed one at its first "
        "start";
  }
  report(context, exit_status_of(error), text);
}

std::optional<GraphqlClient> connect(Context& context, const ClientFlags& flags) {
  auto client = GraphqlClient::create({.url = flags.url, .token = flags.token});
  if (client) return *std::move(client);
  report(context, kUsage, client.error().message);
  return std::nullopt;
}

Result<boost::json::value> read_json(const std::string& source) {
  std::string text = source;
  if (source == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else if (source.starts_with('@')) {
    std::ifstream file(source.substr(1), std::ios::binary);
    if (!file)
      return fail(ErrorCode::kInvalidArgument, fmt::format("cannot read {}", source.substr(1)));
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  return json::parse(text, {.bytes_max = 64 << 20, .depth_max = 128});
}

Result<std::vector<std::string>> read_lines(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  if (!file) return fail(ErrorCode::kInvalidArgument, fmt::format("cannot read {}", name));
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.find_first_not_of(" \t") != std::string::npos) lines.push_back(line);
  }
  return lines;
}

}  // namespace errand::cli
