#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "errand/base/clock.h"

namespace errand::contract {

/// `handler: {http: ...}`: the server posts each job to an endpoint of the team.
struct HttpHandlerRule {
  std::string url;                 ///< absolute, http or https
  std::uint32_t concurrency = 10;  ///< requests at once, 1..1,000

  friend bool operator==(const HttpHandlerRule&, const HttpHandlerRule&) = default;
};

/// How far a command is shut in (docs/operating/sandbox.md).
enum class SandboxProfile : std::uint8_t { kNone, kRestricted, kIsolated };

/// `handler: {command: [...], sandbox: ...}`: the server runs a command for each job.
struct CommandHandlerRule {
  std::vector<std::string> argv;  ///< not empty, nor its first, which is a whole path
  SandboxProfile profile = SandboxProfile::kIsolated;
  bool network = false;
  std::uint32_t concurrency = 1;                        ///< commands at once, 1..256
  std::size_t memory_bytes_max = 1 << 30;               ///< address space of each process
  std::optional<std::size_t> memory_total_bytes_max{};  ///< of its whole tree
  std::optional<Milliseconds> wall{};                   ///< nullopt: what the attempt has
  std::optional<Milliseconds> cpu{};                    ///< of each process, whole seconds
  std::uint32_t processes_max = 64;                     ///< threads too, at once
  std::uint32_t open_files_max = 256;                   ///< of each process
  std::size_t file_bytes_max = 1 << 30;                 ///< of one file
  std::optional<std::size_t> disk_bytes_max{};          ///< of all files
  std::size_t output_bytes_max = 10 << 20;              ///< of standard output and error each
  std::vector<std::string> environment{};               ///< variables of the server's that it gets
  std::vector<std::string> readable{};                  ///< further paths that it may read
  std::vector<std::string> writable{};                  ///< and write

  friend bool operator==(const CommandHandlerRule&, const CommandHandlerRule&) = default;
};

/// `handler: {graphql: ...}`: the server runs a mutation of an existing GraphQL server.
struct GraphqlHandlerRule {
  std::string url;                 ///< absolute, http or https
  std::string mutation;            ///< the field to run there
  std::string selection{};         ///< as the directive has it; may be empty
  std::uint32_t concurrency = 10;  ///< requests at once, 1..1,000
  /// Names of headers, in lower case, that go from the request that submits a job to the request
  /// that runs it; kept encrypted with the job.
  std::vector<std::string> forward_headers{};
  std::string headers_file{};            ///< further headers; may be empty
  std::string on_behalf_of{};            ///< header that names the job's subject; empty: none
  std::vector<std::string> transient{};  ///< codes of errors after which it is tried again
  std::vector<std::string> permanent{};  ///< and of those that end the job

  /// What follows from the schema: see UpstreamOperation.
  std::string document{};
  std::map<std::string, std::string> type_names{};

  friend bool operator==(const GraphqlHandlerRule&, const GraphqlHandlerRule&) = default;
};

/// What runs the jobs of a type. std::monostate: workers that connect.
using HandlerRule =
    std::variant<std::monostate, HttpHandlerRule, CommandHandlerRule, GraphqlHandlerRule>;

}  // namespace errand::contract
