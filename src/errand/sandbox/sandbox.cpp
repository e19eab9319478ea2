#include "errand/sandbox/sandbox.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "errand/base/assert.h"
#include "errand/sandbox/cgroup.h"
#include "errand/sandbox/init/plan.h"
#include "errand/sandbox/init_program.h"
#include "errand/sandbox/plan_text.h"
#include "errand/sandbox/scratch.h"

namespace errand::sandbox {
namespace {

using Clock = std::chrono::steady_clock;

/// How long a killed tree may take to be gone before it is given up.
constexpr std::chrono::seconds kKillPatience{10};
/// Above the descriptors of the plan, so that putting one in place never overwrites another.
constexpr int kLowestDescriptor = 16;
constexpr unsigned kMemfdExec = 0x10;  // MFD_EXEC, Linux 6.3

std::unexpected<Error> cannot(std::string_view what) {
  return fail(ErrorCode::kUnavailable,
              fmt::format("A command cannot be started: {}: {}.", what, std::strerror(errno)));
}

FileDescriptor move_up(FileDescriptor low) {
  return FileDescriptor(::fcntl(low.get(), F_DUPFD_CLOEXEC, kLowestDescriptor));
}

FileDescriptor open_read_only(const FileDescriptor& file) {
  const std::string path = fmt::format("/proc/self/fd/{}", file.get());
  return move_up(FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
}

/// A file in memory that nobody can change any more, open for reading at its start.
Result<FileDescriptor> memory_file(const char* name, std::span<const char> bytes,
                                   bool executable = false) {
  const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  FileDescriptor file(::memfd_create(name, executable ? flags | kMemfdExec : flags));
  // Before Linux 6.3 each can be executed.
  if (!file && executable && errno == EINVAL) file = FileDescriptor(::memfd_create(name, flags));
  if (!file) return cannot("a file in memory");
  std::size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t n = ::write(file.get(), bytes.data() + written, bytes.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return cannot("a file in memory");
    written += static_cast<std::size_t>(n);
  }
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)) {
    return cannot("a file in memory");
  }
  // Anew and for reading alone: a program that is open for writing is not executed.
  FileDescriptor readable = open_read_only(file);
  if (!readable) return cannot("/proc/self/fd");
  return readable;
}

struct Pair {
  FileDescriptor ours;
  FileDescriptor theirs;
};

Result<Pair> make_pipe(const std::optional<User>& owner) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return cannot("a pipe");
  Pair pair{.ours = FileDescriptor(ends[0]), .theirs = FileDescriptor(ends[1])};
  ::fcntl(pair.ours.get(), F_SETFL, O_NONBLOCK);
  // So that the command may open /dev/stderr.
  if (owner) (void)!::fchown(pair.theirs.get(), owner->uid, owner->gid);
  pair.theirs = move_up(std::move(pair.theirs));
  if (!pair.theirs) return cannot("a pipe");
  return pair;
}

Result<Pair> make_control() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return cannot("a socket");
  Pair pair{.ours = FileDescriptor(ends[0]), .theirs = FileDescriptor(ends[1])};
  pair.theirs = move_up(std::move(pair.theirs));
  if (!pair.theirs) return cannot("a socket");
  return pair;
}

std::string_view stage_text(plan::Stage stage) {
  switch (stage) {
    case plan::Stage::kNone:
      return "";
    case plan::Stage::kPlan:
      return "what to do could not be read";
    case plan::Stage::kCgroup:
      return "the control group could not be joined";
    case plan::Stage::kUser:
      return "the user could not be changed";
    case plan::Stage::kBubblewrap:
      return "bubblewrap could not be started";
    case plan::Stage::kFork:
      return "no process could be made";
    case plan::Stage::kDirectory:
      return "the command's folder could not be entered";
    case plan::Stage::kLimits:
      return "the limits could not be set";
    case plan::Stage::kLandlock:
      return "the rules of Landlock could not be set";
    case plan::Stage::kSeccomp:
      return "the filter of system calls could not be set";
    case plan::Stage::kExec:
      return "the program could not be executed";
  }
  std::unreachable();
}

/// Keeps the last bytes of a stream.
class Tail {
 public:
  explicit Tail(std::size_t bytes) : bytes_(bytes) {}

  void append(std::string_view text) {
    total_ += text.size();
    kept_ += text;
    // Now and then only, so that each byte is moved once on average.
    if (kept_.size() > 2 * bytes_ + 4'096) cut();
  }
  [[nodiscard]] std::uint64_t total() const { return total_; }
  std::string take() {
    cut();
    return std::move(kept_);
  }

 private:
  void cut() {
    if (kept_.size() > bytes_) kept_.erase(0, kept_.size() - bytes_);
  }

  const std::size_t bytes_;
  std::uint64_t total_ = 0;
  std::string kept_;
};

}  // namespace

StopSignal::StopSignal() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  ERRAND_ASSERT(event_);
}

void StopSignal::terminate(std::chrono::steady_clock::time_point kill_at) {
  {
    const std::scoped_lock lock(mutex_);
    kill_at_ = kill_at_ ? std::min(*kill_at_, kill_at) : kill_at;
  }
  const std::uint64_t one = 1;
  (void)!::write(event_.get(), &one, sizeof(one));
}

std::optional<std::chrono::steady_clock::time_point> StopSignal::kill_at() const {
  const std::scoped_lock lock(mutex_);
  return kill_at_;
}

/// One run of a command, on its caller's thread.
class Run {
 public:
  Run(const Machine& machine, const Request& request, StopSignal& stop, const LineSink& sink)
      : machine_(machine),
        request_(request),
        stop_(stop),
        sink_(sink),
        log_(request.limits.log_bytes) {}
  /// The init program ends the tree when nobody holds the other end of its socket.
  ~Run() {
    control_.reset();
    reap();
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Result<void> start(const Capabilities& capabilities, const FileDescriptor& program);
  Ended wait();

 private:
  enum class Source { kControl, kOutput, kLog, kStop };

  Result<void> spawn(const FileDescriptor& plan, const FileDescriptor& program, Pair& output,
                     Pair& log, Pair& control);
  [[nodiscard]] std::optional<User> other_user(const Capabilities& capabilities) const {
    return capabilities.root ? machine_.run_as : std::nullopt;
  }

  void watch();
  [[nodiscard]] int milliseconds_left() const;
  void pass_deadlines();
  void order(char what);
  void terminate(Clock::time_point kill_at);
  void kill();
  void kill_for(LimitHit limit);

  bool read_control();
  bool read_output();
  bool read_log();
  void reap();
  void take_output(std::string_view bytes);
  void take_line(std::string_view line);
  Ended conclude();
  [[nodiscard]] bool ended_by(int signal) const;

  const Machine& machine_;
  const Request& request_;
  StopSignal& stop_;
  const LineSink& sink_;
  Tail log_;

  // In this order, since a group can be removed, and a folder, only when no process is left.
  std::optional<Scratch> scratch_;
  std::optional<Cgroup> cgroup_;
  FileDescriptor output_;
  FileDescriptor log_pipe_;
  FileDescriptor control_;
  pid_t init_ = -1;

  Clock::time_point wall_end_;
  std::optional<Clock::time_point> kill_at_;  ///< set once SIGTERM was sent
  std::optional<Clock::time_point> gone_by_;  ///< set once SIGKILL was sent
  std::optional<plan::Report> report_;
  std::string line_;  ///< begun, without its end yet
  Ended ended_;
};

Result<void> Run::start(const Capabilities& capabilities, const FileDescriptor& program) {
  const std::optional<User> user = other_user(capabilities);
  if (request_.profile != Profile::kIsolated) {
    auto scratch = Scratch::create(machine_.scratch, user);
    if (!scratch) return std::unexpected(scratch.error());
    scratch_.emplace(std::move(*scratch));
  }
  if (request_.limits.memory_total_bytes) {
    // With room for bubblewrap and the init program.
    auto group = Cgroup::create(machine_.cgroup, *request_.limits.memory_total_bytes,
                                request_.limits.processes + 4);
    if (!group) return std::unexpected(group.error());
    cgroup_.emplace(std::move(*group));
  }
  const auto text =
      plan_text(request_, machine_, capabilities, scratch_ ? scratch_->path() : std::string());
  if (!text) return std::unexpected(text.error());
  auto plan = memory_file("errand-plan", *text);
  if (!plan) return std::unexpected(plan.error());
  auto output = make_pipe(user);
  if (!output) return std::unexpected(output.error());
  auto log = make_pipe(user);
  if (!log) return std::unexpected(log.error());
  auto control = make_control();
  if (!control) return std::unexpected(control.error());
  return spawn(*plan, program, *output, *log, *control);
}

Result<void> Run::spawn(const FileDescriptor& plan, const FileDescriptor& program, Pair& output,
                        Pair& log, Pair& control) {
  auto input = memory_file("errand-input", request_.input);
  if (!input) return std::unexpected(input.error());
  // bubblewrap reads from where the descriptor stands, which others may have moved.
  const FileDescriptor shown = open_read_only(program);
  if (!shown) return cannot("/proc/self/fd");
  FileDescriptor group;
  if (cgroup_) {
    auto processes = cgroup_->open_processes();
    if (!processes) return std::unexpected(processes.error());
    group = move_up(std::move(*processes));
    if (!group) return cannot("the control group");
  }

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  const auto put = [&actions](const FileDescriptor& from, int to) {
    ::posix_spawn_file_actions_adddup2(&actions, from.get(), to);
  };
  put(*input, 0);
  put(output.theirs, 1);
  put(log.theirs, 2);
  put(control.theirs, plan::kControlFd);
  put(plan, plan::kPlanFd);
  put(shown, plan::kProgramFd);
  if (group) put(group, plan::kCgroupFd);

  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(
      &attributes,
      static_cast<short>(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
  char name[] = "errand-init";
  char* arguments[] = {name, nullptr};
  char* environment[] = {nullptr};
  const std::string path = fmt::format("/proc/self/fd/{}", program.get());
  wall_end_ = Clock::now() + request_.limits.wall;
  const int status =
      ::posix_spawn(&init_, path.c_str(), &actions, &attributes, arguments, environment);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (status != 0) {
    init_ = -1;
    errno = status;
    return cannot("its init program");
  }
  output_ = std::move(output.ours);
  log_pipe_ = std::move(log.ours);
  control_ = std::move(control.ours);
  return {};
}

Ended Run::wait() {
  watch();
  // What was written before the end; nobody writes any more.
  while (read_output()) {
  }
  if (!line_.empty()) take_line(std::exchange(line_, {}));
  while (read_log()) {
  }
  reap();
  return conclude();
}

void Run::reap() {
  if (init_ < 0) return;
  int status = 0;
  while (::waitpid(init_, &status, 0) < 0 && errno == EINTR) {
  }
  init_ = -1;
}

void Run::watch() {
  while (true) {
    std::array<pollfd, 4> events{};
    // Negative ones are passed over.
    events[0] = {.fd = control_.get(), .events = POLLIN, .revents = 0};
    events[1] = {.fd = output_.get(), .events = POLLIN, .revents = 0};
    events[2] = {.fd = log_pipe_.get(), .events = POLLIN, .revents = 0};
    events[3] = {.fd = gone_by_ ? -1 : stop_.event_.get(), .events = POLLIN, .revents = 0};
    if (::poll(events.data(), events.size(), milliseconds_left()) < 0) continue;
    if (events[3].revents != 0) {
      std::uint64_t count = 0;
      (void)!::read(stop_.event_.get(), &count, sizeof(count));
      ended_.stopped = true;
      terminate(stop_.kill_at().value_or(Clock::time_point::min()));
    }
    if (events[1].revents != 0) read_output();
    if (events[2].revents != 0) read_log();
    if (events[0].revents != 0 && read_control()) return;
    pass_deadlines();
  }
}

int Run::milliseconds_left() const {
  Clock::time_point next = kill_at_ ? *kill_at_ : wall_end_;
  if (gone_by_) next = *gone_by_;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

void Run::pass_deadlines() {
  const auto now = Clock::now();
  if (gone_by_) {
    if (now < *gone_by_) return;
    // The last resort: its namespace ends with bubblewrap, a control group at once. What then is
    // left waits within the kernel.
    ended_.left_over = true;
    ::kill(init_, SIGKILL);
    if (cgroup_) cgroup_->kill();
    gone_by_ = now + kKillPatience;
  } else if (kill_at_) {
    if (now >= *kill_at_) kill();
  } else if (now >= wall_end_) {
    if (ended_.limit == LimitHit::kNone) ended_.limit = LimitHit::kWall;
    terminate(wall_end_ + request_.limits.grace);
  }
}

void Run::order(char what) { (void)!::send(control_.get(), &what, 1, MSG_NOSIGNAL | MSG_DONTWAIT); }

void Run::terminate(Clock::time_point kill_at) {
  if (gone_by_) return;
  const bool first = !kill_at_;
  kill_at_ = kill_at_ ? std::min(*kill_at_, kill_at) : kill_at;
  if (*kill_at_ <= Clock::now()) {
    kill();
  } else if (first) {
    order(plan::kTerminate);
  }
}

void Run::kill() {
  if (gone_by_) return;
  gone_by_ = Clock::now() + kKillPatience;
  order(plan::kKill);
  if (cgroup_) cgroup_->kill();
}

void Run::kill_for(LimitHit limit) {
  if (ended_.limit == LimitHit::kNone) ended_.limit = limit;
  kill();
}

bool Run::read_control() {
  plan::Report report;
  const ssize_t length = ::recv(control_.get(), &report, sizeof(report), MSG_DONTWAIT);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (length == sizeof(report)) report_ = report;
  return true;
}

/// Reads once; a command that never stops writing must not keep this from its deadlines.
/// @return whether there may be more
bool Run::read_output() {
  std::array<char, 65'536> bytes;
  const ssize_t length = ::read(output_.get(), bytes.data(), bytes.size());
  if (length < 0) return errno == EINTR;
  if (length == 0) {
    output_.reset();
    return false;
  }
  take_output({bytes.data(), static_cast<std::size_t>(length)});
  return true;
}

void Run::take_output(std::string_view bytes) {
  ended_.output_bytes += bytes.size();
  if (ended_.output_bytes > request_.limits.output_bytes) {
    kill_for(LimitHit::kOutput);
    line_.clear();
  }
  if (gone_by_) return;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (line_.size() + part.size() > request_.limits.line_bytes) {
      line_.clear();
      kill_for(LimitHit::kLine);
      return;
    }
    if (end == std::string_view::npos) {
      line_ += part;
      return;
    }
    bytes.remove_prefix(end + 1);
    if (line_.empty()) {
      take_line(part);
    } else {
      line_ += part;
      take_line(std::exchange(line_, {}));
    }
  }
}

void Run::take_line(std::string_view line) {
  if (ended_.refused || !sink_ || sink_(line)) return;
  ended_.refused = true;
  kill();
}

bool Run::read_log() {
  std::array<char, 65'536> bytes;
  const ssize_t length = ::read(log_pipe_.get(), bytes.data(), bytes.size());
  if (length < 0) return errno == EINTR;
  if (length == 0) {
    log_pipe_.reset();
    return false;
  }
  log_.append({bytes.data(), static_cast<std::size_t>(length)});
  if (log_.total() > request_.limits.output_bytes) kill_for(LimitHit::kOutput);
  return true;
}

/// Whether a signal ended the command, or a shell says so of its child.
bool Run::ended_by(int signal) const {
  return ended_.signal == signal || ended_.exit_status == 128 + signal;
}

Ended Run::conclude() {
  ended_.log_bytes = log_.total();
  ended_.log = log_.take();
  const bool out_of_memory = cgroup_ && cgroup_->ran_out_of_memory();
  if (!report_) {
    ended_.signal = SIGKILL;
    if (out_of_memory) {
      ended_.limit = LimitHit::kMemory;
    } else if (!gone_by_) {
      ended_.fault = StartFault::kSandbox;
      ended_.fault_text = ended_.log.empty() ? "its init program ended early"
                                             : ended_.log.substr(0, ended_.log.find('\n'));
    }
    return std::move(ended_);
  }
  ended_.cpu = std::chrono::microseconds(report_->cpu_us);
  ended_.peak_rss_bytes = report_->peak_rss_bytes;
  if (report_->stage != plan::Stage::kNone) {
    const int error = report_->error;
    ended_.fault = StartFault::kSandbox;
    if (report_->stage == plan::Stage::kExec) {
      if (error == ENOENT || error == ENOTDIR) ended_.fault = StartFault::kNotFound;
      if (error == EACCES || error == ENOEXEC || error == EISDIR || error == EPERM) {
        ended_.fault = StartFault::kNotExecutable;
      }
    }
    ended_.fault_text = fmt::format("{}: {}", stage_text(report_->stage), std::strerror(error));
    return std::move(ended_);
  }
  if (WIFEXITED(report_->status)) {
    ended_.exit_status = WEXITSTATUS(report_->status);
  } else {
    ended_.signal = WTERMSIG(report_->status);
  }
  if (ended_.limit != LimitHit::kNone || ended_.exit_status == 0) return std::move(ended_);

  const Limits& limits = request_.limits;
  const auto cpu = limits.cpu.value_or(
      std::chrono::ceil<std::chrono::seconds>(limits.wall + std::chrono::seconds(10)));
  if (out_of_memory) {
    ended_.limit = LimitHit::kMemory;
  } else if (ended_by(SIGXCPU) || (ended_by(SIGKILL) && !gone_by_ && ended_.cpu >= cpu)) {
    ended_.limit = LimitHit::kCpu;
  } else if (ended_by(SIGXFSZ)) {
    ended_.limit = LimitHit::kFileSize;
  } else if (limits.memory_bytes && !gone_by_ &&
             ended_.peak_rss_bytes >= *limits.memory_bytes / 5 * 4) {
    // It fails in its own way when it gets no more: this tells why as far as can be told.
    ended_.limit = LimitHit::kMemory;
  }
  return std::move(ended_);
}

std::string Ended::describe() const {
  switch (limit) {
    case LimitHit::kNone:
      break;
    case LimitHit::kWall:
      return "it ran longer than its limit of time";
    case LimitHit::kCpu:
      return "it used more CPU time than its limit";
    case LimitHit::kMemory:
      return fmt::format("it used up its limit of memory (its largest process had {} MiB)",
                         peak_rss_bytes >> 20);
    case LimitHit::kFileSize:
      return "it wrote a file beyond its limit of size";
    case LimitHit::kOutput:
      return "it wrote more output than its limit";
    case LimitHit::kLine:
      return "it wrote a line of output longer than its limit";
  }
  if (fault != StartFault::kNone) return fault_text;
  if (exit_status) return fmt::format("it exited with status {}", *exit_status);
  return fmt::format("it was killed by signal {} ({})", signal, ::sigabbrev_np(signal));
}

Result<std::shared_ptr<Sandbox>> Sandbox::create(Machine machine, Capabilities capabilities) {
  auto program = memory_file("errand-init", init_program(), /*executable=*/true);
  if (!program) return std::unexpected(program.error());
  return std::shared_ptr<Sandbox>(
      new Sandbox(std::move(machine), std::move(capabilities), std::move(*program)));
}

Result<void> Sandbox::check(const Request& request) const {
  return sandbox::check(request, machine_, capabilities_);
}

Result<Ended> Sandbox::run(const Request& request, StopSignal& stop, const LineSink& sink) const {
  if (auto good = check(request); !good) return std::unexpected(good.error());
  Run run(machine_, request, stop, sink);
  if (auto started = run.start(capabilities_, program_); !started) {
    return std::unexpected(started.error());
  }
  return run.wait();
}

}  // namespace errand::sandbox
