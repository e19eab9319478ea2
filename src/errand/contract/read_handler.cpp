#include "errand/contract/read_handler.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json/array.hpp>

#include "errand/graphql/language/lexer.h"

namespace errand::contract {
namespace {

namespace json = boost::json;

constexpr std::int64_t kRequestsMax = 1'000;
constexpr std::int64_t kCommandsMax = 256;
constexpr std::int64_t kProcessesMax = 10'000;
constexpr std::int64_t kOpenFilesMax = 1'000'000;
constexpr std::int64_t kMemoryMibMax = 1 << 20;
constexpr std::int64_t kOutputMibMax = 1'024;
constexpr std::size_t kMib = 1 << 20;

const json::value* member(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(json::string_view(name.data(), name.size()));
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string text(const json::value& value) {
  return {value.as_string().data(), value.as_string().size()};
}

std::vector<std::string> texts(const json::value* list) {
  std::vector<std::string> result;
  if (list == nullptr) return result;
  for (const json::value& item : list->as_array()) result.push_back(text(item));
  return result;
}

std::int64_t number(const DirectiveReader& reader, const json::object& object,
                    std::string_view name, std::int64_t high) {
  const std::int64_t value = object.at(json::string_view(name.data(), name.size())).as_int64();
  if (value >= 1 && value <= high) return value;
  reader.wrong("handler", std::string(name) + " is 1 to " + std::to_string(high) + "; write " +
                              std::string(name) + ": " +
                              std::to_string(std::clamp<std::int64_t>(value, 1, high)));
  return 1;
}

std::string read_url(const DirectiveReader& reader, const json::object& way,
                     std::string_view example) {
  std::string url = text(way.at("url"));
  const std::size_t scheme = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : 0;
  if (scheme == 0 || url.size() == scheme || url.find_first_of(" \t\r\n#") != url.npos) {
    reader.wrong("handler",
                 "url is an absolute address of http or https without a fragment; write " +
                     std::string(example));
  }
  return url;
}

HttpHandlerRule read_http(const DirectiveReader& reader, const json::object& http) {
  HttpHandlerRule rule;
  rule.url = read_url(reader, http, R"(http: {url: "https://jobs.example.com/run"})");
  rule.concurrency = static_cast<std::uint32_t>(number(reader, http, "concurrency", kRequestsMax));
  return rule;
}

/// Headers that belong to a connection or to a request's body, and those that the server sets.
constexpr std::array<std::string_view, 16> kOwnHeaders{"accept",
                                                       "accept-encoding",
                                                       "connection",
                                                       "content-encoding",
                                                       "content-type",
                                                       "content-length",
                                                       "expect",
                                                       "host",
                                                       "idempotency-key",
                                                       "keep-alive",
                                                       "proxy-authorization",
                                                       "te",
                                                       "traceparent",
                                                       "transfer-encoding",
                                                       "trailer",
                                                       "upgrade"};

/// A header's name (RFC 9110, 5.1) that may be set, in lower case.
std::string read_header(const DirectiveReader& reader, std::string_view member, std::string name) {
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const auto is_token = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  if (name.empty() || !std::ranges::all_of(name, is_token)) {
    reader.wrong("handler",
                 std::string(member) + " holds names of headers; write " + std::string(member) +
                     (member == "onBehalfOf" ? ": \"x-on-behalf-of\"" : ": [\"authorization\"]"));
  } else if (std::ranges::find(kOwnHeaders, name) != kOwnHeaders.end()) {
    reader.wrong("handler", std::string(member) + ": the header " + name +
                                " is set for each request anew; leave it out");
  }
  return name;
}

GraphqlHandlerRule read_graphql(const DirectiveReader& reader, const json::object& graphql,
                                std::string_view field) {
  GraphqlHandlerRule rule;
  rule.url = read_url(reader, graphql, R"(graphql: {url: "https://api.example.com/graphql"})");
  const auto text_of = [&](std::string_view name) {
    const json::value* value = member(graphql, name);
    return value == nullptr ? std::string() : text(*value);
  };
  rule.mutation = text_of("mutation");
  if (rule.mutation.empty()) rule.mutation = field;
  if (!graphql::language::is_name(rule.mutation)) {
    reader.wrong("handler", "mutation is the name of a field; write mutation: \"" +
                                std::string(field) + "\", or leave it out");
    rule.mutation = field;
  }
  rule.selection = text_of("selection");
  if (const auto begin = rule.selection.find_first_not_of(" \t\r\n"); begin != std::string::npos) {
    rule.selection.erase(0, begin);
  }
  rule.concurrency =
      static_cast<std::uint32_t>(number(reader, graphql, "concurrency", kRequestsMax));
  for (std::string& name : texts(member(graphql, "forwardHeaders"))) {
    rule.forward_headers.push_back(read_header(reader, "forwardHeaders", std::move(name)));
  }
  rule.headers_file = text_of("headersFile");
  if (member(graphql, "onBehalfOf") != nullptr) {
    rule.on_behalf_of = read_header(reader, "onBehalfOf", text_of("onBehalfOf"));
  }
  rule.transient = texts(member(graphql, "transient"));
  rule.permanent = texts(member(graphql, "permanent"));
  for (const std::string& code : rule.transient) {
    if (std::ranges::find(rule.permanent, code) == rule.permanent.end()) continue;
    reader.wrong("handler", "the code " + code + " is both transient and permanent; choose one");
  }
  return rule;
}

CommandHandlerRule read_command(const DirectiveReader& reader, const json::value& command,
                                const json::object& sandbox) {
  CommandHandlerRule rule;
  rule.argv = texts(&command);
  if (rule.argv.empty() || rule.argv.front().empty()) {
    reader.wrong("handler",
                 "a command begins with the program to run; write "
                 "command: [\"/usr/local/bin/render\", \"--json\"]");
  } else if (!rule.argv.front().starts_with('/')) {
    reader.wrong("handler",
                 "name the program by its whole path, so that no search path decides "
                 "what runs; write command: [\"/usr/local/bin/" +
                     rule.argv.front() + "\", ...]");
  }
  const std::string profile = text(sandbox.at("profile"));
  rule.profile = profile == "NONE"         ? SandboxProfile::kNone
                 : profile == "RESTRICTED" ? SandboxProfile::kRestricted
                                           : SandboxProfile::kIsolated;
  rule.network = sandbox.at("network").as_bool();
  rule.concurrency =
      static_cast<std::uint32_t>(number(reader, sandbox, "concurrency", kCommandsMax));
  const auto mib = [&](std::string_view name, std::int64_t high) {
    return static_cast<std::size_t>(number(reader, sandbox, name, high)) * kMib;
  };
  const auto mib_if_given = [&](std::string_view name) -> std::optional<std::size_t> {
    if (member(sandbox, name) == nullptr) return std::nullopt;
    return mib(name, kMemoryMibMax);
  };
  rule.memory_bytes_max = mib("memoryMib", kMemoryMibMax);
  rule.memory_total_bytes_max = mib_if_given("memoryTotalMib");
  rule.wall = reader.duration(member(sandbox, "wall"), "handler");
  rule.cpu = reader.duration(member(sandbox, "cpu"), "handler");
  if (rule.cpu && *rule.cpu % std::chrono::seconds(1) != Milliseconds::zero()) {
    reader.wrong("handler", "cpu is whole seconds; write cpu: \"30s\"");
  }
  rule.processes_max =
      static_cast<std::uint32_t>(number(reader, sandbox, "processes", kProcessesMax));
  rule.open_files_max =
      static_cast<std::uint32_t>(number(reader, sandbox, "openFiles", kOpenFilesMax));
  rule.file_bytes_max = mib("fileMib", kMemoryMibMax);
  rule.disk_bytes_max = mib_if_given("diskMib");
  rule.output_bytes_max = mib("outputMib", kOutputMibMax);
  rule.environment = texts(member(sandbox, "environment"));
  rule.readable = texts(member(sandbox, "readable"));
  rule.writable = texts(member(sandbox, "writable"));
  for (const std::string& path : rule.writable) {
    if (path.starts_with('/')) continue;
    reader.wrong("handler", "writable holds whole paths; write \"/" + path + "\"");
  }
  for (const std::string& path : rule.readable) {
    if (path.starts_with('/')) continue;
    reader.wrong("handler", "readable holds whole paths; write \"/" + path + "\"");
  }
  for (const std::string& name : rule.environment) {
    if (!name.empty() && name.find_first_of("= ") == std::string::npos) continue;
    reader.wrong("handler", "environment holds names of variables; write [\"LANG\", \"TZ\"]");
  }
  return rule;
}

}  // namespace

HandlerRule read_handler(const DirectiveReader& reader, std::string_view field) {
  const json::value* handler = reader.get("handler");
  if (handler == nullptr) return {};
  const json::object& members = handler->as_object();
  const json::value* http = member(members, "http");
  const json::value* graphql = member(members, "graphql");
  const json::value* command = member(members, "command");
  if ((http != nullptr) + (graphql != nullptr) + (command != nullptr) != 1) {
    reader.wrong("handler",
                 "name one way: write {http: {url: \"https://...\"}}, {graphql: {url: "
                 "\"https://...\"}} or {command: [\"/usr/...\"]}; leave handler out for workers "
                 "that connect");
    return {};
  }
  if (command != nullptr) {
    return read_command(reader, *command, member(members, "sandbox")->as_object());
  }
  if (reader.is_given("handler", "sandbox")) {
    reader.wrong("handler", "sandbox goes with command; leave it out");
  }
  if (graphql != nullptr) return read_graphql(reader, graphql->as_object(), field);
  return read_http(reader, http->as_object());
}

}  // namespace errand::contract
