#pragma once

#include <cstddef>
#include <cstdint>
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
  std::vector<std::string> argv;  ///< not empty, nor its first
  SandboxProfile profile = SandboxProfile::kIsolated;
  bool network = false;
  std::uint32_t concurrency = 1;  ///< commands at once, 1..256
  std::size_t memory_bytes_max = 512 << 20;
  std::optional<Milliseconds> cpu;  ///< nullopt: the attempt's timeout
  std::uint32_t processes_max = 64;
  std::size_t file_bytes_max = 1 << 30;     ///< of one file
  std::size_t output_bytes_max = 10 << 20;  ///< of standard output
  std::vector<std::string> environment;     ///< names of variables that it gets from the server's
  std::vector<std::string> readable;        ///< further paths that it may read

  friend bool operator==(const CommandHandlerRule&, const CommandHandlerRule&) = default;
};

/// What runs the jobs of a type. std::monostate: workers that connect.
using HandlerRule = std::variant<std::monostate, HttpHandlerRule, CommandHandlerRule>;

}  // namespace errand::contract
