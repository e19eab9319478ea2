#include "errand/sandbox/plan_text.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <string_view>
#include <vector>

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errand/sandbox/init/plan.h"
#include "errand/sandbox/seccomp_filter.h"

namespace errand::sandbox {
namespace {

namespace fs = std::filesystem;

/// Programs and libraries; either folders or links into /usr.
constexpr std::array kSystemFolders = {"/usr",   "/bin",   "/sbin",  "/lib",
                                       "/lib32", "/lib64", "/libx32"};
/// What programs read of /etc beside their own settings. No keys: /etc/ssl/private is not among it.
constexpr std::array kSystemFiles = {"/etc/alternatives", "/etc/ca-certificates.conf",
                                     "/etc/ld.so.cache",  "/etc/ld.so.conf",
                                     "/etc/ld.so.conf.d", "/etc/localtime",
                                     "/etc/ssl/certs",    "/etc/ssl/openssl.cnf",
                                     "/etc/timezone",     "/etc/mime.types"};
constexpr std::array kNetworkFiles = {"/etc/gai.conf",  "/etc/host.conf",     "/etc/hosts",
                                      "/etc/protocols", "/etc/nsswitch.conf", "/etc/resolv.conf",
                                      "/etc/services"};
constexpr std::array kReadDevices = {"/dev/zero", "/dev/random", "/dev/urandom"};
constexpr std::array kWriteDevices = {"/dev/null", "/dev/full"};

constexpr std::string_view kInside = "/run/errand-init";
constexpr std::string_view kInsideHome = "/tmp";
constexpr std::string_view kSharedMemoryBytes = "16777216";
/// A user that owns nothing within; who it is outside does not show.
constexpr std::string_view kInsideUser = "65534";

using Texts = std::vector<std::string>;

template <std::size_t N>
void append(Texts& list, const std::array<const char*, N>& more) {
  list.insert(list.end(), more.begin(), more.end());
}

bool is_of_system(const std::string& path) {
  return std::ranges::any_of(kSystemFolders, [&path](const char* folder) {
    return path.starts_with(std::string(folder) + "/");
  });
}

/// Threads of a user on this machine, as far as they can be seen.
std::uint64_t threads_of(std::uint32_t uid) {
  std::uint64_t threads = 0;
  DIR* processes = ::opendir("/proc");
  if (processes == nullptr) return 0;
  while (const dirent* entry = ::readdir(processes)) {
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
    struct stat what{};
    const std::string tasks = std::string("/proc/") + entry->d_name + "/task";
    if (::stat(tasks.c_str(), &what) == 0 && what.st_uid == uid) threads += what.st_nlink - 2;
  }
  ::closedir(processes);
  return threads;
}

std::uint64_t processes_limit(const Request& request, const Machine& machine,
                              const Capabilities& capabilities) {
  // Counted within the namespace: the command's own and the init program.
  if (request.profile == Profile::kIsolated && capabilities.namespaced_limits) {
    return std::uint64_t{request.limits.processes} + 1;
  }
  // Otherwise the kernel counts all that the user has, which are left as they are.
  const std::uint32_t uid = machine.run_as ? machine.run_as->uid : ::geteuid();
  return threads_of(uid) + request.limits.processes;
}

std::uint64_t cpu_seconds(const Limits& limits) {
  if (limits.cpu) return static_cast<std::uint64_t>(limits.cpu->count());
  return static_cast<std::uint64_t>(
      std::chrono::ceil<std::chrono::seconds>(limits.wall + std::chrono::seconds(10)).count());
}

/// What stands in the environment of every command, unless it asks for something else.
Texts environment(const Request& request, std::string_view home) {
  std::map<std::string, std::string> variables = request.environment;
  variables.try_emplace("PATH", "/usr/local/bin:/usr/bin:/bin");
  variables.try_emplace("HOME", home);
  variables.try_emplace("TMPDIR", home);
  variables.try_emplace("LANG", "C.UTF-8");
  Texts list;
  list.reserve(variables.size());
  for (const auto& [name, value] : variables) list.push_back(name + "=" + value);
  return list;
}

/// Arguments of bubblewrap that show the system's programs where they are on this machine.
void show_system(Texts& arguments, bool network) {
  for (const std::string folder : kSystemFolders) {
    std::error_code error;
    if (fs::is_symlink(folder, error)) {
      arguments.insert(arguments.end(), {"--symlink", fs::read_symlink(folder, error), folder});
    } else {
      arguments.insert(arguments.end(), {"--ro-bind-try", folder, folder});
    }
  }
  Texts files;
  append(files, kSystemFiles);
  if (network) append(files, kNetworkFiles);
  for (const std::string& file : files) {
    arguments.insert(arguments.end(), {"--ro-bind-try", file, file});
  }
}

Texts bubblewrap_arguments(const Request& request, const Machine& machine) {
  Texts arguments = {machine.bubblewrap, "--unshare-user", "--unshare-ipc",
                     "--unshare-pid",    "--unshare-uts",  "--unshare-cgroup-try"};
  if (!request.network) arguments.emplace_back("--unshare-net");
  const std::string user(kInsideUser);
  arguments.insert(arguments.end(),
                   {"--uid", user, "--gid", user, "--hostname", "sandbox", "--die-with-parent",
                    "--new-session", "--as-pid-1", "--clearenv"});
  show_system(arguments, request.network);
  arguments.insert(arguments.end(), {"--proc", "/proc", "--dev", "/dev"});
  const std::string disk = std::to_string(request.limits.disk_bytes.value_or(kDiskDefault));
  arguments.insert(arguments.end(),
                   {"--size", std::string(kSharedMemoryBytes), "--tmpfs", "/dev/shm",  //
                    "--size", disk, "--tmpfs", std::string(kInsideHome)});
  if (const std::string& program = request.argv[0]; program[0] == '/' && !is_of_system(program)) {
    arguments.insert(arguments.end(), {"--ro-bind-try", program, program});
  }
  for (const std::string& path : request.read_paths) {
    arguments.insert(arguments.end(), {"--ro-bind", path, path});
  }
  for (const std::string& path : request.write_paths) {
    arguments.insert(arguments.end(), {"--bind", path, path});
  }
  // The folders that bubblewrap makes for all these lie in memory without a limit.
  arguments.insert(arguments.end(),
                   {"--perms", "0555", "--ro-bind-data", std::to_string(plan::kProgramFd),
                    std::string(kInside), "--remount-ro", "/dev", "--remount-ro", "/", "--chdir",
                    std::string(kInsideHome), "--", std::string(kInside), "inside"});
  return arguments;
}

void append_texts(std::string& out, const Texts& texts) {
  for (const std::string& text : texts) out.append(text).push_back('\0');
}

}  // namespace

Result<std::string> plan_text(const Request& request, const Machine& machine,
                              const Capabilities& capabilities, const std::string& scratch) {
  const bool isolated = request.profile == Profile::kIsolated;
  const bool restricted = request.profile == Profile::kRestricted;
  const std::string home = isolated ? std::string(kInsideHome) : scratch;

  Texts bubblewrap;
  Texts read_paths;
  Texts write_paths;
  if (isolated) bubblewrap = bubblewrap_arguments(request, machine);
  if (restricted) {
    append(read_paths, kSystemFolders);
    append(read_paths, kSystemFiles);
    append(read_paths, kReadDevices);
    if (request.network) append(read_paths, kNetworkFiles);
    read_paths.insert(read_paths.end(), request.read_paths.begin(), request.read_paths.end());
    if (request.argv[0][0] == '/') read_paths.push_back(request.argv[0]);
    append(write_paths, kWriteDevices);
    write_paths.insert(write_paths.end(), request.write_paths.begin(), request.write_paths.end());
    write_paths.push_back(scratch);
  }
  std::string filter;
  if (request.profile != Profile::kNone) {
    auto made = seccomp_filter({.profile = request.profile,
                                .network = request.network,
                                .landlock_abi = capabilities.landlock_abi,
                                .memory_counted = request.limits.memory_total_bytes.has_value()});
    if (!made) return made;
    filter = std::move(*made);
  }
  const Texts variables = environment(request, home);

  plan::Header header;
  if (isolated) header.flags |= plan::kUseBubblewrap;
  if (restricted) header.flags |= plan::kUseLandlock;
  if (request.limits.memory_total_bytes) header.flags |= plan::kJoinCgroup;
  if (capabilities.root && machine.run_as) {
    header.flags |= plan::kChangeUser;
    header.user = machine.run_as->uid;
    header.group = machine.run_as->gid;
  }
  header.landlock_abi = static_cast<std::uint32_t>(capabilities.landlock_abi);
  header.limits = {.cpu_seconds = cpu_seconds(request.limits),
                   .address_space_bytes = request.limits.memory_bytes.value_or(0),
                   .open_files = request.limits.open_files,
                   .processes = processes_limit(request, machine, capabilities),
                   .file_bytes = request.limits.file_bytes};
  header.seccomp_instructions = static_cast<std::uint32_t>(filter.size() / 8);
  header.arguments = static_cast<std::uint32_t>(request.argv.size());
  header.environment = static_cast<std::uint32_t>(variables.size());
  header.bubblewrap_arguments = static_cast<std::uint32_t>(bubblewrap.size());
  header.read_paths = static_cast<std::uint32_t>(read_paths.size());
  header.write_paths = static_cast<std::uint32_t>(write_paths.size());

  std::string text(reinterpret_cast<const char*>(&header), sizeof(header));
  text += filter;
  append_texts(text, {home});
  append_texts(text, request.argv);
  append_texts(text, variables);
  append_texts(text, bubblewrap);
  append_texts(text, read_paths);
  append_texts(text, write_paths);
  return text;
}

}  // namespace errand::sandbox
