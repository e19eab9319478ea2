// The first process of every command: it joins the control group, enters bubblewrap where that is
// asked for, starts the command under its limits, passes orders on to it, and when the command or
// the server ends it kills whatever is left of the tree.
//
// A program of its own rather than code between fork() and exec(): the server has threads, so that
// almost nothing would be allowed there, and each of its pages that it then wrote would be copied.
// Linked statically and without the C++ library, so that it starts in a root without any library;
// it therefore uses plain C interfaces, and throws nothing.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "errand/sandbox/init/plan.h"
#include "errand/sandbox/init/remove_tree.h"

namespace {

namespace plan = errand::sandbox::plan;
using plan::Stage;

// --- Landlock (Documentation/userspace-api/landlock.rst); Debian 12's headers know ABI 2 only ----

struct RulesetAttributes {
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;  // ABI 4
  std::uint64_t scoped = 0;              // ABI 6
};

struct [[gnu::packed]] PathBeneath {
  std::uint64_t allowed_access = 0;
  std::int32_t parent_fd = -1;
};

constexpr std::uint64_t kExecute = 1u << 0;
constexpr std::uint64_t kWriteFile = 1u << 1;
constexpr std::uint64_t kReadFile = 1u << 2;
constexpr std::uint64_t kReadDirectory = 1u << 3;
constexpr std::uint64_t kAbi1 = (1u << 13) - 1;
constexpr std::uint64_t kMakeDevices = (1u << 6) | (1u << 11);  // character and block
constexpr std::uint64_t kRefer = 1u << 13;                      // ABI 2
constexpr std::uint64_t kTruncate = 1u << 14;                   // ABI 3
constexpr std::uint64_t kIoctlDevice = 1u << 15;                // ABI 5

struct Plan {
  const plan::Header* header = nullptr;
  const sock_filter* filter = nullptr;
  const char* directory = nullptr;
  char** arguments = nullptr;
  char** environment = nullptr;
  char** bubblewrap = nullptr;
  char** read_paths = nullptr;
  char** write_paths = nullptr;

  [[nodiscard]] bool has(plan::Flags flag) const { return (header->flags & flag) != 0; }
};

void send_report(const plan::Report& report) {
  (void)::send(plan::kControlFd, &report, sizeof(report), MSG_NOSIGNAL);
}

[[noreturn]] void give_up(Stage stage, int error) {
  plan::Report report;
  report.stage = stage;
  report.error = error;
  send_report(report);
  ::_exit(0);
}

// --- Reading the plan ----------------------------------------------------------------------------

/// Memory for the lists of pointers; never given back.
char** pointers(std::size_t count) {
  void* memory = ::mmap(nullptr, (count + 1) * sizeof(char*), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) give_up(Stage::kPlan, errno);
  return static_cast<char**>(memory);
}

char** texts(char*& at, const char* end, std::size_t count) {
  char** list = pointers(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto* nul = static_cast<char*>(std::memchr(at, 0, static_cast<std::size_t>(end - at)));
    if (nul == nullptr) give_up(Stage::kPlan, EINVAL);
    list[i] = at;
    at = nul + 1;
  }
  return list;
}

Plan read_plan() {
  struct stat file = {};
  if (::fstat(plan::kPlanFd, &file) != 0) give_up(Stage::kPlan, errno);
  const auto size = static_cast<std::size_t>(file.st_size);
  if (size < sizeof(plan::Header)) give_up(Stage::kPlan, EINVAL);
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, plan::kPlanFd, 0);
  if (memory == MAP_FAILED) give_up(Stage::kPlan, errno);
  auto* at = static_cast<char*>(memory);
  const char* end = at + size;

  Plan result;
  result.header = reinterpret_cast<const plan::Header*>(at);
  at += sizeof(plan::Header);
  const std::size_t filter_bytes = result.header->seccomp_instructions * sizeof(sock_filter);
  if (filter_bytes > static_cast<std::size_t>(end - at)) give_up(Stage::kPlan, EINVAL);
  result.filter = reinterpret_cast<const sock_filter*>(at);
  at += filter_bytes;
  result.directory = texts(at, end, 1)[0];
  result.arguments = texts(at, end, result.header->arguments);
  result.environment = texts(at, end, result.header->environment);
  result.bubblewrap = texts(at, end, result.header->bubblewrap_arguments);
  result.read_paths = texts(at, end, result.header->read_paths);
  result.write_paths = texts(at, end, result.header->write_paths);
  return result;
}

// --- The command's own process -------------------------------------------------------------------

bool change_user(const plan::Header& header) {
  return ::setgroups(0, nullptr) == 0 &&
         ::setresgid(header.group, header.group, header.group) == 0 &&
         ::setresuid(header.user, header.user, header.user) == 0;
}

/// A limit that this process may not have so high stays lower, which is not weaker.
bool limit(int resource, rlim_t soft, rlim_t hard) {
  rlimit now = {};
  if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &now) != 0) return false;
  rlimit wanted = {};
  wanted.rlim_max = hard < now.rlim_max ? hard : now.rlim_max;
  wanted.rlim_cur = soft < wanted.rlim_max ? soft : wanted.rlim_max;
  return ::setrlimit(static_cast<__rlimit_resource_t>(resource), &wanted) == 0;
}

bool set_limits(const plan::ResourceLimits& limits) {
  return limit(RLIMIT_CORE, 0, 0) &&
         limit(RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1) &&
         limit(RLIMIT_NOFILE, limits.open_files, limits.open_files) &&
         limit(RLIMIT_NPROC, limits.processes, limits.processes) &&
         limit(RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes) &&
         (limits.address_space_bytes == 0 ||
          limit(RLIMIT_AS, limits.address_space_bytes, limits.address_space_bytes));
}

std::uint64_t handled_access(std::uint32_t abi) {
  std::uint64_t access = kAbi1;
  if (abi >= 2) access |= kRefer;
  if (abi >= 3) access |= kTruncate;
  if (abi >= 5) access |= kIoctlDevice;
  return access;
}

/// Allows `access` below `path`. What is not there needs no rule.
bool allow(int ruleset, const char* path, std::uint64_t access) {
  const int fd = ::open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT || errno == ENOTDIR || errno == EACCES;
  struct stat what = {};
  bool done = ::fstat(fd, &what) == 0;
  if (done) {
    PathBeneath rule;
    rule.parent_fd = fd;
    rule.allowed_access =
        S_ISDIR(what.st_mode) ? access : access & (kExecute | kWriteFile | kReadFile | kTruncate);
    done = ::syscall(SYS_landlock_add_rule, ruleset, 1 /* path beneath */, &rule, 0) == 0;
  }
  ::close(fd);
  return done;
}

bool restrict_files(const Plan& plan) {
  const std::uint32_t abi = plan.header->landlock_abi;
  RulesetAttributes attributes;
  attributes.handled_access_fs = handled_access(abi);
  std::size_t size = sizeof(attributes.handled_access_fs);
  if (abi >= 6) {
    // Signals and abstract sockets stay within the command's own tree.
    attributes.scoped = 3;
    size = sizeof(attributes);
  }
  const auto ruleset =
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0));
  if (ruleset < 0) return false;
  const std::uint64_t read = kExecute | kReadFile | kReadDirectory;
  const std::uint64_t write = attributes.handled_access_fs & ~(kMakeDevices | kIoctlDevice);
  for (char** path = plan.read_paths; *path != nullptr; ++path) {
    if (!allow(ruleset, *path, read)) return false;
  }
  for (char** path = plan.write_paths; *path != nullptr; ++path) {
    if (!allow(ruleset, *path, write)) return false;
  }
  const bool done = ::syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  ::close(ruleset);
  return done;
}

/// Replaces this process; returns with errno when it could not.
void execute(const Plan& plan) {
  char* name = plan.arguments[0];
  if (std::strchr(name, '/') != nullptr) {
    ::execve(name, plan.arguments, plan.environment);
    return;
  }
  const char* path = "";
  for (char** entry = plan.environment; *entry != nullptr; ++entry) {
    if (std::strncmp(*entry, "PATH=", 5) == 0) path = *entry + 5;
  }
  int error = ENOENT;
  char file[4096];
  const std::size_t name_length = std::strlen(name);
  while (*path != 0) {
    const std::size_t length = std::strcspn(path, ":");
    if (length > 0 && length + name_length + 2 <= sizeof(file)) {
      std::memcpy(file, path, length);
      file[length] = '/';
      std::memcpy(file + length + 1, name, name_length + 1);
      ::execve(file, plan.arguments, plan.environment);
      if (errno != ENOENT && errno != ENOTDIR) error = errno;
    }
    path += length;
    if (*path == ':') ++path;
  }
  errno = error;
}

struct StartFailure {
  Stage stage;
  int error;
};

/// Takes away, in this order, all that the command shall not have, and becomes the command.
[[noreturn]] void become_command(const Plan& plan, int failures, pid_t parent) {
  const auto stop = [&](Stage stage) {
    const StartFailure failure{stage, errno};
    (void)!::write(failures, &failure, sizeof(failure));
    ::_exit(127);
  };
  ::setsid();
  if (plan.has(plan::kChangeUser) && !plan.has(plan::kUseBubblewrap) &&
      !change_user(*plan.header)) {
    stop(Stage::kUser);
  }
  // After the change of user, which clears it. The parent may have died before.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  ::umask(077);
  if (::chdir(plan.directory) != 0) stop(Stage::kDirectory);
  if (!set_limits(plan.header->limits)) stop(Stage::kLimits);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) stop(Stage::kSeccomp);
  if (plan.has(plan::kUseLandlock) && !restrict_files(plan)) stop(Stage::kLandlock);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */) != 0) {
    for (int fd = 3; fd < 1024; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  if (plan.header->seccomp_instructions > 0) {
    sock_fprog program = {};
    program.len = static_cast<unsigned short>(plan.header->seccomp_instructions);
    program.filter = const_cast<sock_filter*>(plan.filter);
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) stop(Stage::kSeccomp);
  }
  execute(plan);
  stop(Stage::kExec);
  __builtin_unreachable();
}

// --- The supervisor ------------------------------------------------------------------------------

/// The processes below this one, for where no namespace holds them together.
///
/// They may fork faster than they can be killed, each death making room for another one. So they
/// are stopped first, which frees nothing, until a look at the whole tree finds nobody running;
/// then all are killed at once.
class Tree {
 public:
  Tree() {
    void* memory = ::mmap(nullptr, 2 * kMax * sizeof(pid_t), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) give_up(Stage::kFork, errno);
    pids_ = static_cast<pid_t*>(memory);
    before_ = pids_ + kMax;
  }

  /// Stops all that run. @return whether nobody did, now and at the last call, and nobody came or
  /// went in between: then nobody can any more.
  bool stop() {
    pid_t* const last = before_;
    const std::size_t last_count = count_;
    before_ = pids_;
    pids_ = last;
    count_ = 0;
    bool still = true;
    add_children(::getpid());
    for (std::size_t i = 0; i < count_; ++i) {
      // Before its children are listed: a stopped one makes no more of them.
      const char state = state_of(pids_[i]);
      if (state != 'T' && state != 'Z' && state != 'X') {
        // One that waits in the kernel, as for a vforked child that is stopped, stops as soon as it
        // is woken.
        if (state != 'D') still = false;
        ::kill(pids_[i], SIGSTOP);
      }
      add_children(pids_[i]);
    }
    const bool same =
        count_ == last_count && std::memcmp(pids_, before_, count_ * sizeof(pid_t)) == 0;
    const bool settled = still && still_before_ && same;
    still_before_ = still;
    return settled;
  }

  void kill() const {
    for (std::size_t i = 0; i < count_; ++i) ::kill(pids_[i], SIGKILL);
  }

 private:
  static constexpr std::size_t kMax = 1 << 16;

  /// Puts `number` and the texts around it into `path`.
  static void join(char* path, const char* before, pid_t number, const char* after) {
    char digits[16];
    std::size_t n = sizeof(digits);
    do {
      digits[--n] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number > 0);
    path = ::stpcpy(path, before);
    path = static_cast<char*>(::mempcpy(path, digits + n, sizeof(digits) - n));
    ::stpcpy(path, after);
  }

  /// As /proc/PID/stat says: behind the name, which may hold anything.
  static char state_of(pid_t pid) {
    char path[64];
    join(path, "/proc/", pid, "/stat");
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 'X';
    char text[512];
    const ssize_t length = ::read(fd, text, sizeof(text) - 1);
    ::close(fd);
    if (length <= 0) return 'X';
    text[length] = 0;
    const char* bracket = std::strrchr(text, ')');
    return bracket != nullptr && bracket[1] == ' ' ? bracket[2] : 'R';
  }

  /// Children belong to the thread that made them.
  void add_children(pid_t pid) {
    char folder[64];
    join(folder, "/proc/", pid, "/task/");
    DIR* threads = ::opendir(folder);
    if (threads == nullptr) return;
    while (const dirent* entry = ::readdir(threads)) {
      const pid_t thread = std::atoi(entry->d_name);
      if (thread <= 0) continue;
      char path[96];
      join(path, folder, thread, "/children");
      add_listed(path);
    }
    ::closedir(threads);
  }

  void add_listed(const char* path) {
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    char text[4096];
    pid_t pid = 0;
    ssize_t length = 0;
    while ((length = ::read(fd, text, sizeof(text))) > 0) {
      for (ssize_t i = 0; i < length; ++i) {
        if (text[i] >= '0' && text[i] <= '9') {
          pid = pid * 10 + (text[i] - '0');
        } else if (pid > 0) {
          if (count_ < kMax) pids_[count_++] = pid;
          pid = 0;
        }
      }
    }
    ::close(fd);
  }

  pid_t* pids_ = nullptr;
  pid_t* before_ = nullptr;
  std::size_t count_ = 0;
  bool still_before_ = false;
};

class Supervisor {
 public:
  Supervisor(pid_t command, bool first_of_namespace)
      : command_(command), first_of_namespace_(first_of_namespace) {}

  /// Until the command has ended, or is to be killed.
  void watch(int signals) {
    while (!ended_) {
      pollfd events[2] = {};
      events[0].fd = plan::kControlFd;
      events[0].events = POLLIN;
      events[1].fd = signals;
      events[1].events = POLLIN;
      if (::poll(events, 2, -1) < 0) continue;
      if (events[1].revents != 0) {
        signalfd_siginfo drained = {};
        (void)!::read(signals, &drained, sizeof(drained));
        reap();
      }
      if (!ended_ && events[0].revents != 0) {
        char order = 0;
        const ssize_t length = ::recv(plan::kControlFd, &order, 1, 0);
        if (length != 1 || order != plan::kTerminate) return;
        ::kill(-command_, SIGTERM);
        ::kill(-command_, SIGCONT);  // a stopped one would not hear it
      }
    }
  }

  /// Returns when no process of the tree is left.
  void end_tree() {
    if (first_of_namespace_) {
      // One call reaches all, and none of them can fork past it.
      while (!childless_) {
        ::kill(-1, SIGKILL);
        wait_for_end();
      }
      return;
    }
    reap();
    if (childless_) return;
    ::setpriority(PRIO_PROCESS, 0, -20);  // where it may; it is a race
    Tree tree;
    for (int look = 1; !childless_; ++look) {
      // Now and then in any case: what is not understood here must not go on for ever.
      if (tree.stop() || look % 100 == 0) {
        tree.kill();
        ::usleep(500);
      } else {
        ::sched_yield();
      }
      reap();
    }
  }

  [[nodiscard]] int status() const { return status_; }

 private:
  void reap() {
    while (wait_for_one(WNOHANG)) {
    }
  }

  /// Of all that there are now: each was killed.
  void wait_for_end() {
    while (wait_for_one(0)) {
    }
  }

  bool wait_for_one(int options) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, options);
    if (pid < 0 && errno == ECHILD) childless_ = true;
    if (pid <= 0) return false;
    if (pid == command_) {
      ended_ = true;
      status_ = status;
    }
    return true;
  }

  const pid_t command_;
  const bool first_of_namespace_;
  bool ended_ = false;
  bool childless_ = false;
  int status_ = 0;
};

[[noreturn]] void supervise(const Plan& plan) {
  // Else the command, which may have the same user, could look into this process and hold it up.
  ::prctl(PR_SET_DUMPABLE, 0);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);
  sigset_t child;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  const int signals = ::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  int failures[2];
  if (signals < 0 || ::pipe2(failures, O_CLOEXEC) != 0) give_up(Stage::kFork, errno);
  const pid_t self = ::getpid();
  const pid_t command = ::fork();
  if (command < 0) give_up(Stage::kFork, errno);
  if (command == 0) become_command(plan, failures[1], self);
  ::close(failures[1]);
  // The command's own; an end of its output must not be hidden by this process.
  for (int fd = 0; fd <= 2; ++fd) ::close(fd);

  Supervisor supervisor(command, self == 1);
  StartFailure failure{};
  const bool failed = ::read(failures[0], &failure, sizeof(failure)) == sizeof(failure);
  if (!failed) supervisor.watch(signals);
  supervisor.end_tree();

  plan::Report report;
  if (failed) {
    report.stage = failure.stage;
    report.error = failure.error;
  }
  report.status = supervisor.status();
  rusage usage = {};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  const auto us = [](const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 +
           static_cast<std::uint64_t>(time.tv_usec);
  };
  report.cpu_us = us(usage.ru_utime) + us(usage.ru_stime);
  report.peak_rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  send_report(report);
  // Here, since a server that was killed cannot. The report is not kept waiting for it.
  if (!plan.has(plan::kUseBubblewrap)) errand::sandbox::remove_tree(plan.directory);
  ::_exit(0);
}

}  // namespace

/// Started by the library; with the argument "inside" by bubblewrap, for the second half.
int main(int argc, char** argv) {
  const Plan plan = read_plan();
  const bool inside = argc > 1 && std::strcmp(argv[1], "inside") == 0;
  if (!inside && plan.has(plan::kJoinCgroup)) {
    if (::write(plan::kCgroupFd, "0", 1) != 1) give_up(Stage::kCgroup, errno);
    ::close(plan::kCgroupFd);
  }
  if (inside || !plan.has(plan::kUseBubblewrap)) supervise(plan);
  if (plan.has(plan::kChangeUser) && !change_user(*plan.header)) give_up(Stage::kUser, errno);
  char* environment[] = {nullptr};
  ::execve(plan.bubblewrap[0], plan.bubblewrap, environment);
  give_up(Stage::kBubblewrap, errno);
}
