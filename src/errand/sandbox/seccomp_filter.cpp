#include "errand/sandbox/seccomp_filter.h"

#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "errand/sandbox/file_descriptor.h"

namespace errand::sandbox {
namespace {

/// A system call, by number too where libseccomp 2.5 does not know its name yet. Calls this young
/// have the same number on every architecture.
struct Call {
  const char* name;
  int number = -1;
};

/// The kernel itself, other namespaces, and other processes' insides. io_uring because it opens
/// sockets past any filter.
constexpr Call kNever[] = {{"mount"},
                           {"umount"},
                           {"umount2"},
                           {"pivot_root"},
                           {"chroot"},
                           {"move_mount"},
                           {"open_tree"},
                           {"open_tree_attr", 467},
                           {"fsopen"},
                           {"fsconfig"},
                           {"fsmount"},
                           {"fspick"},
                           {"mount_setattr", 442},
                           {"statmount", 457},
                           {"listmount", 458},
                           {"swapon"},
                           {"swapoff"},
                           {"reboot"},
                           {"kexec_load"},
                           {"kexec_file_load"},
                           {"init_module"},
                           {"finit_module"},
                           {"delete_module"},
                           {"bpf"},
                           {"perf_event_open"},
                           {"ptrace"},
                           {"process_vm_readv"},
                           {"process_vm_writev"},
                           {"process_madvise", 440},
                           {"process_mrelease", 448},
                           {"kcmp"},
                           {"pidfd_getfd", 438},
                           {"keyctl"},
                           {"add_key"},
                           {"request_key"},
                           {"userfaultfd"},
                           {"unshare"},
                           {"setns"},
                           {"io_uring_setup", 425},
                           {"io_uring_enter", 426},
                           {"io_uring_register", 427},
                           {"acct"},
                           {"quotactl"},
                           {"quotactl_fd", 443},
                           {"syslog"},
                           {"settimeofday"},
                           {"clock_settime"},
                           {"clock_adjtime"},
                           {"adjtimex"},
                           {"stime"},
                           {"sethostname"},
                           {"setdomainname"},
                           {"iopl"},
                           {"ioperm"},
                           {"vm86"},
                           {"vm86old"},
                           {"modify_ldt"},
                           {"lookup_dcookie"},
                           {"nfsservctl"},
                           {"vhangup"},
                           {"open_by_handle_at"},
                           {"name_to_handle_at"},
                           {"fanotify_init"},
                           {"migrate_pages"},
                           {"move_pages"}};

/// Memory that no limit of a process counts.
constexpr Call kUncountedMemory[] = {
    {"memfd_create"}, {"memfd_secret", 447}, {"shmget"}, {"shmat"}, {"shmctl"}, {"ipc"}};

/// What Landlock does not look at, though it changes files of the same user; by name alone, since
/// an open file was looked at when it was opened.
constexpr Call kOthersFiles[] = {{"chmod"},
                                 {"fchmodat"},
                                 {"fchmodat2", 452},
                                 {"chown"},
                                 {"chown32"},
                                 {"lchown"},
                                 {"lchown32"},
                                 {"fchownat"},
                                 {"setxattr"},
                                 {"lsetxattr"},
                                 {"setxattrat", 463},
                                 {"removexattr"},
                                 {"lremovexattr"},
                                 {"removexattrat", 466},
                                 {"file_setattr", 469}};

/// Queues between processes of one user, wherever they run.
constexpr Call kOthersQueues[] = {{"msgget"}, {"semget"}, {"mq_open"}, {"mq_unlink"}};

constexpr Call kSignals[] = {
    {"tkill"}, {"tgkill"}, {"rt_sigqueueinfo"}, {"rt_tgsigqueueinfo"}, {"pidfd_send_signal", 424}};

/// Kinds of sockets beyond those that are asked for below; new ones come at the end.
constexpr int kSocketFamilies = 64;

class Filter {
 public:
  Filter() : context_(::seccomp_init(SCMP_ACT_ALLOW)) {
    if (!context_) failed_ = -ENOMEM;
  }

  template <std::size_t N>
  void refuse(const Call (&calls)[N]) {
    for (const Call& call : calls) refuse(call);
  }

  /// Refuses `call` where its arguments are like that. The kernel looks at the low half only of
  /// arguments that are int, so a comparison for equality must as well.
  void refuse(const Call& call, std::initializer_list<scmp_arg_cmp> like = {}) {
    add(call, EPERM, like);
  }

  void hide(const Call& call) { add(call, ENOSYS, {}); }

  Result<std::string> program() {
    const FileDescriptor file(::memfd_create("errand-filter", MFD_CLOEXEC));
    if (failed_ == 0) failed_ = ::seccomp_export_bpf(context_.get(), file.get());
    if (failed_ != 0) {
      return fail(ErrorCode::kInternal, fmt::format("The filter of system calls was not made: {}.",
                                                    std::strerror(-failed_)));
    }
    std::string bytes(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)), '\0');
    if (::pread(file.get(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
      return fail(ErrorCode::kInternal, "The filter of system calls could not be read.");
    }
    return bytes;
  }

 private:
  struct Release {
    void operator()(void* context) const { ::seccomp_release(context); }
  };

  void add(const Call& call, int error, std::initializer_list<scmp_arg_cmp> like) {
    int number = ::seccomp_syscall_resolve_name(call.name);
    if (number == __NR_SCMP_ERROR) number = call.number;
    if (number == -1 || failed_ != 0) return;
    const int status = ::seccomp_rule_add_array(context_.get(), SCMP_ACT_ERRNO(error), number,
                                                static_cast<unsigned>(like.size()), like.begin());
    // EDOM: this architecture has no such call.
    if (status != 0 && status != -EDOM) failed_ = status;
  }

  std::unique_ptr<void, Release> context_;
  int failed_ = 0;
};

constexpr scmp_datum_t kLowHalf = 0xFFFF'FFFF;

scmp_arg_cmp equals(unsigned argument, std::uint64_t value) {
  return {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = kLowHalf, .datum_b = value};
}
scmp_arg_cmp differs(unsigned argument, std::uint64_t value) {
  return {.arg = argument, .op = SCMP_CMP_NE, .datum_a = value, .datum_b = 0};
}
scmp_arg_cmp has_bit(unsigned argument, std::uint64_t bit) {
  return {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = bit, .datum_b = bit};
}

void refuse_new_namespaces(Filter& filter) {
  for (const std::uint64_t flag : {CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER,
                                   CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP}) {
    filter.refuse({"clone"}, {has_bit(0, flag)});
  }
  // Its flags lie in memory, where a filter cannot look; libraries then take clone.
  filter.hide({"clone3", 435});
}

void refuse_sockets(Filter& filter, const FilterOptions& options) {
  const bool restricted = options.profile == Profile::kRestricted;
  if (restricted && !options.network) {
    filter.refuse({"socket"});
    filter.refuse({"socketcall"});
    return;
  }
  for (int family = 0; family < kSocketFamilies; ++family) {
    // Netlink answers which addresses the machine has, which getaddrinfo() asks. AF_UNIX leads to
    // other programs of the machine, unless in a network namespace of one's own.
    const bool wanted = family == AF_INET || family == AF_INET6 || family == AF_NETLINK ||
                        (family == AF_UNIX && !restricted && !options.network);
    if (!wanted) filter.refuse({"socket"}, {equals(0, static_cast<std::uint64_t>(family))});
  }
  filter.refuse({"socket"}, {{.arg = 0,
                              .op = SCMP_CMP_GE,
                              .datum_a = static_cast<std::uint64_t>(kSocketFamilies),
                              .datum_b = 0}});
}

/// Changes to other processes that only the user is asked for, and that the server's user has.
void refuse_others_settings(Filter& filter) {
  filter.refuse({"prlimit64"}, {differs(0, 0)});
  filter.refuse({"setpriority"}, {differs(1, 0)});
  filter.refuse({"setpriority"}, {equals(0, PRIO_USER)});
  filter.refuse({"ioprio_set"}, {differs(1, 0)});
  filter.refuse({"ioprio_set"}, {equals(0, 3 /* IOPRIO_WHO_USER */)});
  for (const char* call :
       {"sched_setaffinity", "sched_setparam", "sched_setscheduler", "sched_setattr"}) {
    filter.refuse({call}, {differs(0, 0)});
  }
}

/// Without the scopes of ABI 6 a signal reaches each process of the user: left are those to the
/// command's own process group.
void refuse_signals(Filter& filter) {
  filter.refuse({"kill"}, {differs(0, 0)});
  filter.refuse(kSignals);
  for (const int command : {F_SETOWN, 15 /* F_SETOWN_EX */}) {
    filter.refuse({"fcntl"}, {equals(1, static_cast<std::uint64_t>(command))});
  }
  for (const unsigned command : {0x8901U /* FIOSETOWN */, 0x8902U /* SIOCSPGRP */}) {
    filter.refuse({"ioctl"}, {equals(1, command)});
  }
}

/// Without ABI 3 a file that may be read may also be emptied.
void refuse_truncation(Filter& filter) {
  filter.refuse({"truncate"});
  filter.refuse({"truncate64"});
  filter.hide({"openat2", 437});
  const auto empties = [](unsigned argument) {
    return scmp_arg_cmp{.arg = argument,
                        .op = SCMP_CMP_MASKED_EQ,
                        .datum_a = O_ACCMODE | O_TRUNC,
                        .datum_b = O_RDONLY | O_TRUNC};
  };
  filter.refuse({"open"}, {empties(1)});
  filter.refuse({"openat"}, {empties(2)});
}

}  // namespace

Result<std::string> seccomp_filter(const FilterOptions& options) {
  Filter filter;
  filter.refuse(kNever);
  refuse_new_namespaces(filter);
  for (const unsigned command : {0x5412U /* TIOCSTI */, 0x541CU /* TIOCLINUX */}) {
    filter.refuse({"ioctl"}, {equals(1, command)});
  }
  if (!options.memory_counted) filter.refuse(kUncountedMemory);
  refuse_sockets(filter, options);
  if (options.profile == Profile::kRestricted) {
    filter.refuse(kOthersFiles);
    filter.refuse(kOthersQueues);
    refuse_others_settings(filter);
    if (options.landlock_abi < 6) refuse_signals(filter);
    if (options.landlock_abi < 3) refuse_truncation(filter);
  }
  return filter.program();
}

}  // namespace errand::sandbox
