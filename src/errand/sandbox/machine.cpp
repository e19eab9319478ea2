#include "errand/sandbox/machine.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "errand/sandbox/cgroup.h"
#include "errand/sandbox/sandbox.h"

namespace errand::sandbox {
namespace {

bool has_filters() {
  const std::uint32_t action = SECCOMP_RET_ERRNO;
  return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

int ask_landlock_abi() {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1 /* ask for the version */);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

bool kernel_is_at_least(int major, int minor) {
  utsname name{};
  if (::uname(&name) != 0) return false;
  int has_major = 0;
  int has_minor = 0;
  const std::string_view release = name.release;
  const char* const end = release.data() + release.size();
  const auto [dot, error] = std::from_chars(release.data(), end, has_major);
  if (error != std::errc() || dot == end) return false;
  if (std::from_chars(dot + 1, end, has_minor).ec != std::errc()) return false;
  return has_major != major ? has_major > major : has_minor >= minor;
}

std::string first_line(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

/// Why bubblewrap does not work here, found out by using it in the way that commands do.
std::string bubblewrap_fault(const Machine& machine, const Capabilities& so_far) {
  if (::access(machine.bubblewrap.c_str(), X_OK) != 0) {
    return fmt::format("{} is not there; install the package bubblewrap", machine.bubblewrap);
  }
  Capabilities trial = so_far;
  trial.no_bubblewrap.clear();
  auto sandbox = Sandbox::create(machine, trial);
  if (!sandbox) return sandbox.error().message;
  Request request;
  request.argv = {"/bin/sh", "-c", "exit 0"};
  request.limits.wall = std::chrono::seconds(10);
  StopSignal stop;
  const auto ended = (*sandbox)->run(request, stop, {});
  if (!ended) return ended.error().message;
  if (ended->succeeded()) return "";
  const std::string said = first_line(ended->log);
  return fmt::format(
      "bubblewrap cannot make namespaces here ({}); allow user namespaces for {}",
      said.empty() ? ended->describe() : said,
      machine.run_as ? fmt::format("uid {}", machine.run_as->uid) : "the server's user");
}

std::unexpected<Error> refuse(const Request& request, std::string_view why) {
  return fail(ErrorCode::kConfigInvalid, fmt::format("A command of profile {} is refused: {}.",
                                                     to_string(request.profile), why));
}

Result<void> check_command(const Request& request) {
  const auto holds_nul = [](const std::string& text) { return text.find('\0') != text.npos; };
  if (request.argv.empty() || request.argv[0].empty()) return refuse(request, "it is empty");
  const std::string& program = request.argv[0];
  if (program[0] != '/' && program.find('/') != program.npos) {
    return refuse(request, fmt::format("{} is neither an absolute path nor a plain name", program));
  }
  if (std::ranges::any_of(request.argv, holds_nul)) {
    return refuse(request, "an argument holds the character NUL");
  }
  for (const auto& [name, value] : request.environment) {
    if (name.empty() || name.find('=') != name.npos || holds_nul(name) || holds_nul(value)) {
      return refuse(request, fmt::format("the variable {} cannot be set", name));
    }
  }
  for (const auto* paths : {&request.read_paths, &request.write_paths}) {
    for (const std::string& path : *paths) {
      if (path.empty() || path[0] != '/' || path == "/" || holds_nul(path)) {
        return refuse(request, fmt::format("{} is not an absolute path below /", path));
      }
    }
  }
  return {};
}

Result<void> check_limits(const Request& request, const Capabilities& capabilities) {
  using std::chrono::milliseconds;
  const Limits& limits = request.limits;
  if (limits.wall <= milliseconds(0)) return refuse(request, "the limit wall must be above 0");
  if (limits.grace < milliseconds(0)) return refuse(request, "grace must not be negative");
  if (limits.cpu && limits.cpu->count() < 1) return refuse(request, "the limit cpu is below 1 s");
  if (limits.processes < 1) return refuse(request, "the limit processes is below 1");
  if (limits.open_files < 8) return refuse(request, "the limit of open files is below 8");
  if (limits.output_bytes < 1 || limits.line_bytes < 1) {
    return refuse(request, "the limits of output and of its lines must be above 0");
  }
  if (limits.memory_bytes && *limits.memory_bytes < (std::uint64_t{1} << 20)) {
    return refuse(request, "the limit memory is below 1 MiB");
  }
  if (limits.disk_bytes && *limits.disk_bytes < 4'096) {
    // tmpfs takes 0 for no limit.
    return refuse(request, "the limit disk is below 4 KiB");
  }
  if (limits.disk_bytes && request.profile != Profile::kIsolated) {
    return refuse(request,
                  "only the profile isolated can limit the disk space of all files together; take "
                  "it, or leave the limit disk out");
  }
  if (limits.memory_total_bytes && !capabilities.no_cgroup.empty()) {
    return refuse(request,
                  fmt::format("the memory of a whole process tree cannot be limited here, as {}; "
                              "limit memory and processes instead",
                              capabilities.no_cgroup));
  }
  return {};
}

}  // namespace

Result<User> find_user(const std::string& name) {
  std::array<char, 16'384> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  std::uint32_t number = 0;
  const char* const end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data(), end, number);
  const bool is_number = error == std::errc() && rest == end;
  const int status = is_number
                         ? ::getpwuid_r(number, &entry, buffer.data(), buffer.size(), &found)
                         : ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (status == 0 && found != nullptr) return User{.uid = entry.pw_uid, .gid = entry.pw_gid};
  if (is_number) return User{.uid = number, .gid = number};
  return fail(ErrorCode::kConfigInvalid, fmt::format("There is no user {} here.", name));
}

Capabilities Capabilities::probe(const Machine& machine) {
  Capabilities found;
  found.root = ::geteuid() == 0;
  found.seccomp = has_filters();
  found.landlock_abi = ask_landlock_abi();
  found.child_lists = ::access("/proc/thread-self/children", R_OK) == 0;
  found.namespaced_limits = kernel_is_at_least(5, 14);
  found.no_cgroup = Cgroup::fault(machine.cgroup);
  found.no_bubblewrap = bubblewrap_fault(machine, found);
  return found;
}

Result<void> check(const Request& request, const Machine& machine,
                   const Capabilities& capabilities) {
  if (auto good = check_command(request); !good) return good;
  if (capabilities.root && (!machine.run_as || machine.run_as->uid == 0)) {
    return refuse(request,
                  "the server runs as root, whom limits do not bind; name another user for "
                  "commands, or run the server as one");
  }
  if (!capabilities.root && machine.run_as && machine.run_as->uid != ::geteuid()) {
    return refuse(request, "only a server that runs as root can run commands as another user");
  }
  if (request.profile != Profile::kIsolated && !capabilities.child_lists) {
    return refuse(request,
                  "the kernel does not list the children of a process "
                  "(/proc/thread-self/children), without which its tree cannot be ended; take the "
                  "profile isolated");
  }
  if (request.profile == Profile::kNone && !request.network) {
    return refuse(request,
                  "this profile cannot switch the network off; allow the network, or take the "
                  "profile restricted");
  }
  if (request.profile != Profile::kNone && !capabilities.seccomp) {
    return refuse(request, "the kernel has no seccomp filters");
  }
  if (request.profile == Profile::kRestricted && capabilities.landlock_abi < 1) {
    return refuse(request,
                  "the kernel has no Landlock, or it is switched off (boot with lsm=landlock,...); "
                  "take the profile isolated");
  }
  if (request.profile == Profile::kIsolated && !capabilities.no_bubblewrap.empty()) {
    return refuse(request, capabilities.no_bubblewrap);
  }
  return check_limits(request, capabilities);
}

}  // namespace errand::sandbox
