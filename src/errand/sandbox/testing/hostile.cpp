// What a command that means harm would try; run by hostile_test.cpp. Each deed writes what came of
// it to standard output, a line each: "did ..." or "could not ...".

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr std::size_t kMegabyte = std::size_t{1} << 20;

void say(const std::string& line) { (void)!::write(1, (line + "\n").data(), line.size() + 1); }

/// Tells what came of `what`, that gave `result` (negative: it failed).
void tell(const std::string& what, long result) {
  say(result >= 0 ? "did " + what : "could not " + what + ": " + ::strerrorname_np(errno));
}

[[noreturn]] void wait_for_ever() {
  while (true) ::pause();
}

[[noreturn]] void fork_bomb() {
  int made = 1;
  for (pid_t pid = ::fork(); pid >= 0; pid = ::fork()) {
    if (pid == 0) {
      while (true) ::fork();
    }
    ++made;
  }
  say("processes " + std::to_string(made));
  while (true) ::fork();
}

/// A chain of processes, each of which makes the next one and ends.
[[noreturn]] void run_away() {
  say("did start");
  while (true) {
    if (::fork() > 0) ::_exit(0);
    ::setsid();
  }
}

void hog_memory(bool shared) {
  const int kind = shared ? MAP_SHARED : MAP_PRIVATE;
  for (std::size_t n = 1; n <= 4'096; ++n) {
    void* block =
        ::mmap(nullptr, 8 * kMegabyte, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) {
      say("megabytes " + std::to_string((n - 1) * 8));
      ::_exit(1);
    }
    std::memset(block, 1, 8 * kMegabyte);
  }
  say("did take 32 GiB");
}

[[noreturn]] void hog_tree(int megabytes) {
  for (int i = 0; i < 15; ++i) {
    if (::fork() == 0) break;
  }
  char* block = static_cast<char*>(std::malloc(static_cast<std::size_t>(megabytes) * kMegabyte));
  std::memset(block, 1, static_cast<std::size_t>(megabytes) * kMegabyte);
  say("did take it");
  wait_for_ever();
}

/// @return megabytes that went in
int fill(int fd, int megabytes) {
  static const std::string block(kMegabyte, 'x');
  for (int n = 0; n < megabytes; ++n) {
    if (::write(fd, block.data(), block.size()) != static_cast<ssize_t>(block.size())) return n;
  }
  return megabytes;
}

void hog_uncounted_memory() {
  tell("memfd_create", ::memfd_create("hog", 0));
  tell("shmget", ::shmget(IPC_PRIVATE, kMegabyte, IPC_CREAT | 0600));
}

void fill_disk(const std::string& folder, int files, int megabytes) {
  ::signal(SIGXFSZ, SIG_IGN);
  int all = 0;
  for (int i = 0; i < files; ++i) {
    const std::string path = folder + "/fill" + std::to_string(i);
    const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
    if (fd < 0) break;
    all += fill(fd, megabytes);
    ::close(fd);
  }
  say("megabytes " + std::to_string(all));
}

void call_network(std::uint16_t tcp_port, const std::string& abstract_name) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(tcp_port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int tcp = ::socket(AF_INET, SOCK_STREAM, 0);
  tell("connect", tcp < 0 ? -1 : ::connect(tcp, reinterpret_cast<sockaddr*>(&to), sizeof(to)));
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path + 1, abstract_name.data(), abstract_name.size());
  const int unix_socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  const auto length =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + abstract_name.size());
  tell("reach a local socket",
       unix_socket < 0 ? -1 : ::connect(unix_socket, reinterpret_cast<sockaddr*>(&local), length));
  char parameters[120] = {};
  tell("make an io_uring", ::syscall(425, 4, parameters));
  tell("open a packet socket", ::socket(AF_PACKET, SOCK_RAW, 0));
  tell("open a vsock", ::socket(40, SOCK_STREAM, 0));
}

void read_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY);
  char text[256];
  tell("read " + path, fd < 0 ? -1 : ::read(fd, text, sizeof(text)));
}

void spoil_file(const std::string& path) {
  tell("chmod", ::chmod(path.c_str(), 0777));
  tell("truncate", ::truncate(path.c_str(), 0));
  tell("open to truncate", ::open(path.c_str(), O_RDONLY | O_TRUNC));
  tell("open to write", ::open(path.c_str(), O_WRONLY));
  tell("rename", ::rename(path.c_str(), (path + ".taken").c_str()));
  tell("unlink", ::unlink(path.c_str()));
  tell("setxattr", ::syscall(SYS_setxattr, path.c_str(), "user.spoiled", "1", 1, 0));
}

void reach_process(pid_t pid) {
  const std::string proc = "/proc/" + std::to_string(pid);
  read_file(proc + "/environ");
  tell("open its memory", ::open((proc + "/mem").c_str(), O_RDWR));
  tell("ptrace", ::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr));
  char byte = 0;
  iovec here{.iov_base = &byte, .iov_len = 1};
  iovec there{.iov_base = &byte, .iov_len = 1};
  const long got = ::process_vm_readv(pid, &here, 1, &there, 1, 0);
  tell("read its memory", got < 0 && errno == EFAULT ? 0 : got);
  tell("signal it", ::kill(pid, SIGUSR2));
  const int handle = static_cast<int>(::syscall(434, pid, 0));  // pidfd_open
  tell("signal it by handle", ::syscall(424, handle, SIGUSR2, nullptr, 0));
  const rlimit low{.rlim_cur = 4, .rlim_max = 1 << 20};
  tell("lower its limits", ::prlimit(pid, RLIMIT_NOFILE, &low, nullptr));
  tell("lower its priority", ::setpriority(PRIO_PROCESS, static_cast<id_t>(pid), 19));
  // All that it may signal; it is not among them itself.
  ::kill(-1, SIGUSR2);
}

void reach_kernel() {
  tell("mount", ::mount("none", "/tmp", "tmpfs", 0, nullptr));
  tell("make a user namespace", ::unshare(CLONE_NEWUSER));
  const long child =
      ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (child == 0) ::_exit(0);
  tell("clone into a user namespace", child);
  char arguments[88] = {};
  tell("clone3", ::syscall(435, arguments, sizeof(arguments)));
  tell("bpf", ::syscall(SYS_bpf, 5, nullptr, 0));
  tell("perf_event_open", ::syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0));
  tell("add a key", ::syscall(SYS_add_key, "user", "k", "v", 1, KEY_SPEC_SESSION_KEYRING));
  tell("userfaultfd", ::syscall(SYS_userfaultfd, O_CLOEXEC | 1));
  const char letter = 'x';
  tell("type into the terminal", ::ioctl(0, TIOCSTI, &letter));
  // The kernel looks at the low half of the number only.
  tell("type with a longer number",
       ::syscall(SYS_ioctl, 0, 0xFFFF'FFFF'0000'0000UL | TIOCSTI, &letter));
  tell("load a module", ::syscall(SYS_finit_module, 0, "", 0));
  tell("become root", ::setuid(0));
}

[[noreturn]] void escape() {
  for (int i = 0; i < 5; ++i) {
    if (::fork() != 0) continue;
    ::setsid();
    if (::fork() != 0) ::_exit(0);
    ::setpgid(0, 0);
    ::signal(SIGTERM, SIG_IGN);
    ::signal(SIGHUP, SIG_IGN);
    wait_for_ever();
  }
  while (::wait(nullptr) > 0) {
  }
  say("did escape");
  ::_exit(0);
}

[[noreturn]] void ignore_stop() {
  ::signal(SIGTERM, SIG_IGN);
  ::signal(SIGINT, SIG_IGN);
  say("did start");
  wait_for_ever();
}

void nest(int depth) {
  say(std::getenv("HOME") != nullptr ? std::getenv("HOME") : "");
  for (int i = 0; i < depth; ++i) {
    if (::mkdir("nest", 0700) != 0 || ::chdir("nest") != 0) break;
  }
  ::symlink("/etc", "link");
  (void)!::mkdir("closed", 0);
  say("did nest");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view deed = argc > 1 ? argv[1] : "";
  const auto text = [&](int i) { return std::string(argc > i ? argv[i] : ""); };
  const auto number = [&](int i) { return std::atoi(text(i).c_str()); };
  if (deed == "fork-bomb") fork_bomb();
  if (deed == "run-away") run_away();
  if (deed == "hog") hog_memory(text(2) == "shared");
  if (deed == "hog-tree") hog_tree(number(2));
  if (deed == "hog-uncounted") hog_uncounted_memory();
  if (deed == "fill") fill_disk(text(2), number(3), number(4));
  if (deed == "network") call_network(static_cast<std::uint16_t>(number(2)), text(3));
  if (deed == "read") read_file(text(2));
  if (deed == "spoil") spoil_file(text(2));
  if (deed == "process") reach_process(number(2));
  if (deed == "kernel") reach_kernel();
  if (deed == "escape") escape();
  if (deed == "ignore") ignore_stop();
  if (deed == "nest") nest(number(2));
  if (deed == "burn") {
    for (volatile int i = 0;; i = i + 1) {
    }
  }
  if (deed == "flood") {
    const std::string line(4'095, 'x');
    while (true) say(line);
  }
  return 0;
}
