#include "errand/app/command_sandbox.h"

#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>

#include "errand/sandbox/machine.h"

namespace errand::app {

Result<std::shared_ptr<const sandbox::Sandbox>> open_sandbox(const Config::Sandbox& settings) {
  sandbox::Machine machine{.run_as = std::nullopt,
                           .bubblewrap = settings.bubblewrap,
                           .scratch = settings.scratch,
                           .cgroup = settings.cgroup};
  if (!settings.user.empty()) {
    const auto user = sandbox::find_user(settings.user);
    if (!user) return fail(ErrorCode::kConfigInvalid, "sandbox.user: " + user.error().message);
    machine.run_as = *user;
  }
  const auto capabilities = sandbox::Capabilities::probe(machine);
  auto made = sandbox::Sandbox::create(std::move(machine), capabilities);
  if (!made) return std::unexpected(made.error());
  return *std::move(made);
}

sandbox::Request command_of(const contract::CommandHandlerRule& rule) {
  sandbox::Request command;
  switch (rule.profile) {
    case contract::SandboxProfile::kNone:
      command.profile = sandbox::Profile::kNone;
      break;
    case contract::SandboxProfile::kRestricted:
      command.profile = sandbox::Profile::kRestricted;
      break;
    case contract::SandboxProfile::kIsolated:
      command.profile = sandbox::Profile::kIsolated;
      break;
  }
  command.argv = rule.argv;
  for (const std::string& name : rule.environment) {
    if (const char* value = std::getenv(name.c_str())) command.environment[name] = value;
  }
  command.network = rule.network;
  command.read_paths = rule.readable;
  command.write_paths = rule.writable;
  sandbox::Limits& limits = command.limits;
  if (rule.wall) limits.wall = *rule.wall;
  if (rule.cpu) limits.cpu = std::chrono::duration_cast<std::chrono::seconds>(*rule.cpu);
  limits.memory_bytes = rule.memory_bytes_max;
  limits.memory_total_bytes = rule.memory_total_bytes_max;
  limits.processes = rule.processes_max;
  limits.open_files = rule.open_files_max;
  limits.file_bytes = rule.file_bytes_max;
  limits.disk_bytes = rule.disk_bytes_max;
  limits.output_bytes = rule.output_bytes_max;
  return command;
}

}  // namespace errand::app
