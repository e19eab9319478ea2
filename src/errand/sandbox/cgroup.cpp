#include "errand/sandbox/cgroup.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "errand/sandbox/unique_name.h"

namespace errand::sandbox {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool write_file(const std::string& path, std::string_view text) {
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

bool has_word(std::string_view text, std::string_view word) {
  std::istringstream words{std::string(text)};
  for (std::string one; words >> one;) {
    if (one == word) return true;
  }
  return false;
}

}  // namespace

std::string Cgroup::fault(const std::string& root) {
  if (root.empty()) return "no control group is handed over to the server";
  struct statfs file_system{};
  if (::statfs(root.c_str(), &file_system) != 0) return fmt::format("{} is not there", root);
  if (file_system.f_type != CGROUP2_SUPER_MAGIC) {
    return fmt::format("{} is not a control group of version 2", root);
  }
  const std::string controllers = read_file(root + "/cgroup.subtree_control");
  for (const std::string_view wanted : {"memory", "pids"}) {
    if (!has_word(controllers, wanted)) {
      return fmt::format("the controller {} is not switched on in {}/cgroup.subtree_control",
                         wanted, root);
    }
  }
  if (::access((root + "/cgroup.kill").c_str(), F_OK) != 0) return "the kernel is older than 5.14";
  if (::access(root.c_str(), W_OK) != 0 || ::access((root + "/cgroup.procs").c_str(), W_OK) != 0) {
    return fmt::format("{} does not belong to the server's user", root);
  }
  return "";
}

Result<Cgroup> Cgroup::create(const std::string& root, std::uint64_t memory_bytes,
                              std::uint32_t processes) {
  const std::string path = root + "/" + unique_name("errand-command-");
  const auto cannot = [&path](std::string_view what) {
    return fail(ErrorCode::kUnavailable, fmt::format("{} of the control group {} failed: {}", what,
                                                     path, std::strerror(errno)));
  };
  if (::mkdir(path.c_str(), 0755) != 0) return cannot("The making");
  Cgroup group(path);
  // Swap counts too, else the limit would only slow a command down. Not there: no swap to count.
  if (!write_file(path + "/memory.swap.max", "0") && errno != ENOENT)
    return cannot("memory.swap.max");
  if (!write_file(path + "/memory.max", std::to_string(memory_bytes))) return cannot("memory.max");
  if (!write_file(path + "/memory.oom.group", "1")) return cannot("memory.oom.group");
  if (!write_file(path + "/pids.max", std::to_string(processes))) return cannot("pids.max");
  return group;
}

Cgroup::Cgroup(Cgroup&& other) noexcept : path_(std::exchange(other.path_, "")) {}

Cgroup::~Cgroup() {
  if (path_.empty()) return;
  // It can be removed once the last process is reaped, which is soon after it was killed.
  for (int i = 0; i < 100 && ::rmdir(path_.c_str()) != 0 && errno == EBUSY; ++i) {
    kill();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

Result<FileDescriptor> Cgroup::open_processes() const {
  FileDescriptor file(::open((path_ + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  if (file) return file;
  return fail(ErrorCode::kUnavailable,
              fmt::format("{}/cgroup.procs: {}", path_, std::strerror(errno)));
}

bool Cgroup::ran_out_of_memory() const {
  std::istringstream events(read_file(path_ + "/memory.events"));
  std::string name;
  std::uint64_t count = 0;
  while (events >> name >> count) {
    if (name == "oom_kill" && count > 0) return true;
  }
  return false;
}

void Cgroup::kill() const { write_file(path_ + "/cgroup.kill", "1"); }

}  // namespace errand::sandbox
